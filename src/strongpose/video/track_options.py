"""TrackOptions: when people in a video are taken for the same."""

from __future__ import annotations

from dataclasses import dataclass

from strongpose.runtime import DEFAULT_THRESHOLD

__all__ = ["TrackOptions"]


@dataclass(frozen=True)
class TrackOptions:
    """When people are taken for the same, when they are new, and when they are gone.

    Attributes:
        min_oks: least OKS between where a person is expected and where a pose was found.
        low_score: people who score less are not looked at; those above it carry tracks on.
        high_score: people who score less start no track.
        confirm_score: people who score this much get an id at once.
        min_hits: others get it once they were seen in so many …
        window: … of so many frames in a row.
        max_age: seconds a person may be unseen and still be expected to move on at the last velocity.
        reid_age: seconds somebody unseen for longer may be re-identified by the colours of the clothes.
        reid_distance: colour distance (`strongpose.video.appearance`) up to which that is done.
        max_colour_distance: people whose clothes, seen unoccluded, differ more are never taken for the same.
        colour_weight: how much the colour distance d counts beside the OKS, which is multiplied by exp(-weight d).
        duplicate_oks: OKS to somebody who carries a track on above which a pose is left out: the same person, found
            twice.

    Raises:
        ValueError: if a value makes no sense; says what was expected.
    """

    min_oks: float = 0.05
    low_score: float = 0.2
    high_score: float = DEFAULT_THRESHOLD
    confirm_score: float = 0.6
    min_hits: int = 3
    window: int = 5
    max_age: float = 0.5
    reid_age: float = 2.0
    reid_distance: float = 0.1
    max_colour_distance: float = 0.3
    colour_weight: float = 7.0
    duplicate_oks: float = 0.3

    def __post_init__(self) -> None:
        for name in ("min_oks", "duplicate_oks", "reid_distance", "max_colour_distance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0-1, got {getattr(self, name)}")
        if not 0 <= self.low_score <= self.high_score <= self.confirm_score:
            raise ValueError(
                "expected 0 <= low_score <= high_score <= confirm_score, "
                f"got {self.low_score}, {self.high_score}, {self.confirm_score}"
            )
        if not 1 <= self.min_hits <= self.window:
            raise ValueError(f"expected 1 <= min_hits <= window, got {self.min_hits} of {self.window}")
        for name in ("max_age", "reid_age", "colour_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    @classmethod
    def from_threshold(cls, score: float) -> TrackOptions:
        """The defaults, but people whose score never reaches ``score`` (0-1) get no id."""
        usual = cls()
        return cls(
            low_score=min(usual.low_score, score), high_score=score, confirm_score=max(usual.confirm_score, score)
        )
