"""Leeds Sports Pose and its extended training set: ``joints.mat``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strongpose._util.installing import install_command
from strongpose.data.convert.dataset import data_set, describe_person, photo_size
from strongpose.exceptions import ConversionError
from strongpose.skeletons import load_skeleton

__all__ = ["read_lsp"]


def read_lsp(path: Path, images: Path | None) -> dict[str, Any]:
    """LSP's ``joints.mat`` of shape (3, 14, N), or LSP-extended's of shape (14, 3, N), one person a photo.

    Rows are x, y and a flag; joints are right ankle, knee, hip, left hip, knee, ankle, right wrist, elbow, shoulder,
    left shoulder, elbow, wrist, neck, head top, sides as the person's own. Photos are im0001.jpg … in LSP and
    im00001.jpg … in LSP-extended. In LSP a flag of 1 means hidden (visibility 1), 0 visible (2). In LSP-extended 1
    means labelled (2), and a joint with flag 0 has no usable place (0). Coordinates are taken as they are.

    Source: the READMEs of lsp_dataset.zip and lspet_dataset.zip for order and shape. They call the flag "visibility";
    that LSP's is turned round is how users of the set read it.

    Raises:
        ConversionError: if the file does not have that format, or a photo is missing.
        ImportError: if scipy is missing.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise ImportError(f"{path}: reading .mat files needs: {install_command('data')}") from error
    try:
        joints = np.asarray(loadmat(path)["joints"], dtype=np.float64)
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except KeyError as error:
        raise ConversionError(f"{path}: holds no variable 'joints'") from error
    except (ValueError, TypeError, IndexError, NotImplementedError, MatReadError) as error:  # also version 7.3
        raise ConversionError(f"{path}: not a .mat file of version 5 with numbers 'joints' ({error})") from error
    if joints.ndim == 3 and joints.shape[:2] == (3, 14):
        people, extended = joints.transpose(2, 1, 0), False
    elif joints.ndim == 3 and joints.shape[:2] == (14, 3):
        people, extended = joints.transpose(2, 0, 1), True
    else:
        raise ConversionError(
            f"{path}: expected joints of shape (3, 14, N), LSP, or (14, 3, N), LSP-extended, got {joints.shape}"
        )
    photos, annotations = [], []
    for number, person in enumerate(people, start=1):
        what = f"{path}, person {number}"
        if not np.isin(person[:, 2], (0, 1)).all():
            raise ConversionError(f"{what}: flags must be 0 or 1, got {sorted(set(person[:, 2].tolist()))}")
        labelled = person[:, 2] == 1
        visibility = np.where(labelled, 2, 0) if extended else np.where(labelled, 1, 2)
        if not np.isfinite(person[visibility > 0]).all():
            raise ConversionError(f"{what}: coordinates are not finite numbers")
        name = f"im{number:05d}.jpg" if extended else f"im{number:04d}.jpg"
        width, height = photo_size(images, name, what)
        photos.append({"id": number, "file_name": name, "width": width, "height": height})
        annotations.append(describe_person(number, np.concatenate([person[:, :2], visibility[:, None]], axis=1)))
    return data_set(photos, annotations, load_skeleton("lsp14"))
