"""Pictures of products, and what does not belong on them: words, watermarks, brand marks. All drawn here."""

import importlib.util

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from infra.interfaces import Pixels

SIDE = 1024
Place = tuple[float, float]
"""Where the middle is, as shares of width and height."""


def needs(package: str, extra: str) -> pytest.MarkDecorator:
    """Skip where an extra is not installed, and say so."""
    there = importlib.util.find_spec(package) is not None
    return pytest.mark.skipif(not there, reason=f"{package} is not installed: pip install 'packshot[{extra}]'")


NEEDS_NUDENET = needs("nudenet", "nudity")
NEEDS_OCR = needs("rapidocr", "ocr")


def vase(colour: tuple[int, int, int] = (198, 134, 100), waist: float = 0.25, side: int = SIDE) -> Pixels:
    """Return a smooth, shaded vase on white."""
    down, across = np.mgrid[0:side, 0:side] / side * 2 - 1
    return _shaded(across / (0.4 + waist * np.sin(down * 3)), np.abs(down) < 0.8, colour)


def ovals(colour: tuple[int, int, int], width: float, height: float, side: int = SIDE) -> Pixels:
    """Return two shaded ovals side by side on white: cushions to us, something else to a detector of skin."""
    down, across = np.mgrid[0:side, 0:side] / side * 2 - 1
    from_middle = (np.abs(across) - 0.33) / width
    return _shaded(from_middle, from_middle**2 + (down / height) ** 2 < 1, colour)


def _shaded(from_axis: np.ndarray, inside: np.ndarray, colour: tuple[int, int, int]) -> Pixels:
    light = np.clip(1 - 0.55 * np.clip(from_axis + 0.3, -1, 1) ** 2, 0, 1)
    there = (inside & (np.abs(from_axis) < 1))[..., None]
    drawn = np.where(there, np.array(colour) * light[..., None], 255).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 1), np.uint8)


def written(
    picture: Pixels,
    text: str,
    size: int,
    *,
    at: Place = (0.5, 0.5),
    angle: float = 0,
    alpha: float = 1.0,
    ink: tuple[int, int, int] = (0, 0, 0),
) -> Pixels:
    """Return the picture with letters of `size` px over it."""
    below = Image.fromarray(picture).convert("RGBA")
    above = Image.new("RGBA", below.size, (*ink, 0))
    middle = (below.width * at[0], below.height * at[1])
    font = ImageFont.load_default(size)
    ImageDraw.Draw(above).text(middle, text, (*ink, round(255 * alpha)), font, anchor="mm")
    above = above.rotate(angle, Image.Resampling.BICUBIC, center=middle)
    return np.asarray(Image.alpha_composite(below, above).convert("RGB"))


def mark(seed: int) -> Image.Image:
    """Return a brand's mark of 256 px on nothing: a jagged form, rings, five letters."""
    chance = np.random.default_rng(seed)
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    ink = (*(int(value) for value in chance.integers(0, 160, 3)), 255)
    angles = np.sort(chance.uniform(0, 2 * np.pi, 2 * int(chance.integers(3, 7))))
    radii = chance.uniform(50, 120, len(angles))
    corners = zip(128 + radii * np.cos(angles), 128 + radii * np.sin(angles), strict=True)
    draw.polygon([(float(across), float(down)) for across, down in corners], ink)
    for _ in range(3):
        across, down, radius = chance.uniform(60, 190), chance.uniform(60, 190), chance.uniform(10, 30)
        outline = (255, 255, 255, 255) if chance.random() < 0.5 else ink
        draw.ellipse((across - radius, down - radius, across + radius, down + radius), outline=outline, width=6)
    letters = "".join(chr(65 + int(value)) for value in chance.integers(0, 26, 5))
    draw.text((128, 225), letters, ink, ImageFont.load_default(52), anchor="mm")
    return image


def stamped(
    picture: Pixels, stamp: Image.Image, side: int, *, at: Place = (0.2, 0.2), angle: float = 0, alpha: float = 1.0
) -> Pixels:
    """Return the picture with a mark of `side` px pasted on it."""
    below = Image.fromarray(picture).convert("RGBA")
    small = stamp.resize((side, side), Image.Resampling.LANCZOS)
    small = small.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    small.putalpha(small.getchannel("A").point(lambda value: round(value * alpha)))
    above = Image.new("RGBA", below.size, (0, 0, 0, 0))
    above.paste(small, (round(below.width * at[0]) - small.width // 2, round(below.height * at[1]) - small.height // 2))
    return np.asarray(Image.alpha_composite(below, above).convert("RGB"))
