"""``strongpose predict``: photos in, a picture and a JSON file with the poses of each out."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from strongpose._util.lines import counted, pace, printable
from strongpose._util.signals import StopRequest
from strongpose._util.terminal import complain, say, time_left
from strongpose.commands.estimator_options import EstimatorOptions, KeypointThreshold, Threshold
from strongpose.commands.inputs import not_a_photo
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_folder
from strongpose.poses import KEYPOINT_THRESHOLD

if TYPE_CHECKING:
    from strongpose.commands.photo_results import ResultOptions
    from strongpose.images.folders import Found
    from strongpose.inference import Prediction, StrongPose

__all__ = ["predict", "predict_all"]

_PANORAMA, _USUAL = 2.5, 1.5  # long side by short side: from which a hint is given, and of most photos
_FEW = 2  # people
_LARGER = 1.4  # times the size, at which smaller people are found
_NO_PHOTO = "no such photo, and no folder or pattern that holds one"


def predict(
    photos: Annotated[
        Positional[tuple[str, ...]], arg(metavar="PHOTO|FOLDER|PATTERN ...", help_behavior_hint="(at least one)")
    ],
    /,
    out: Annotated[Path, arg(metavar="FOLDER")],
    bodies: Flag = False,
    fields: Flag = False,
    threshold: Threshold = None,
    keypoint_threshold: KeypointThreshold = KEYPOINT_THRESHOLD,
    batch: int = 1,
    resume: Flag = False,
    recursive: Flag = False,
    network: EstimatorOptions = EstimatorOptions(),
) -> int:
    """Find the people in photos: a picture and a JSON file of each.

    Writes NAME.poses.jpg, with the poses drawn, and NAME.poses.json for each photo; those of
    photos in folders of a folder keep the tree.

    Examples:
        strongpose predict PHOTO.jpg --out RESULTS
        strongpose predict FOLDER --out RESULTS --threshold 0.4 --resume

    Args:
        photos: Photos, folders of photos, or quoted patterns such as 'holiday/*.jpg'. Name them first.
        out: Folder for the results; it is made if need be.
        bodies: Also find the part of the photo that each person covers: tinted under the pose, and in the
            JSON as "body" with COCO's segmentation (run-length encoding) and area.
        fields: Also draw what the network predicts at the largest size and how the poses grow from it:
            NAME.fields.jpg.
        threshold: Leave people with a lower score out.
        keypoint_threshold: Do not draw keypoints with a lower score, those near it faintly; the files have them all.
        batch: Batch size of inference; more than 1 pays on a GPU.
        resume: Leave out photos whose results lie in the folder already, whole, made with the same model and options
            and no older than the photo; so an interrupted run resumes.
        recursive: Also take the photos in the folders of folders, to the bottom. A folder that holds no photo itself is
            searched so anyway.
        network: Model and inference options.
    """
    from strongpose.commands.photo_results import ResultOptions, describe_estimator
    from strongpose.runtime import resolve_model

    if wrong := unwritable_folder("--out", out):
        return complain(wrong)
    missing, found = _find(photos, recursive, out)
    if not photos:
        say("name at least one photo, folder or pattern; `strongpose predict --help` explains")
    if not 0 <= keypoint_threshold <= 1:
        return complain(f"--keypoint-threshold must lie in 0-1, got {keypoint_threshold}")
    if batch < 1:
        say(f"--batch must be at least 1 photo, got {batch}")
    if not found.photos or batch < 1:
        return 1
    try:
        estimator = network.open(threshold)
        about = describe_estimator(estimator, resolve_model(network.model))
    except ValueError as error:  # the model
        return complain(error)
    options = ResultOptions(keypoint_threshold, bodies, fields, about)
    done = predict_all(estimator, found, out, options, batch, resume)
    return 0 if done and not missing else 1


def predict_all(
    estimator: StrongPose,
    found: Found,
    out: Path,
    options: ResultOptions,
    batch: int = 1,
    resume: bool = False,
) -> bool:
    """Write the results of photos into a folder and a line about each to standard output.

    Args:
        estimator: what finds the people.
        found: the photos, and what was left out, which is told in the last line.
        out: the folder.
        options: what to write.
        batch: photos that go through the network together.
        resume: leave out the photos whose results are in the folder.

    Returns:
        Whether all went well; what did not is told on standard error.

    Raises:
        KeyboardInterrupt: after the photo at hand, when SIGTERM has come.
    """
    from strongpose.commands.photo_results import has_results, write_results
    from strongpose.exceptions import ImageError, ModelError
    from strongpose.images.folders import first_names
    from strongpose.images.results import result_names

    paths = found.photos
    targets = dict(zip(paths, result_names(paths, out, found.subfolders), strict=True))
    if resume:
        targets = {path: target for path, target in targets.items() if not has_results(path, target, options)}
        print(f"{len(paths) - len(targets)} of {len(paths)} photos have their results in {out} already")
        if not (targets or found.left_out):
            return True
    done = people = 0
    failed: list[Path] = []
    start = time.perf_counter()
    try:
        with StopRequest(signal.SIGTERM) as stop, closing(estimator.predictions(targets, batch)) as predictions:
            for number, (path, prediction) in enumerate(zip(targets, predictions, strict=True), start=1):
                if stop.is_set:
                    raise KeyboardInterrupt(
                        f"interrupted after {counted(done, 'photo')}; the same command with --resume continues"
                    )
                if isinstance(prediction, ImageError):
                    failed.append(path)
                    say(prediction)
                    continue
                try:
                    count = write_results(estimator, prediction, path, targets[path], options)
                except OSError as error:
                    failed.append(path)
                    say(f"{path}: the results cannot be written to {out} ({error.strerror})")
                    continue
                done += 1
                people += count
                line = counted(count, "person", "people") + _hint(prediction, estimator.size, count)
                line += f"; results called {printable(targets[path].name)}" if targets[path].name != path.stem else ""
                line += time_left(number, len(targets), time.perf_counter() - start)
                print(f"[{number}/{len(targets)}] {printable(str(path))}: {line}", flush=True)
    except ModelError as error:
        complain(error)
        return False
    speed = f"{pace(len(targets), time.perf_counter() - start, 'photo')} with {estimator.runtime.name}"
    more = f"; failed: {first_names(failed)}" if failed else ""
    more += f"; left out: {', '.join(found.left_out)}" if found.left_out else ""
    if done and not people:
        larger = round(_LARGER * estimator.size)
        more += f"; try --size {larger // 2} {larger} for small people"
    print(
        f"{done} of {counted(len(targets), 'photo')}, {counted(people, 'person', 'people')}, {speed}; "
        f"results in {out}{more}"
    )
    return done == len(targets)


def _find(arguments: Sequence[str], recursive: bool, out: Path) -> tuple[bool, Found]:
    """What the arguments name, and whether one of them names no photo, which is told, as is what is not opened."""
    from strongpose.images.folders import Found, only_videos, photos_named

    missing, parts = False, []
    for argument in arguments:
        if "://" in argument:
            missing = True
            say(f"{argument}: photos are not downloaded; download it, and name the file")
            continue
        try:
            part = photos_named(argument, recursive, out)
        except OSError as error:
            missing = True
            say(f"{error.filename or argument}: the folder cannot be read ({error.strerror}); check its permissions")
            continue
        path = Path(argument)
        if part.photos == (path,) and path.is_file() and (wrong := not_a_photo(path)):
            missing = True
            say(wrong)
            continue
        parts.append(part)
        if part.subfolders and not recursive:
            say(f"{argument}: holds no photo itself, so the folders in it are searched")
        if not part.photos and not part.results:  # which shells put in the place of a pattern
            missing = True
            why = f"; left out: {', '.join(part.left_out)}" if part.left_out else ""
            nothing = "the folder holds no photo" if path.is_dir() else _NO_PHOTO
            say(only_videos(path) or f"{argument}: {nothing}{why}; check the path")
    found = Found.all_of(parts)
    if found.results and not found.photos:
        say(f"no photo to process; left out: {', '.join(found.left_out)}")
    if found.other_pictures:
        say(f"{_listed(found.other_pictures)}: pictures of this kind are not opened; save them as JPEG or PNG")
    if found.unnamed:
        say(f"{_listed(found.unnamed)}: skipped, as the name does not end like a photo's; rename it to .jpg")
    if found.folders:
        remedy = "links to folders are not followed, name it as well" if recursive else "--recursive takes them, too"
        say(f"{_listed(found.folders)}: its photos are skipped; {remedy}")
    return missing, found


def _listed(paths: Sequence[Path]) -> str:
    return f"{paths[0]}" if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _hint(prediction: Prediction, size: int, people: int) -> str:
    """What to do about a panorama in which hardly anybody was found, as its short side is few pixels at the input."""
    height, width = prediction.photo.shape[:2]
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
