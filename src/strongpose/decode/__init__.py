"""Decode fields to poses: seeds, grouping, scores, suppression, refinement (SP §III-C, §III-D)."""

from __future__ import annotations

import numpy as np

from strongpose.decode.body import BodyRegion, BodyRegions, body_regions
from strongpose.decode.fusion import fuse_body
from strongpose.decode.grouping import group_poses
from strongpose.decode.options import DecodeOptions, Ranking, Suppression
from strongpose.decode.peaks import find_seeds
from strongpose.decode.refinement import refine_points
from strongpose.decode.scoring import KEYPOINT_THRESHOLD, expected_similarities, mean_after_nms, quadratic_mean
from strongpose.decode.suppression import hard_suppression, keypoint_nms, soft_suppression
from strongpose.fields import Fields
from strongpose.oks import person_areas
from strongpose.poses import Poses

__all__ = ["BodyRegion", "BodyRegions", "DecodeOptions", "Ranking", "Suppression", "body_regions", "decode"]

_DEFAULTS = DecodeOptions()


def decode(fields: Fields, options: DecodeOptions = _DEFAULTS, threshold: float = 0.0) -> Poses:
    """Turn the fields of one image into the people in it.

    The same fields always give the same poses. Keypoints that were not found keep their best guess and
    a low score; coordinates are never zeroed.

    Args:
        fields: what the network predicts for one image.
        options: how to decode.
        threshold: people with a lower score are left out.

    Returns:
        The poses in pixels of the network's input image, the highest score first.
    """
    o = options
    seeds = find_seeds(fields, o)
    points, scores, _, _ = group_poses(fields, seeds, o)
    if o.body_weight > 0:
        scores = fuse_body(fields, points, scores, o.body_weight)
    areas = person_areas(points, scores, KEYPOINT_THRESHOLD, least=o.disk_radius**2)
    sigmas = np.array(fields.skeleton.sigmas, dtype=np.float32)
    similarities = expected_similarities(scores, areas, sigmas, o.localization_error)
    ranks = _ranks(points, similarities, o)
    order = np.argsort(-ranks, kind="stable")
    points, scores, areas, ranks = points[order], scores[order], areas[order], ranks[order]

    stays = np.arange(len(ranks))
    match o.suppression:
        case Suppression.HARD:
            stays = hard_suppression(points, scores, areas, sigmas, o.similarity)
        case Suppression.SOFT:
            ranks = soft_suppression(points, scores, ranks, areas, sigmas, o.similarity)
        case Suppression.KEYPOINT:
            kept = keypoint_nms(points, o.nms_radius)
            scores = np.where(kept, scores, 0)
            ranks = _ranks(points, np.where(kept, similarities[order], 0), o)
    stays = stays[np.argsort(-ranks[stays], kind="stable")]
    stays = stays[ranks[stays] >= threshold][: o.max_people]
    points, scores, areas, ranks = points[stays], scores[stays], areas[stays], ranks[stays]
    if o.refinement_width > 0:
        points = refine_points(fields, points, o.refinement_width * np.sqrt(areas), o.disk_radius, o.vote_threshold)
    return Poses(np.concatenate([points, scores[..., None]], axis=-1), ranks, fields.skeleton)


def _ranks(points: np.ndarray, similarities: np.ndarray, options: DecodeOptions) -> np.ndarray:
    """(N,) scores of people with (N, K, 2) points and (N, K) expected similarities."""
    match options.ranking:
        case Ranking.KEYPOINT_NMS:
            return mean_after_nms(points, similarities, options.nms_radius)
        case Ranking.QUADRATIC:
            return quadratic_mean(similarities)
