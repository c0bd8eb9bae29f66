"""Signed distance fields: the distance of a point from a solid's surface, negative inside.

Inputs: sizes. Outputs: a `Solid`, a function from points (n x 3, float32) to distances (n).
Solids compose by `union`, `smooth_union` and `subtract`, and are placed by `translate` and `rotate`; a ray tracer needs
nothing else. y is up, z points to the viewer of a front view. The closed forms of the distances are the known ones
(I. Quilez, "Distance functions").
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Solid = Callable[[Array], Array]
Outline = Sequence[tuple[float, float]]
"""Corners of a polygon that does not cross itself."""


def ellipsoid(x: float, y: float, z: float) -> Solid:
    """Return an ellipsoid with these half axes; its distance is a bound, exact at the surface."""
    radii = np.array((x, y, z), np.float32)

    def distance(points: Array) -> Array:
        scaled = _length(points / radii)
        bound = scaled * (scaled - 1) / np.maximum(_length(points / radii**2), 1e-6)
        return np.asarray(np.where(scaled > 1e-6, bound, -radii.min()), np.float32)

    return distance


def box(x: float, y: float, z: float, rounding: float = 0.0) -> Solid:
    """Return a box with these half sides; rounding takes its edges inwards."""
    inner = np.array((x, y, z), np.float32) - np.float32(rounding)

    def distance(points: Array) -> Array:
        beyond = np.abs(points) - inner
        outside = _length(np.maximum(beyond, 0))
        return np.asarray(outside + np.minimum(beyond.max(axis=1), 0) - np.float32(rounding), np.float32)

    return distance


def capsule(start: Sequence[float], end: Sequence[float], radius: float) -> Solid:
    """Return a rod with spherical ends."""
    origin = np.array(start, np.float32)
    along = np.array(end, np.float32) - origin

    def distance(points: Array) -> Array:
        from_start = points - origin
        share = np.clip(from_start @ along / (along @ along), 0, 1)
        return _length(from_start - share[:, None] * along) - np.float32(radius)

    return distance


def torus(major: float, minor: float) -> Solid:
    """Return a torus that lies flat, its hole along y."""

    def distance(points: Array) -> Array:
        away = np.hypot(points[:, 0], points[:, 2]) - np.float32(major)
        return np.hypot(away, points[:, 1]) - np.float32(minor)

    return distance


def revolve(profile: Outline, rounding: float = 0.0) -> Solid:
    """Return a closed profile of (distance from the axis, y) revolved about the y axis."""
    flat = _polygon_distance(profile)
    return lambda points: flat(np.hypot(points[:, 0], points[:, 2]), points[:, 1]) - np.float32(rounding)


def extrude(outline: Outline, depth: float, rounding: float = 0.0) -> Solid:
    """Return a closed outline in (x, y) with half thickness `depth`; rounding takes its edges outwards."""
    flat = _polygon_distance(outline)

    def distance(points: Array) -> Array:
        across = flat(points[:, 0], points[:, 1])
        through = np.abs(points[:, 2]) - np.float32(depth)
        outside = np.hypot(np.maximum(across, 0), np.maximum(through, 0))
        return outside + np.minimum(np.maximum(across, through), 0) - np.float32(rounding)

    return distance


def cylinder(radius: float, half_height: float, rounding: float = 0.0) -> Solid:
    """Return an upright cylinder; rounding takes its edges inwards."""

    def distance(points: Array) -> Array:
        across = np.hypot(points[:, 0], points[:, 2]) - np.float32(radius - rounding)
        through = np.abs(points[:, 1]) - np.float32(half_height - rounding)
        outside = np.hypot(np.maximum(across, 0), np.maximum(through, 0))
        return outside + np.minimum(np.maximum(across, through), 0) - np.float32(rounding)

    return distance


def translate(solid: Solid, x: float, y: float, z: float) -> Solid:
    """Return the solid moved by (x, y, z)."""
    offset = np.array((x, y, z), np.float32)
    return lambda points: solid(points - offset)


def rotate(solid: Solid, axis: str, degrees: float) -> Solid:
    """Return the solid rotated about an axis by the right-hand rule."""
    angle = np.deg2rad(degrees)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    inverse = np.eye(3, dtype=np.float32)
    inverse[first, first] = inverse[second, second] = np.cos(angle)
    inverse[first, second], inverse[second, first] = np.sin(angle), -np.sin(angle)
    return lambda points: solid(points @ inverse.T)


def union(*solids: Solid) -> Solid:
    """Return the union of the solids."""
    return lambda points: np.minimum.reduce([solid(points) for solid in solids])


def smooth_union(softness: float, *solids: Solid) -> Solid:
    """Return the union of the solids, blended where they are closer than `softness`."""

    def distance(points: Array) -> Array:
        distances = solids[0](points)
        for solid in solids[1:]:
            other = solid(points)
            near = np.maximum(np.float32(softness) - np.abs(distances - other), 0) / np.float32(softness)
            distances = np.minimum(distances, other) - near * near * np.float32(softness / 4)
        return distances

    return distance


def subtract(solid: Solid, *removed: Solid) -> Solid:
    """Return the solid without the volume of the others."""
    return lambda points: np.maximum.reduce([solid(points), *(-other(points) for other in removed)])


def _length(vectors: Array) -> Array:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), np.float32)


def _polygon_distance(corners: Outline) -> Callable[[Array, Array], Array]:
    """Return the signed distance to a polygon in the plane."""
    points = np.array(corners, np.float32)

    def distance(x: Array, y: Array) -> Array:
        nearest = np.full(x.shape, np.inf, np.float32)
        inside = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
            ex, ey, px, py = bx - ax, by - ay, x - ax, y - ay
            share = np.clip((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1)
            nearest = np.minimum(nearest, (px - ex * share) ** 2 + (py - ey * share) ** 2)
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (px < ex * py / ey)
        return np.where(inside, -np.sqrt(nearest), np.sqrt(nearest))

    return distance
