"""Colours become sRGB of 8 bits: rounded, not cut, and with their opacity apart."""

import numpy as np
import pytest
from PIL import Image

from infra.imaging.srgb import read_alpha, to_eight_bits, to_srgb
from tests.fixtures.photo_files import ball, cut_out, lab_image


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight() -> None:
    values = np.arange(65536)
    found = to_eight_bits(values).astype(float)
    assert np.abs(found - values / 257).max() <= 0.5
    assert to_eight_bits(np.array([-5, 70_000])).tolist() == [0, 255]


def test_lab_becomes_the_same_colours() -> None:
    difference = np.abs(np.asarray(to_srgb(lab_image())).astype(int) - ball())
    assert difference.mean() < 1
    assert difference.max() <= 4


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "RGBA", "LA"])
def test_every_colour_model_becomes_rgb(mode: str) -> None:
    found = to_srgb(Image.fromarray(ball()).convert(mode))
    assert (found.mode, found.size) == ("RGB", (128, 128))
    assert np.abs(np.asarray(found.convert("L")).astype(int).mean() - ball().mean(axis=2).mean()) < 8


def test_opacity_is_read_where_there_is_some() -> None:
    assert read_alpha(Image.fromarray(ball())) is None
    assert read_alpha(Image.fromarray(ball()).convert("RGBA")) is None, "all opaque"
    alpha = read_alpha(Image.fromarray(cut_out()))
    assert alpha is not None
    assert [alpha[0, 0], alpha[30, 0], alpha[60, 0]] == [0, 128, 255]


def test_one_grey_value_of_sixteen_bits_is_transparent() -> None:
    image = Image.fromarray(np.array([[7, 65535], [300, 7]], np.uint16))
    image.info["transparency"] = 7
    alpha = read_alpha(image)
    assert alpha is not None
    assert alpha.tolist() == [[0, 255], [255, 0]]
