"""Opens model files in a process of its own, as native code could crash: ``python try_models.py RUNTIME FILE ...``.

Prints a line of JSON for each file, before and after: its name, then what became of it.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from strongpose.exceptions import ModelError
from strongpose.inference import StrongPose

if __name__ == "__main__":
    runtime, *paths = sys.argv[1:]
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    for path in paths:
        print(json.dumps({"path": path}), flush=True)
        try:
            poses = StrongPose.from_pretrained(path, runtime=runtime, threads=1, size=33)(photo)  # type: ignore[arg-type]
            outcome = "taken" if np.isfinite(poses.keypoints).all() else "keypoints that are not finite"
        except ModelError as error:
            fits = path in str(error) and len(str(error).splitlines()) == 1 and len(str(error)) < 1000
            outcome = "refused" if fits else f"not one line that names it: {error!r}"
        except Exception as error:
            outcome = repr(error)[:300]
        print(json.dumps({"outcome": outcome}), flush=True)
