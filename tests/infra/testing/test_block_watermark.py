"""The fake watermark keeps its payload on every shade and through a JPEG, and refuses an image without room."""

import numpy as np
import pytest

from infra.errors import InvalidImage
from infra.imaging.codecs import decode
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from infra.testing.block_watermark import BlockWatermark
from tests.fixtures.product_images import product_image

PAYLOAD = bytes.fromhex("0123456789abcdef")


def test_it_outlives_the_jpeg_and_leaves_its_input_alone() -> None:
    watermark, pixels = BlockWatermark(), product_image(3, 512)
    before = pixels.copy()
    data = finish(pixels, FinishParameters(watermark="blocks-1"), lambda each: watermark.embed(each, PAYLOAD))
    assert watermark.extract(decode(data)) == PAYLOAD
    assert (pixels == before).all()


@pytest.mark.parametrize("shade", [0, 5, 127, 250, 255])
def test_it_is_read_back_on_every_shade(shade: int) -> None:
    watermark = BlockWatermark()
    for payload in (bytes(8), b"\xff" * 8, PAYLOAD):
        assert watermark.extract(watermark.embed(np.full((64, 64, 3), shade, np.uint8), payload)) == payload


def test_an_image_without_room_is_refused() -> None:
    small = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(InvalidImage, match="64 blocks"):
        BlockWatermark().embed(small, PAYLOAD)
    assert BlockWatermark().extract(small) is None
