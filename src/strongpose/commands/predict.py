"""``strongpose predict``: photos in, a picture and a JSON file with the poses of each out."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from strongpose._util.signals import StopRequest
from strongpose.runtime import RuntimeChoice

if TYPE_CHECKING:
    from strongpose.images.folders import Found
    from strongpose.inference import Prediction, StrongPose

__all__ = ["Wanted", "predict", "predict_all"]

_PANORAMA, _USUAL = 2.5, 1.5  # long side by short side: from which a hint is given, and of most photos
_FEW = 2  # people


def predict(
    photos: Annotated[
        Positional[tuple[str, ...]], arg(metavar="PHOTO|FOLDER|PATTERN ...", help_behavior_hint="(at least one)")
    ],
    /,
    out: Annotated[Path, arg(metavar="FOLDER")],
    model: Annotated[str, arg(metavar="NAME|PATH")] = "base",
    size: Annotated[
        tuple[int, ...], arg(metavar="PIXELS ...", help_behavior_hint="(default: what the model recommends)")
    ] = (),
    flip: FlagCreatePairsOff[bool] = False,
    bodies: FlagCreatePairsOff[bool] = False,
    fields: FlagCreatePairsOff[bool] = False,
    threshold: float = 0.25,
    keypoint_threshold: float = 0.1,
    threads: int = 0,
    batch: int = 1,
    runtime: RuntimeChoice = "auto",
    resume: FlagCreatePairsOff[bool] = False,
) -> int:
    """Find the people in photos; writes NAME.poses.jpg and NAME.poses.json for each photo.

    Args:
        photos: Photos, folders of photos, or quoted patterns such as 'holiday/*.jpg'.
        out: Folder for the results; it is made if need be.
        model: A model that comes with the package, or the path of an .onnx or .xml file.
        size: Scale photos to this long side in pixels; larger finds smaller people and takes longer.
            Of several, all are looked at and averaged: better, and the times add up. Name the photos first.
        flip: Look at the mirrored photo as well: better, and half as fast.
        bodies: Also find the part of the photo that each person covers: tinted under the pose, and in the
            JSON as COCO segmentation (run-length encoding), bbox and area.
        fields: Also draw what the network predicts and how the poses grow from it: NAME.fields.jpg.
        threshold: Leave people with a lower score out.
        keypoint_threshold: Do not draw keypoints with a lower score; the JSON has them all.
        threads: CPU threads of the network; 0 takes all cores.
        batch: Photos that go through the network together; more than one pays on a GPU.
        runtime: What runs the network; auto takes the fastest that is installed.
        resume: Leave out photos whose results lie in the folder already, whole, made with the same model and options
            and no older than the photo; so an interrupted run goes on.
    """
    from strongpose.inference import StrongPose
    from strongpose.runtime import resolve_model

    missing, found = _find(photos)
    paths = found.photos
    if not photos:
        _complain("name at least one photo, folder or pattern; `strongpose predict --help` explains")
    if batch < 1:
        _complain(f"--batch must be at least 1 photo, got {batch}")
    if not paths or batch < 1:
        return 1
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = resolve_model(model)
        estimator = StrongPose.from_pretrained(file, size=size or None, flip=flip, threads=threads, runtime=runtime)
        wanted = Wanted(threshold, keypoint_threshold, bodies, fields, _digest(estimator, file))
    except OSError as error:
        _complain(f"--out {out}: cannot be made ({error.strerror})")
        return 1
    except ValueError as error:
        _complain(str(error))
        return 1

    done = predict_all(estimator, paths, out, wanted, batch, resume, found.left_out)
    return 0 if done and not missing else 1


@dataclass(frozen=True)
class Wanted:
    """What to write about a photo, see `predict`, and a digest of what the poses depend on otherwise."""

    threshold: float
    keypoint_threshold: float
    bodies: bool
    fields: bool
    estimator: str = ""

    @property
    def run(self) -> str:
        """Digest of everything on which the results depend, but for the photo."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:16]

    @property
    def pictures(self) -> tuple[str, ...]:
        """The kinds of pictures."""
        from strongpose.images.results import KINDS

        return KINDS if self.fields else KINDS[:1]


def predict_all(
    estimator: StrongPose,
    paths: Sequence[Path],
    out: Path,
    wanted: Wanted,
    batch: int = 1,
    resume: bool = False,
    left_out: Sequence[str] = (),
) -> bool:
    """Write the results of photos into a folder and a line about each to standard output.

    Args:
        estimator: what finds the people.
        paths: the photos.
        out: the folder.
        wanted: what to write.
        batch: photos that go through the network together.
        resume: leave out the photos whose results are in the folder.
        left_out: what else was left out, told in the last line.

    Returns:
        Whether all went well; what did not is told on standard error.

    Raises:
        KeyboardInterrupt: after the photo at hand, when SIGTERM has come.
    """
    from strongpose._util.lines import printable
    from strongpose.exceptions import ImageError, ModelError
    from strongpose.images.folders import first_names
    from strongpose.images.results import result_names

    targets = {path: out / name for path, name in zip(paths, result_names(paths, out), strict=True)}
    if resume:
        targets = {path: target for path, target in targets.items() if not _is_done(path, target, wanted)}
        print(f"{len(paths) - len(targets)} of {len(paths)} photos have their results in {out} already")
    done = people = 0
    failed: list[Path] = []
    start = time.perf_counter()
    try:
        with StopRequest(signal.SIGTERM) as stop, closing(estimator.predictions(targets, batch)) as looks:
            for number, ((path, target), look) in enumerate(zip(targets.items(), looks, strict=True), start=1):
                if stop.is_set:
                    raise KeyboardInterrupt(f"interrupted after {done} photos; the same command with --resume goes on")
                if isinstance(look, ImageError):
                    failed.append(path)
                    _complain(str(look))
                    continue
                try:
                    count = _predict_one(estimator, look, path, target, wanted)
                except OSError as error:
                    failed.append(path)
                    _complain(f"{printable(str(path))}: the results cannot be written to {out} ({error.strerror})")
                    continue
                done += 1
                people += count
                found = f"{count} {'person' if count == 1 else 'people'}{_hint(look, estimator.size, count)}"
                found += f"; results called {printable(target.name)}" if target.name != path.stem else ""
                print(f"[{number}/{len(targets)}] {printable(str(path))}: {found}", flush=True)
    except ModelError as error:
        _complain(str(error))
        return False
    speed = f"{len(targets) / (time.perf_counter() - start):.2f} photos/s with {estimator.runtime.name}"
    more = f"; failed: {first_names(failed)}" if failed else ""
    more += f"; left out: {', '.join(left_out)}" if left_out else ""
    print(f"{done} of {len(targets)} photos, {people} people, {speed}; results in {out}{more}")
    return done == len(targets)


def _digest(estimator: StrongPose, model: Path) -> str:
    from strongpose.evaluation.results_log import describe_run

    return json.dumps(describe_run(estimator, model, {}))


def _is_done(path: Path, target: Path, wanted: Wanted) -> bool:
    """Whether the results of a photo are there, whole, of the same run, and no older than the photo.

    The JSON file is written last, and each file whole or not at all.
    """
    from strongpose.images.results import is_about

    results = target.with_name(f"{target.name}.poses.json")
    try:
        about = json.loads(results.read_bytes())
        fresh = results.stat().st_mtime >= path.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return False
    drawn = all(target.with_name(f"{target.name}.{kind}.jpg").is_file() for kind in wanted.pictures)
    is_ours = isinstance(about, dict) and "photo" in about and is_about(about, path)
    return fresh and drawn and is_ours and about.get("run") == wanted.run


def _find(arguments: Sequence[str]) -> tuple[bool, Found]:
    """What the arguments name, and whether one of them names no photo, which is told, as is what is not opened."""
    from strongpose.images.folders import Found, photos_named

    missing, parts = False, []
    for argument in arguments:
        try:
            part = photos_named(argument)
        except OSError as error:
            missing = True
            _complain(f"{argument}: the folder cannot be read ({error.strerror}); check its permissions")
            continue
        parts.append(part)
        if not part.photos and not part.results:  # which shells put in the place of a pattern
            missing = True
            why = f"; left out: {', '.join(part.left_out)}" if part.left_out else ""
            _complain(f"{argument}: no such photo, and no folder or pattern that holds one{why}; check the path")
    found = Found.all_of(parts)
    if found.results and not found.photos:
        _complain(f"no photo to look at; left out: {', '.join(found.left_out)}")
    if found.other_pictures:
        _complain(f"{_listed(found.other_pictures)}: pictures of this kind are not opened; save them as JPEG or PNG")
    if found.unnamed:
        _complain(
            f"{_listed(found.unnamed)}: not looked at, as the name does not end like a photo's; rename it to .jpg"
        )
    if found.folders:
        _complain(f"{_listed(found.folders)}: its photos are not looked at; folders in a folder must be named as well")
    return missing, found


def _listed(paths: Sequence[Path]) -> str:
    from strongpose._util.lines import printable

    return printable(f"{paths[0]}" if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more")


def _hint(look: Prediction, size: int, people: int) -> str:
    """What to do about a panorama in which hardly anybody was found, as its short side is few pixels at the input."""
    height, width = look.photo.shape[:2]
    short, long = sorted((height, width))
    if people > _FEW or long <= _PANORAMA * short:
        return ""
    better = min(long, 10 * round(size * long / short / _USUAL / 10))
    if better < 1.2 * size:
        return ""
    return (
        f"; the photo has {width}×{height} pixels, and the network saw its short side in {round(size * short / long)}: "
        f"--size {better} may find more people"
    )


def _predict_one(estimator: StrongPose, look: Prediction, path: Path, target: Path, wanted: Wanted) -> int:
    """Write the results of one photo to ``target`` plus ``.poses.json`` …; returns the number of people."""
    from strongpose import draw
    from strongpose._util.atomic_write import write_atomically
    from strongpose.decode.body import body_regions
    from strongpose.images.results import jpeg_of

    photo = look.photo
    poses = estimator.decode(look.fields, look.fitted)
    poses = poses[poses.scores >= wanted.threshold]
    regions = body_regions(look.fields, poses, look.fitted) if wanted.bodies else None
    ground = photo if regions is None else draw.draw_bodies(photo, regions)
    pictures = {"poses": draw.draw_poses(ground, poses, wanted.keypoint_threshold)}
    if wanted.fields:
        pictures["fields"] = draw.draw_fields(look.fields, look.fitted, poses, estimator.options)
    for kind, picture in pictures.items():
        write_atomically(target.with_name(f"{target.name}.{kind}.jpg"), jpeg_of(picture))
    about = {"photo": str(path), "width": photo.shape[1], "height": photo.shape[0], "run": wanted.run}
    details = None if regions is None else [region.to_coco() for region in regions]
    write_atomically(target.with_name(f"{target.name}.poses.json"), poses.to_json(about, details))
    return len(poses)


def _complain(message: str) -> None:
    print(f"strongpose: {message}", file=sys.stderr, flush=True)
