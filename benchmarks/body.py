"""Measure what the body heat map does for poses: as a gate of seeds, in scores, and against duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from bootstrap import Matches, difference, match

from strongpose import Poses, StrongPose
from strongpose.annotations import load_sets, photo_folder
from strongpose.decode import decode
from strongpose.encode.drawn_body import body_targets
from strongpose.evaluation import MAX_DETECTIONS, evaluate_results
from strongpose.fields import Fields, cells_to_pixels

SURE = 0.1  # score from which a keypoint is part of the drawn body


@dataclass(frozen=True)
class Setting:
    """A use of the body heat map; each is off as it stands here."""

    gate: float = 0.0
    """`DecodeOptions.body_threshold`: seeds on cells with less body heat are dropped."""
    weight: float = 0.0
    """`DecodeOptions.body_weight`: keypoint scores are multiplied by the body heat along their limbs, to this power."""
    rank: float = 0.0
    """Person scores are multiplied by the mean body heat on the body drawn from the keypoints, to this power."""
    overlap: float = 1.0
    """Of two poses, the weaker is a duplicate if their bodies share more than this part of the smaller one's heat."""
    left: float = 0.0
    """What a duplicate's score is multiplied by; 0 drops it."""

    def __str__(self) -> str:
        duplicates = f"duplicates above {self.overlap} {f'× {self.left}' if self.left else 'dropped'}"
        parts = [f"{name} {getattr(self, name)}" for name in ("gate", "weight", "rank") if getattr(self, name)]
        return ", ".join([*parts, *([duplicates] if self.overlap < 1 else [])]) or "off"


SETTINGS = (
    *(Setting(gate=gate) for gate in (0.1, 0.3, 0.5)),
    *(Setting(weight=weight) for weight in (0.25, 0.5, 1.0)),
    *(Setting(rank=rank) for rank in (0.25, 0.5, 1.0)),
    *(Setting(overlap=overlap, left=left) for left in (0.0, 0.5) for overlap in (0.7, 0.8, 0.9)),
)


@dataclass(frozen=True)
class Arguments:
    """Print COCO's figures with each use of the body heat map, and the 95 % interval of the difference to none."""

    model: tyro.conf.Positional[str]
    """A released model's name, or the path of an .onnx file."""
    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON) beside their photos; several are one set."""
    size: int | None = None
    """Long side in pixels; left out, what the model recommends."""
    threshold: float = 0.25
    """Score from which a person is shown, and can be a false positive."""
    together: Setting = Setting(gate=0.3, weight=0.25, overlap=0.9, left=0.5)
    """The last row: several uses at once."""


def main(arguments: Arguments) -> None:
    if not arguments.annotations:
        raise SystemExit("name annotation files after the model")
    torch.set_num_threads(1)
    estimator = StrongPose.from_pretrained(arguments.model, size=arguments.size)
    skeleton = estimator.info.skeleton
    folders = [photo_folder(file) for file in arguments.annotations]
    data, paths = load_sets(arguments.annotations, folders, skeleton)
    settings = (Setting(), *SETTINGS, arguments.together)
    results: dict[Setting, list[dict[str, Any]]] = {setting: [] for setting in settings}
    for image_id, path in paths.items():
        fitted = estimator.fit(path)
        fields = estimator.fields(fitted)
        decoded: dict[tuple[float, float], tuple[Poses, np.ndarray]] = {}
        for setting, found in results.items():
            own = setting.gate, setting.weight  # what the decoder itself does
            if own not in decoded:
                poses = decode(fields, replace(estimator.options, body_threshold=own[0], body_weight=own[1]))
                decoded[own] = poses, drawn_bodies(poses, fields)
            poses = with_body(*decoded[own], fields.body, setting)[:MAX_DETECTIONS]
            keypoints = poses.keypoints.copy()
            keypoints[..., :2] = fitted.to_photo(keypoints[..., :2])
            found += replace(poses, keypoints=keypoints).to_coco(image_id, data["categories"][0]["id"])
    complete = np.array([image.get("complete", True) for image in data["images"]])
    print(f"{len(paths)} photos; found and false: people a photo, on the {complete.sum()} annotated completely\n")
    print("| body heat map | AP | AP50 | AP75 | AP medium | AP large | AR | difference of AP (95 % interval) ", end="")
    print("| found | false | false at equal recall |\n|---|---|---|---|---|---|---|---|---|---|---|")
    plain = match(results[Setting()], data, skeleton.sigmas)
    for setting, found in results.items():
        matches = match(found, data, skeleton.sigmas)
        f = evaluate_results(found, data, skeleton.sigmas)
        figures = [f"{v:.3f}" for v in (f.ap, f.ap50, f.ap75, f.ap_medium, f.ap_large, f.ar)]
        gain = str(difference(plain, matches)) if setting != Setting() else ""
        counts = shown(matches, plain, complete, arguments.threshold)
        cells = [str(setting), *figures, gain, *(f"{count / max(1, complete.sum()):.2f}" for count in counts)]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nThe most that can be won by dropping false positives: {difference(plain, without_wrong(plain))}")


def shown(matches: Matches, plain: Matches, complete: np.ndarray, threshold: float) -> Sequence[int]:
    """Of photos annotated completely, found people, false positives, and false positives where as many are found.

    Args:
        matches: what is counted.
        plain: what gives the number of found people for the third count.
        complete: (P,) bool.
        threshold: score from which a person is shown, in the first two counts.
    """
    of = complete[matches.photos]
    right, wrong = matches.hits[0] & of, ~(matches.hits[0] | matches.ignored[0]) & of
    shows = matches.scores >= threshold
    wanted = int((plain.hits[0] & complete[plain.photos] & (plain.scores >= threshold)).sum())
    scores = matches.scores[right]  # the highest first
    lowest = scores[wanted - 1] if 0 < wanted <= len(scores) else 0.0
    return int((right & shows).sum()), int((wrong & shows).sum()), int((wrong & (matches.scores >= lowest)).sum())


def without_wrong(matches: Matches) -> Matches:
    """The matches without the poses that match nobody, at COCO's lowest threshold."""
    kept = matches.hits[0] | matches.ignored[0]
    scores, photos = matches.scores[kept], matches.photos[kept]
    return replace(matches, scores=scores, photos=photos, hits=matches.hits[:, kept], ignored=matches.ignored[:, kept])


def with_body(poses: Poses, drawn: np.ndarray, body: np.ndarray, setting: Setting) -> Poses:
    """The poses, ranked by body and without duplicates as the setting says.

    Args:
        poses: N people in the network's input.
        drawn: (N, h · w), see `drawn_bodies`.
        body: (h, w) body heat map.
        setting: what to do.
    """
    heat = drawn * body.ravel()
    scores = poses.scores * (heat.sum(axis=1) / np.maximum(drawn.sum(axis=1), 1)) ** setting.rank
    order = np.argsort(-scores, kind="stable")
    scores, drawn, heat = scores[order], drawn[order], heat[order]
    own = heat.sum(axis=1)
    shared = np.minimum((heat @ drawn.T) / np.maximum(np.minimum(own[:, None], own), 1e-6), 1)
    stays = np.ones(len(poses), dtype=bool)
    for i in range(1, len(poses)):
        stays[i] = not (stays[:i] & (shared[i, :i] > setting.overlap)).any()
    scores = np.where(stays, scores, setting.left * scores)
    kept = np.flatnonzero(stays | (setting.left > 0))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    return replace(poses[order[kept]], scores=scores[kept])


def drawn_bodies(poses: Poses, fields: Fields) -> np.ndarray:
    """(N, h · w) float32, 1 on the cells that the body drawn from each person's sure keypoints covers."""
    h, w = fields.size
    keypoints = torch.from_numpy(poses.keypoints[:, None])  # each person in an image of their own
    xs, ys = (cells_to_pixels(torch.arange(side, dtype=torch.float32), fields.stride) for side in (w, h))
    drawn = body_targets(keypoints[..., :2], keypoints[..., 2] >= SURE, xs, ys, fields.skeleton)
    return drawn.reshape(len(poses), h * w).numpy().astype(np.float32)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
