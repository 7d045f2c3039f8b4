"""Pictures of what was found: poses, body regions, fields, and contact sheets of many photos."""

from strongpose.draw.bodies import draw_bodies
from strongpose.draw.poses import draw_poses
from strongpose.draw.sheet import draw_fields

__all__ = ["draw_bodies", "draw_fields", "draw_poses"]
