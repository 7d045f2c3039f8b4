"""``strongpose data convert``: other annotation formats to COCO's, COCO's to YOLO's, and other keypoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from strongpose._util.terminal import complain, say
from strongpose.commands.help_texts import BESIDE
from strongpose.commands.options import Flag
from strongpose.commands.outputs import unwritable_file, unwritable_folder

if TYPE_CHECKING:
    from strongpose.skeleton import Skeleton

__all__ = ["convert"]

Source = Literal["coco", "crowdpose", "lsp", "mpii", "ochuman", "posetrack", "yolo"]


def convert(
    annotations: Annotated[Positional[Path], arg(metavar="FILE|FOLDER")],
    /,
    source: Annotated[Source, arg(name="from")],
    out: Annotated[Path, arg(metavar="OUT.json|FOLDER")],
    to: Literal["coco", "yolo"] = "coco",
    images: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint=BESIDE)] = None,
    skeleton: Annotated[str | None, arg(metavar="NAME|FILE.json", help_behavior_hint="(default: the format's)")] = None,
    neck_from_shoulders: Flag = False,
) -> int:
    """Convert annotation formats, or choose other keypoints.

    Other formats become COCO's, and COCO's becomes YOLO's.

    Examples:
        strongpose data convert FOLDER --from yolo --images FOLDER --out OUT.json
        strongpose data convert ANNOTATIONS.json --from coco --to yolo --out FOLDER

    Args:
        annotations: What to convert: a file, or for yolo and posetrack a folder.
        source: Its format. lsp is joints.mat, also the extended set's; mpii the JSON form, one entry a person.
        out: The file to write; for yolo a folder of labels.
        to: The format to write.
        images: Folder of the photos: for lsp, mpii, posetrack and yolo, which do not hold their sizes; for the others
            the photos are compared with the sizes that are stated.
        skeleton: Keypoints to write: taken by name, unlabelled where the annotations lack them. For --from yolo, the
            keypoints that the labels are about.
        neck_from_shoulders: Let a neck that the annotations lack lie midway between the shoulders: an estimate.
    """
    from strongpose._util.atomic_write import write_atomically
    from strongpose._util.lines import counted, unheard
    from strongpose.annotations import photo_folder, photo_paths
    from strongpose.data.convert import with_skeleton, write_yolo
    from strongpose.exceptions import ConversionError
    from strongpose.skeletons import load_skeleton

    if to == "coco" and out.suffix != ".json":
        return complain(f"--out {out}: the name must end in .json")
    if reason := unwritable_file("--out", out) if to == "coco" else unwritable_folder("--out", out):
        return complain(reason)
    try:
        if source in ("lsp", "mpii", "yolo"):  # which need the photos
            images = photo_folder(annotations, images)
        data = _read(annotations, source, images, skeleton)
        if images is not None and source in ("coco", "crowdpose", "ochuman"):  # whose files state the photos' sizes
            photo_paths(data, images, annotations)
        chosen = load_skeleton(skeleton) if skeleton else _usual(source)
        if chosen is not None:
            heard = unheard if skeleton is None else lambda line: say(f"{annotations}: {line}")
            data = with_skeleton(data, chosen, neck_from_shoulders, heard)
        elif neck_from_shoulders:
            raise ConversionError("--neck-from-shoulders needs a --skeleton with a keypoint 'neck'")
        if to == "yolo":
            people, labelled = write_yolo(data, out, say)
            regions = 0
        else:
            write_atomically(out, json.dumps(data))
            regions = sum(bool(person.get("iscrowd")) for person in data["annotations"])
            people = len(data["annotations"]) - regions
            labelled = sum(person.get("num_keypoints", 0) for person in data["annotations"])
    except (ValueError, ImportError) as error:  # the annotations, the skeleton, or a missing package
        reason = " ".join(str(error).splitlines())
        where = "" if str(annotations) in reason else f"{annotations}: "
        return complain(f"{where}{reason}")
    except (TypeError, AttributeError, LookupError, ArithmeticError) as error:  # fields of other types
        return complain(f"{annotations}: does not have the format {source} ({error!r:.200})")
    except OSError as error:
        return complain(f"{error.filename or out}: cannot be read or written ({error.strerror})")
    names = data["categories"][0]["keypoints"]
    photos = counted(len(data["images"]), "photo")
    found = counted(people, "person", "people") + (f", {counted(regions, 'ignore region')}" if regions else "")
    print(f"{out}: {photos}, {found}, {labelled} labelled keypoints of {len(names)} kinds")
    if to == "yolo":
        print(f"for its data.yaml: kpt_shape: [{len(names)}, 3], {_about_flips(names, chosen)}")
    return 0


def _read(annotations: Path, source: Source, images: Path | None, skeleton: str | None) -> dict[str, Any]:
    from strongpose.data import convert
    from strongpose.skeletons import load_skeleton

    match source:
        case "coco":
            return convert.read_coco(annotations, say)
        case "crowdpose":
            return convert.read_crowdpose(annotations, say)
        case "lsp":
            return convert.read_lsp(annotations, images)
        case "mpii":
            return convert.read_mpii(annotations, images)
        case "ochuman":
            return convert.read_ochuman(annotations)
        case "posetrack":
            return convert.read_posetrack(annotations, images, say)
        case "yolo":
            return convert.read_yolo(annotations, images, load_skeleton(skeleton or "coco"), say)


def _usual(source: Source) -> Any:
    """The skeleton of formats that list keypoints which they or others hardly use; None keeps the data's own."""
    from strongpose.skeletons import load_skeleton

    return {"ochuman": load_skeleton("coco"), "posetrack": load_skeleton("posetrack15")}.get(source)


def _about_flips(names: list[str], chosen: Skeleton | None) -> str:
    """For YOLO's data.yaml, the partners of keypoints on the other side, or why they are not known."""
    from strongpose.skeletons import skeleton_named_like
    from strongpose.skeletons.sides_by_name import sides_by_name

    skeleton = chosen or skeleton_named_like(tuple(names))
    if skeleton is not None and skeleton.flip_pairs:
        return f"flip_idx: {list(skeleton.flip_order)}"
    sides = sides_by_name(names)
    if sides.flip_order is not None:
        flips = f"flip_idx: {list(sides.flip_order)}"
        if not sides.doubtful:
            return flips
        middle = ", ".join(map(repr, sides.doubtful[:5])) + (", …" if len(sides.doubtful) > 5 else "")
        return f"{flips}; this takes {middle} as being in the middle: correct it by hand if not"
    remedy = "or train without mirroring (fliplr: 0.0)"
    if sides.alone:
        which = ", ".join(map(repr, sides.alone[:3])) + (", …" if len(sides.alone) > 3 else "")
        return f"flip_idx is not known, as the names show no other side of {which}; write it by hand, {remedy}"
    return (
        f"flip_idx is not known, as no keypoint has a side by its name; if none has any, it counts from 0 to "
        f"{len(names) - 1}; otherwise write it by hand, {remedy}"
    )
