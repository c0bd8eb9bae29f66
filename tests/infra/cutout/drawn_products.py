"""Drawn products with exact masks: a disc, a ring, a bag with handles, on grounds of any colour."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from infra.interfaces import AlphaMask, Photo

Colour = tuple[int, int, int]
WHITE, RED, GREEN = (255, 255, 255), (190, 40, 40), (40, 150, 60)
_SUPERSAMPLING = 4


def disc(side: int = 256, radius: float = 0.3, centre: tuple[float, float] = (0.5, 0.5)) -> AlphaMask:
    """Return the coverage of a disc, smooth by supersampling."""
    large = np.zeros((side * _SUPERSAMPLING,) * 2, np.uint8)
    middle = (round(centre[0] * len(large)), round(centre[1] * len(large)))
    cv2.circle(large, middle, round(radius * len(large)), 255, -1)
    return np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def ring(side: int = 256) -> AlphaMask:
    """Return the coverage of a ring with a wide hole."""
    return np.asarray(cv2.subtract(disc(side, 0.35), disc(side, 0.2)), np.uint8)


def sweep(side: int, top: int, bottom: int) -> npt.NDArray[np.float32]:
    """Return a grey ground that changes from top to bottom."""
    down = np.linspace(top, bottom, side, dtype=np.float32)[:, None, None]
    return np.asarray(np.broadcast_to(down, (side, side, 3)), np.float32)


def boards(side: int) -> npt.NDArray[np.float32]:
    """Return a busy ground: stripes in two colours, and noise."""
    generator = np.random.default_rng(5)
    stripes = (np.arange(side) // 9 % 2)[None, :, None] * np.array((70, 50, 30)) + np.array((110, 80, 50))
    return np.asarray(stripes + generator.normal(0, 12, (side, side, 3)), np.float32)


def soft_shadow(side: int, depth: float = 0.3) -> npt.NDArray[np.float32]:
    """Return how much light a soft shadow below the middle leaves: 1 away from it."""
    plane = np.zeros((side, side), np.float32)
    cv2.ellipse(plane, (side // 2, round(0.82 * side)), (round(0.28 * side), round(0.05 * side)), 0, 0, 360, 1.0, -1)
    return np.asarray(1 - depth * cv2.GaussianBlur(plane, (0, 0), side * 0.025), np.float32)[..., None]


def photo_of(mask: AlphaMask, ground: Any = WHITE, colour: Any = RED, noise: float = 0.0, alpha: Any = None) -> Photo:
    """Return a photo of a product of this coverage."""
    inside = (mask.astype(np.float32) / 255)[..., None]
    colours, behind = (np.broadcast_to(np.asarray(value, np.float32), (*mask.shape, 3)) for value in (colour, ground))
    pixels = colours * inside + behind * (1 - inside)
    if noise:
        pixels = pixels + np.random.default_rng(3).normal(0, noise, pixels.shape)
    return Photo(np.asarray(np.rint(np.clip(pixels, 0, 255)), np.uint8), alpha, "0" * 64)


def iou(one: AlphaMask, other: AlphaMask) -> float:
    """Return the intersection over the union of two masks."""
    first, second = one >= 128, other >= 128
    return float((first & second).sum() / max(1, (first | second).sum()))
