"""What a pose network is made of, checked, and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from strongpose.network.norm import NormMode
from strongpose.skeleton import COCO, Skeleton

__all__ = ["NetworkConfig"]

_MOST = 4096  # of any number in a file's configuration; beyond, memory would decide

_ResNetName = Literal["resnet50", "resnet101", "resnet152", "resnet50v2", "resnet101v2", "resnet152v2"]
BackboneName = Literal["lite0", "lite2", "mobile", "mobile16", _ResNetName]
_GONE = ("neck_rank", "fine_channels")
_COARSEST = {"lite0": 32, "lite2": 32, "mobile16": 16}  # stride of the last features under a pyramid


@dataclass(frozen=True)
class NetworkConfig:
    """What a pose network is made of.

    Attributes:
        skeleton: gives the channels of the heads.
        backbone: "lite0" or "lite2" (EfficientNet-lite), "mobile" (MobileNet with context and refinement), "mobile16"
            (the same with its later stages at stride 16), a ResNet ("resnet50", "resnet101", "resnet152", with "v2"
            behind for pre-activation units) or "timm:NAME" for a backbone of the timm library.
        output_stride: pixels per cell of the backbone's (finest) features: 4 or 8 for "lite0", "lite2" and "mobile",
            8 for "mobile16", 8, 16 or 32 for ResNets.
        last_stage: 4, or 3 to cut a ResNet after stage 3.
        norm: batch norms of ResNets and of "lite0" and "lite2": "frozen", "fixed" statistics only (SP §IV-B), or
            "trained".
        upsample: pixel-shuffle factor u of the heads, 1, 2 or 4: the fields' stride is output_stride / u.
        neck_channels: width of what lies between backbone and heads: of the pyramid for "lite0", "lite2" and
            "mobile16", of two 3×3 convolutions else, which 0 leaves out.
        half_scale: also see the image at half its size and learn which scale counts where; needs a neck of
            convolutions. Sides of images are then multiples of 2·output_stride plus 1.
        dilation: how many times denser the features are than those that neck and head were trained on; see
            `at_output_stride`.
        freeze_stages: that many first stages of the backbone are not trained.
        middle_head: supervise a layer in the middle of the network as well (SP §IV-B), in training only.

    Raises:
        ValueError: if a value is not one of those above; the message says what was expected.
    """

    skeleton: Skeleton = COCO
    backbone: BackboneName | str = "mobile"
    output_stride: int = 8
    last_stage: Literal[3, 4] = 4
    norm: NormMode = "fixed"
    upsample: int = 2
    neck_channels: int = 256
    half_scale: bool = False
    dilation: int = 1
    freeze_stages: int = 0
    middle_head: bool = True

    def __post_init__(self) -> None:
        if self.backbone not in get_args(BackboneName) and not self.backbone.startswith("timm:"):
            raise ValueError(
                f"backbone must be one of {', '.join(get_args(BackboneName))} or 'timm:NAME', got {self.backbone!r}"
            )
        fine = self.has_pyramid or self.backbone == "mobile"
        if fine and self.output_stride not in (4, 8):
            raise ValueError(f"the {self.backbone} backbone has output_stride 4 or 8, got {self.output_stride}")
        if not fine and self.output_stride not in (8, 16, 32):
            raise ValueError(f"output_stride must be 8, 16 or 32, got {self.output_stride}")
        if self.backbone == "mobile16" and self.output_stride != 8:
            raise ValueError(f"the mobile16 backbone has output_stride 8, got {self.output_stride}")
        if self.last_stage not in (3, 4):
            raise ValueError(f"last_stage must be 3 or 4, got {self.last_stage}")
        if self.norm not in get_args(NormMode):
            raise ValueError(f"norm must be one of {', '.join(get_args(NormMode))}, got {self.norm!r}")
        if self.upsample not in (1, 2, 4):
            raise ValueError(f"upsample must be 1, 2 or 4, got {self.upsample}")
        for name in ("neck_channels", "freeze_stages"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.dilation < 1:
            raise ValueError(f"dilation must be 1 or more, got {self.dilation}")
        if self.has_pyramid:
            if not self.neck_channels:
                raise ValueError(f"the {self.backbone} backbone needs a pyramid, got neck_channels 0")
            for name, none in (("half_scale", False), ("dilation", 1)):
                if getattr(self, name) != none:
                    raise ValueError(f"the {self.backbone} backbone has no {name}, got {getattr(self, name)}")
        if self.half_scale and not self.neck_channels:
            raise ValueError("half_scale needs a neck, got neck_channels 0")

    @property
    def stride(self) -> int:
        """Pixels per cell of the fields."""
        return self.output_stride // self.upsample

    @property
    def has_pyramid(self) -> bool:
        """Whether the backbone gives features at several strides, which a pyramid adds up."""
        return self.backbone in _COARSEST

    @property
    def coarse_stride(self) -> int:
        """Input sides are multiples of this many pixels, plus 1."""
        return _COARSEST[self.backbone] if self.has_pyramid else self.output_stride * (2 if self.half_scale else 1)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {**asdict(self), "skeleton": self.skeleton.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NetworkConfig:
        """The configuration that `to_dict` wrote.

        Raises:
            ValueError: if a field is missing, unknown or does not fit.
        """
        expected = {field.name for field in fields(cls)}
        unknown_to_older_files = {"half_scale": False, "dilation": 1}
        data = {**unknown_to_older_files, **data} if isinstance(data, dict) else data
        if isinstance(data, dict):  # older files, the released ones among them, name parts that are gone
            data = {name: value for name, value in data.items() if name not in _GONE or value}
        if not isinstance(data, dict) or set(data) != expected:
            got = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise ValueError(f"a network configuration needs the fields {sorted(expected)}, got {got}")
        for name, value in data.items():
            kind = {"skeleton": dict, "backbone": str, "norm": str, "middle_head": bool, "half_scale": bool}.get(
                name, int
            )
            if not isinstance(value, kind) or (isinstance(value, int) and not 0 <= value <= _MOST):
                wanted = f"a whole number up to {_MOST}" if kind is int else f"a {kind.__name__}"
                raise ValueError(f"{name} must be {wanted}, got {value!r:.80}")
        if any(sign in data["backbone"].removeprefix("timm:") for sign in ":/\\"):
            raise ValueError("backbone must not be fetched from elsewhere, got " + repr(data["backbone"]))
        return cls(**{**data, "skeleton": Skeleton.from_dict(data["skeleton"])})
