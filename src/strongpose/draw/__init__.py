"""Pictures of what was found: poses, body regions, fields, and contact sheets of many photos."""

from strongpose.draw.bodies import draw_bodies
from strongpose.draw.legend import LOWER_LEFT, Corner
from strongpose.draw.poses import draw_poses
from strongpose.draw.sheet import draw_fields

__all__ = ["LOWER_LEFT", "Corner", "draw_bodies", "draw_fields", "draw_poses"]
