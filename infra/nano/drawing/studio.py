"""The studio: traces rays through a product's solids onto a small set of planes.

Inputs: solids, a view, a random generator. Outputs: a `Negative`: coverage, light, gloss, shadow, the visible surface
and the position on it; `infra.nano.drawing.rendering` colours it, any number of times.
The camera is orthographic, the product fills a share of the frame as a shop would frame it, and a soft shadow lies
under it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from infra.nano.drawing.product_solids import ProductSolid
from infra.nano.drawing.solids import Array

SIDE = 256
"""Pixels of an image's side."""

VIEWS = {"front": (0.0, 7.0), "side": (90.0, 7.0), "three-quarter": (45.0, 24.0), "top": (20.0, 62.0)}
"""Azimuth to the right and elevation of each view's camera, in degrees."""

FRAME_FILL = (0.74, 0.84)
"""Share of the frame that the product's longer side takes: marketplaces ask for about 80 %."""

RAYS_PER_PIXEL = 1.5
"""Rays along a pixel's side: shrinking smooths borders between parts, and near misses smooth the outline."""

COARSE_RAYS = 64
"""Rays along the frame's side in the coarse pass, which finds the product and skips rays far from it."""

LIGHT_DIRECTION = np.array((-0.45, 0.72, 0.53), np.float32)
MAX_MARCH_STEPS, HIT_DISTANCE, MAX_DISTANCE = 48, 2e-3, 6.0
Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Negative:
    """Planes of SIDE x SIDE: `coverage`, `light`, `gloss` and `shadow` from 0 to 255; `surface` is a surface number.

    `place` (SIDE x SIDE x 2, float16) is each pixel's position on the surface in product units, which patterns
    follow.
    """

    coverage: Plane
    light: Plane
    gloss: Plane
    shadow: Plane
    surface: Plane
    place: npt.NDArray[np.float16]


@dataclass(frozen=True)
class _Camera:
    right: Array
    up: Array
    towards: Array
    """Unit vectors; `towards` points from the product to the viewer."""

    def rays(self, centre: Sequence[float], half: float, pixels: int) -> Array:
        """Return the origins of a square frame's rays, row by row from the top left."""
        steps = ((np.arange(pixels, dtype=np.float32) + 0.5) / pixels * 2 - 1) * np.float32(half)
        across, down = np.meshgrid(steps + np.float32(centre[0]), np.float32(centre[1]) - steps)
        start = across.reshape(-1, 1) * self.right + down.reshape(-1, 1) * self.up
        return np.asarray(start + self.towards * np.float32(MAX_DISTANCE / 2), np.float32)


def photograph(solids: Sequence[ProductSolid], view: str, generator: np.random.Generator) -> Negative:
    """Take one image from one of `VIEWS`; the camera's angle and the product's fill vary a little."""
    azimuth, elevation = VIEWS[view]
    camera = _camera(azimuth + generator.uniform(-6, 6), elevation + generator.uniform(-3, 3))
    centre, half = _framing(solids, camera, float(generator.uniform(*FRAME_FILL)))
    pixels = round(SIDE * RAYS_PER_PIXEL)
    start = camera.rays(centre, half, pixels)
    coarse = _trace_rays(solids, camera.rays(centre, half, COARSE_RAYS), camera.towards, 2 * half / COARSE_RAYS)
    near = cv2.dilate(coarse.coverage.reshape(COARSE_RAYS, COARSE_RAYS), np.ones((5, 5)))
    is_near = cv2.resize(near, (pixels, pixels), interpolation=cv2.INTER_NEAREST).ravel() > 0
    hits = _trace_rays(solids, start, camera.towards, 2 * half / pixels, np.flatnonzero(is_near))
    return _shade_negative(solids, start, hits, camera, view)


def _camera(azimuth: float, elevation: float) -> _Camera:
    turn, rise = np.deg2rad(azimuth), np.deg2rad(elevation)
    towards = np.array((np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise)), np.float32)
    right = np.array((np.cos(turn), 0, -np.sin(turn)), np.float32)
    return _Camera(right, np.cross(towards, right).astype(np.float32), towards)


def _framing(solids: Sequence[ProductSolid], camera: _Camera, fill: float) -> tuple[tuple[float, float], float]:
    """Return the product's centre in the frame's plane and half the frame's side, from a coarse pass."""
    half = 2.0
    unit = 2 * half / COARSE_RAYS
    hits = _trace_rays(solids, camera.rays((0, 0), half, COARSE_RAYS), camera.towards, unit)
    rows, columns = np.nonzero(hits.coverage.reshape(COARSE_RAYS, COARSE_RAYS) > 0.5)
    left, right, top, bottom = (float(edge) for edge in (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1))
    centre = ((left + right) / 2 * unit - half, half - (top + bottom) / 2 * unit)
    return centre, max(right - left, bottom - top) * unit / fill / 2


@dataclass(frozen=True)
class _RayHits:
    depth: Array
    coverage: Array


def _trace_rays(
    solids: Sequence[ProductSolid],
    start: Array,
    towards: Array,
    pixel: float,
    active_rays: npt.NDArray[np.intp] | None = None,
) -> _RayHits:
    """March the active rays (default: all) to the product; a miss by under half a pixel gives partial coverage."""
    depth = np.zeros(len(start), np.float32)
    nearest = np.full(len(start), np.inf, np.float32)
    active = np.arange(len(start)) if active_rays is None else active_rays
    for _ in range(MAX_MARCH_STEPS):
        distance = _distance(solids, start[active] - depth[active, None] * towards)
        nearest[active] = np.minimum(nearest[active], distance)
        depth[active] += np.where(distance > HIT_DISTANCE, distance * np.float32(0.95), 0)
        active = active[(distance > HIT_DISTANCE) & (depth[active] < MAX_DISTANCE)]
        if not len(active):
            break
    return _RayHits(depth, np.clip(1 - 2 * (nearest - HIT_DISTANCE) / np.float32(pixel), 0, 1))


def _distance(solids: Sequence[ProductSolid], points: Array) -> Array:
    distances: Array = np.minimum.reduce([part.solid(points) for part in solids])
    return distances


def _shade_negative(
    solids: Sequence[ProductSolid], start: Array, hits: _RayHits, camera: _Camera, view: str
) -> Negative:
    pixels = round(SIDE * RAYS_PER_PIXEL)
    coverage = hits.coverage
    hit = np.flatnonzero(coverage > 0)
    points = start[hit] - hits.depth[hit, None] * camera.towards
    normals = _normals(solids, points)
    towards_light = _lamp(camera)
    facing = normals @ camera.towards
    diffuse = np.maximum(normals @ towards_light, 0)
    half_way = towards_light + camera.towards
    shine = np.maximum(normals @ (half_way / np.linalg.norm(half_way)), 0)
    light, gloss = (np.zeros(len(start), np.float32) for _ in range(2))
    light[hit] = 0.58 + 0.30 * diffuse + 0.12 * np.clip(facing, 0, 1)
    gloss[hit] = np.clip((shine - 0.955) / 0.02, 0, 1)
    surface = np.zeros(len(start), np.uint8)
    distances = np.stack([part.solid(points) for part in solids])
    surface[hit] = np.array([part.surface for part in solids], np.uint8)[distances.argmin(axis=0)]
    place = np.zeros((len(start), 2), np.float32)
    place[hit] = _surface_coordinates(points, normals)
    square = coverage.reshape(pixels, pixels)
    return Negative(
        coverage=_plane(square),
        light=_plane(light.reshape(pixels, pixels), square),
        gloss=_plane(gloss.reshape(pixels, pixels)),
        shadow=_shadow(_plane(square), view),
        surface=cv2.resize(surface.reshape(pixels, pixels), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST),
        place=cv2.resize(place.reshape(pixels, pixels, 2), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST).astype(
            np.float16
        ),
    )


def _lamp(camera: _Camera) -> Array:
    """Return the direction to a lamp at the camera's upper left."""
    direction = LIGHT_DIRECTION[0] * camera.right + LIGHT_DIRECTION[1] * camera.up + LIGHT_DIRECTION[2] * camera.towards
    return np.asarray(direction / np.linalg.norm(direction), np.float32)


def _normals(solids: Sequence[ProductSolid], points: Array) -> Array:
    corners = np.array(((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)), np.float32)
    slope = sum(corner * _distance(solids, points + corner * np.float32(2e-3))[:, None] for corner in corners)
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6), np.float32)


def _surface_coordinates(points: Array, normals: Array) -> Array:
    """Return two coordinates of each point: those of the plane that its surface faces most."""
    facing = np.abs(normals).argmax(axis=1)
    across = np.where(facing == 0, points[:, 2], points[:, 0])
    along = np.where(facing == 1, points[:, 2], points[:, 1])
    return np.stack([across, along], axis=1)


def _plane(values: Array, weights: Array | None = None) -> Plane:
    """Shrink to the image's size; `weights` keep the dark outside from bleeding in over the edge."""
    size = (SIDE, SIDE)
    shrunk = cv2.resize(values if weights is None else values * weights, size, interpolation=cv2.INTER_AREA)
    if weights is not None:
        shrunk = shrunk / np.maximum(cv2.resize(weights, size, interpolation=cv2.INTER_AREA), 1e-3)
    return np.asarray(np.rint(np.clip(shrunk, 0, 1) * 255), np.uint8)


def _shadow(coverage: Plane, view: str) -> Plane:
    """Return the ground's shadow: a flat ellipse below the product, or its blurred outline in the view from above."""
    if view == "top":
        shifted = np.roll(coverage.astype(np.float32), (7, 4), axis=(0, 1))
        return np.asarray(np.rint(cv2.GaussianBlur(shifted, (0, 0), 6) * 0.30), np.uint8)
    rows = np.flatnonzero(coverage.max(axis=1) > 127)
    foot = rows.max()
    columns = np.flatnonzero(coverage[max(foot - 16, 0) : foot + 1].max(axis=0) > 127)
    plane = np.zeros((SIDE, SIDE), np.float32)
    middle, half = (int(columns.min() + columns.max()) // 2, int(np.ptp(columns)) // 2 + 4)
    cv2.ellipse(plane, (middle, int(foot) - 1), (half, 7), 0, 0, 360, 255.0, -1)
    return np.asarray(np.rint(cv2.GaussianBlur(plane, (0, 0), 4) * 0.42), np.uint8)
