"""Drawn products for the tests of pixel code: sharp or blurred, clean or noisy, of any size."""

from functools import lru_cache

import cv2
import numpy as np

from infra.interfaces import Pixels


def product(seed: int, size: int, *, blur: float = 0.0, noise: float = 0.0) -> Pixels:
    """Draw a shaded product with a label on near-white, four times too large, and reduce it by area."""
    rng = np.random.default_rng(seed)
    full = 4 * size if size <= 512 else 2 * size
    centre, reach = full // 2, full * (0.2 if seed % 2 else 0.42)
    body = np.zeros((full, full), np.uint8)
    if seed % 3:
        axes = (int(reach), int(reach * rng.uniform(0.5, 1)))
        cv2.ellipse(body, (centre, centre), axes, 0, 0, 360, 255, -1)
    else:
        corners = [(-1, -0.6), (0.5, -1), (1, 0.7), (-0.6, 1)]
        cv2.fillPoly(body, [np.array([(centre + reach * x, centre + reach * y) for x, y in corners], np.int32)], 255)
    shade = 1 - 0.35 * np.linspace(-1, 1, full, dtype=np.float32)[None, :, None] ** 2
    colour = rng.integers(20, 200, 3).astype(np.float32)
    scene = np.where(body[..., None] > 0, colour * shade, np.float32(253)).astype(np.uint8)
    label = int(reach * 0.25)
    cv2.rectangle(scene, (centre - label, centre - label), (centre + label, centre + label // 2), (235, 230, 210), -1)
    small = cv2.resize(scene, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    if blur:
        small = cv2.GaussianBlur(small, (0, 0), blur)
    if noise:
        small = small + rng.normal(0, noise, small.shape)
    return np.asarray(np.clip(np.round(small), 0, 255), dtype=np.uint8)


def plain(size: int, grey: int) -> Pixels:
    """Return one flat shade."""
    return np.full((size, size, 3), grey, np.uint8)


# Whole cases for the gates: pictures of several kinds that a shop would take, and ways to spoil them.

WHITE = 254


def shaded(mask: Pixels, colour: tuple[int, int, int], ground: tuple[int, int, int] = (WHITE,) * 3) -> Pixels:
    """Colour a soft mask (0 to 255), lit from the upper left, on a ground."""
    height, width = mask.shape[:2]
    fall = np.hypot(np.linspace(0.1, 1, width)[None, :], np.linspace(0.1, 1, height)[:, None])[..., None]
    lit = np.array(colour, np.float32) * (1.15 - 0.35 * fall)
    inside = mask.reshape(height, width, 1).astype(np.float32) / 255
    return np.asarray(np.clip(np.rint(lit * inside + np.array(ground) * (1 - inside)), 0, 255), np.uint8)


def outline(kind: str, size: int) -> Pixels:
    """Return a soft mask of one of `KINDS`, drawn four times too large and averaged."""
    full = 4 * size
    mask = np.zeros((full, full), np.uint8)
    for centre, half in KINDS[kind]:
        box = [int(full * value) for value in (centre[0], centre[1], half[0], half[1])]
        if kind.startswith("round"):
            cv2.ellipse(mask, (box[0], box[1]), (box[2], box[3]), 0, 0, 360, 255, -1)
        elif kind == "chain":
            cv2.ellipse(mask, (box[0], box[1]), (box[2], box[3]), 0, 0, 360, 255, full // 60)
        else:
            cv2.rectangle(mask, (box[0] - box[2], box[1] - box[3]), (box[0] + box[2], box[1] + box[3]), 255, -1)
    return np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


KINDS: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {
    "round": [((0.5, 0.5), (0.42, 0.4))],
    "tall": [((0.5, 0.5), (0.08, 0.42))],
    "wide": [((0.5, 0.52), (0.43, 0.1))],
    "chain": [((0.5, 0.5), (0.33, 0.41))],
    "lamp": [((0.5, 0.2), (0.2, 0.1)), ((0.5, 0.5), (0.03, 0.4)), ((0.5, 0.88), (0.14, 0.03))],
}
"""Boxes or ovals in shares of the frame: centre and half size."""


def textured(picture: Pixels, mask: Pixels, cell: int = 5) -> Pixels:
    """Print a fine check on what the mask covers."""
    height, width = picture.shape[:2]
    check = (np.indices((height, width)) // cell).sum(axis=0) % 2 == 0
    printed = picture.astype(np.int16)
    printed[check & (mask > 200)] -= 50
    return np.asarray(np.clip(printed, 0, 255), np.uint8)


@lru_cache(maxsize=8)
def good_pictures(size: int) -> dict[str, Pixels]:
    """Return pictures of several kinds that must pass."""
    found = {
        "red ball": shaded(outline("round", size), (196, 40, 44)),
        "black ball": shaded(outline("round", size), (44, 44, 48)),
        "pale ball": shaded(outline("round", size), (235, 228, 215)),
        "yellow tower": shaded(outline("tall", size), (246, 208, 52)),
        "green board": shaded(outline("wide", size), (58, 148, 74)),
        "silver chain": shaded(outline("chain", size), (150, 152, 158)),
        "blue lamp": shaded(outline("lamp", size), (44, 96, 200)),
    }
    mask = outline("round", size)
    found["knitted ball"] = textured(shaded(mask, (150, 110, 160)), mask)
    return found


def white_ware(size: int) -> Pixels:
    """Return white on white: seven grey levels from its ground, which is less than a foreground must have."""
    return np.asarray(WHITE - 7 * np.rint(outline("round", size)[..., None].repeat(3, axis=2) / 255), np.uint8)


def scaled(picture: Pixels, factor: float) -> Pixels:
    """Shrink what is pictured, and stand it in the middle of white."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    target = np.full_like(picture, WHITE)
    target[top : top + small.shape[0], left : left + small.shape[1]] = small
    return target


def shifted(picture: Pixels, right: float, down: float) -> Pixels:
    """Move what is pictured by shares of the frame; white comes after it."""
    height, width = picture.shape[:2]
    move = np.array([[1, 0, right * width], [0, 1, down * height]], np.float32)
    return np.asarray(cv2.warpAffine(picture, move, (width, height), borderValue=(WHITE,) * 3), np.uint8)


def exposed(picture: Pixels, gain: float, gamma: float = 1.0) -> Pixels:
    """Brighten or darken as a camera would."""
    return np.asarray(np.clip(255 * (gain * picture / 255.0) ** gamma, 0, 255), np.uint8)


def framed(picture: Pixels, pixels: int, colour: tuple[int, int, int]) -> Pixels:
    """Draw a plain border over the outermost pixels."""
    target = picture.copy()
    target[:pixels] = target[-pixels:] = colour
    target[:, :pixels] = target[:, -pixels:] = colour
    return target


def noisy(picture: Pixels, sigma: float) -> Pixels:
    """Add grey noise."""
    grain = np.random.default_rng(7).normal(0, sigma, (*picture.shape[:2], 1))
    return np.asarray(np.clip(np.rint(picture + grain), 0, 255), np.uint8)


def blurred(picture: Pixels, sigma: float) -> Pixels:
    """Put out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
