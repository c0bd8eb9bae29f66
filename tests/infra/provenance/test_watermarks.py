"""The slot: only the watermark that the recipe names is put in, and it must outlive the encoder."""

import pytest

from infra.errors import InvalidImage, ProvenanceConfigError
from infra.imaging.codecs import decode
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from infra.provenance.watermarks import (
    open_watermark,
    registered_watermark,
    require_payload,
    watermark_payload,
)
from infra.testing.block_watermark import BlockWatermark
from tests.fixtures.product_images import product_image

BLOCKS = "infra.testing.block_watermark:BlockWatermark"


class OldWatermark:
    """A module written for the protocol of before: its methods had other names."""

    name = "blocks-1"

    def hide(self, pixels: object, payload: bytes) -> object:
        raise NotImplementedError

    def find(self, pixels: object) -> bytes:
        raise NotImplementedError


PAYLOAD = bytes.fromhex("0123456789abcdef")


def test_a_payload_that_outlives_the_jpeg_is_found_and_a_missing_one_is_refused() -> None:
    watermark, pixels = BlockWatermark(), product_image(3, 512)
    data = finish(
        pixels, FinishParameters(whiten=True, watermark="blocks-1"), lambda each: watermark.embed(each, PAYLOAD)
    )
    require_payload(watermark, decode(data), PAYLOAD)
    with pytest.raises(InvalidImage, match="'blocks-1' cannot be read back"):
        require_payload(watermark, decode(finish(pixels, FinishParameters())), PAYLOAD)


def test_what_is_hidden_follows_from_the_pixels_alone() -> None:
    assert watermark_payload("0123456789abcdef" * 4) == PAYLOAD


def test_the_one_that_the_recipe_names_is_opened_once() -> None:
    assert open_watermark(BLOCKS, "blocks-1") is open_watermark(BLOCKS, "blocks-1") is registered_watermark(BLOCKS)


@pytest.mark.parametrize(
    ("address", "name", "words"),
    [
        (None, "blocks-1", "none is registered: set PACKSHOT_WATERMARK"),
        (BLOCKS, "blocks-2", "asks for the watermark 'blocks-2', and PACKSHOT_WATERMARK has 'blocks-1'"),
        ("infra.provenance.watermarks", "blocks-1", "is not of the form module:factory"),
        ("there.is.none:It", "blocks-1", "cannot be opened: ModuleNotFoundError"),
        ("infra.provenance.watermarks:It", "blocks-1", "cannot be opened: AttributeError"),
        ("builtins:object", "blocks-1", "cannot be opened: AttributeError"),
        (f"{__name__}:OldWatermark", "blocks-1", "cannot be opened: AttributeError.*'embed'"),
    ],
)
def test_another_one_is_refused(address: str | None, name: str, words: str) -> None:
    with pytest.raises(ProvenanceConfigError, match=words):
        open_watermark(address, name)
