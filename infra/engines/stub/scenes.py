"""Scenes of the stub: a wall and a table around a kept product, whose pixels stay as they are.

Inputs: a kept region, four inks, pseudo-random bytes. Outputs: pixels of the region's size, determined by these alone.
Where the region's alpha is 255 its pixels stay, where it is 0 the scene's do; between, both are mixed once.
"""

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import KeptRegion, Pixels

WALL_SHARE = 0.68
"""Share of the height that is wall: the table begins where a packshot's product stands."""

EXPANSION = 0.06
"""How far an expanded product continues, as a share of the frame's shorter side."""

Ink = tuple[int, int, int]


def draw_scene(
    region: KeptRegion, inks: tuple[Ink, Ink, Ink, Ink], chance: npt.NDArray[np.uint8], *, expanded: bool = False
) -> Pixels:
    """Return the region in a scene; `chance` holds a square number of bytes, which shade wall and table.

    With `expanded`, the product's own colours go on beyond its outline, as inpainting models draw them by mistake.
    """
    scene = _room(region.alpha.shape, inks, chance)
    if expanded:
        scene = _grown(region, scene)
    inside = region.alpha.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.blendLinear(region.pixels, scene, inside, 1 - inside), np.uint8)


def _room(shape: tuple[int, ...], inks: tuple[Ink, Ink, Ink, Ink], chance: npt.NDArray[np.uint8]) -> Pixels:
    height, width = shape
    cells = round(len(chance) ** 0.5)
    shade = cv2.resize(chance.reshape(cells, cells), (width, height), interpolation=cv2.INTER_CUBIC)
    share = shade.astype(np.float32) * np.float32(1 / 255)
    light, shadow = np.empty((height, width, 3), np.uint8), np.empty((height, width, 3), np.uint8)
    table = round(WALL_SHARE * height)
    for plane, wall_ink, table_ink in ((light, inks[3], inks[1]), (shadow, inks[2], inks[0])):
        plane[:table], plane[table:] = wall_ink, table_ink
    return np.asarray(cv2.blendLinear(light, shadow, 1 - share, share), np.uint8)


def _grown(region: KeptRegion, scene: Pixels) -> Pixels:
    """Return the scene with the core's nearest colour as far as `EXPANSION` around the product."""
    outside = np.asarray(region.alpha < 255, np.uint8)
    if outside.all():
        return scene
    distance, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.zeros((labels.max() + 1, 3), np.uint8)
    nearest[labels[outside == 0]] = region.pixels[outside == 0]
    near = distance <= EXPANSION * min(region.alpha.shape)
    return np.where(near[..., None], nearest[labels], scene)
