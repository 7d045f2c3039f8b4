"""Measure kinematic graphs: people left disconnected by unlabelled keypoints, and the upper bound of AP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from strongpose.evaluation import evaluate_results
from strongpose.skeleton import COCO, COCO_19, COCO_TREE

Edges = tuple[tuple[int, int], ...]

# what was added last, in the order in which it is taken away again
ADDED = (
    (("left_ankle", "right_ankle"),),
    (("left_wrist", "left_hip"), ("right_wrist", "right_hip")),
    (("left_shoulder", "right_wrist"), ("right_shoulder", "left_wrist")),
)


def graphs() -> dict[str, Edges]:
    """The graphs that are compared, by name."""
    result = {"coco (default)": COCO.edges}
    edges = COCO.edges
    for links in ADDED:
        left_out = {frozenset(COCO.names.index(name) for name in link) for link in links}
        edges = tuple(edge for edge in edges if frozenset(edge) not in left_out)
        names = " and ".join("–".join(link).replace("_", " ") for link in links)
        result[f"… without {names}"] = edges
    return result | {"coco-19": COCO_19.edges, "coco-tree": COCO_TREE.edges}


def pieces(labelled: np.ndarray, edges: Edges) -> list[np.ndarray]:
    """The (K,) labelled keypoints as masks of those that edges between labelled keypoints hold together."""
    piece = np.where(labelled, np.arange(len(labelled)), -1)
    for _ in labelled:
        for a, b in edges:
            if labelled[a] and labelled[b]:
                piece[[a, b]] = min(piece[a], piece[b])
    return [piece == name for name in np.unique(piece[labelled])]


def read_people(annotations: Path) -> list[dict[str, Any]]:
    """The people whom a human labelled, crowds left out."""
    people = json.loads(annotations.read_text())["annotations"]
    return [
        person
        for person in people
        if not person["iscrowd"] and person["num_keypoints"] > 0 and person.get("keypoint_source", "human") == "human"
    ]


def share_cut(people: list[dict[str, Any]], edges: Edges) -> float:
    """The share of people who come in pieces."""
    labelled = [np.reshape(person["keypoints"], (-1, 3))[:, 2] > 0 for person in people]
    return float(np.mean([len(pieces(mask, edges)) > 1 for mask in labelled]))


def ceiling(annotations: Path, edges: Edges) -> float:
    """The AP of a decoder that finds every piece exactly, each as a person; bigger pieces score higher."""
    results = []
    for person in read_people(annotations):
        keypoints = np.reshape(person["keypoints"], (-1, 3)).astype(float)
        for piece in pieces(keypoints[:, 2] > 0, edges):
            found = np.where(piece[:, None], keypoints, [*keypoints[piece, :2].mean(axis=0), 0])
            score = float(piece.sum() / len(piece))
            results.append({"image_id": person["image_id"], "category_id": 1, "keypoints": found.ravel().tolist()})
            results[-1]["score"] = score
    return evaluate_results(results, annotations, COCO.sigmas).ap


@dataclass(frozen=True)
class Arguments:
    """Print the table of graphs for COCO keypoint annotation files."""

    annotations: tyro.conf.Positional[tuple[Path, ...]]
    """COCO keypoint annotations (JSON); the AP is computed on the first."""


def main(arguments: Arguments) -> None:
    files = {
        path: [person for person in read_people(path) if person["num_keypoints"] > 1] for path in arguments.annotations
    }
    head = [f"cut in {path.parent.name}/{path.name}, % of {len(people)}" for path, people in files.items()]
    print(f"| graph | edges | {' | '.join(head)} | upper bound of AP |")
    print("|---|---" + "|---" * len(files) + "|---|")
    for name, edges in graphs().items():
        cut = " | ".join(f"{100 * share_cut(people, edges):.1f}" for people in files.values())
        print(f"| {name} | {len(edges)} | {cut} | {ceiling(arguments.annotations[0], edges):.3f} |", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
