"""The published file: its bytes, its marks, its whites."""

import io
import os
import subprocess
import sys
from xml.parsers import expat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from infra.errors import InvalidImage
from infra.imaging.codecs import decode
from infra.imaging.finishing import TRAINED_ALGORITHMIC_MEDIA, finish, read_source_type, whiten
from infra.interfaces import FinishParameters, Pixels
from tests.fixtures.product_images import flat_image, product_image


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def test_the_file_is_a_444_jpeg_with_an_srgb_profile() -> None:
    picture = opened(finish(product_image(1, 256), FinishParameters()))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (256, 256))
    assert [layer[1:3] for layer in picture.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_the_mark_is_on_by_default_and_can_be_read_back_or_left_out() -> None:
    pixels = product_image(1, 64)
    assert read_source_type(finish(pixels, FinishParameters())) == TRAINED_ALGORITHMIC_MEDIA
    assert read_source_type(finish(pixels, FinishParameters(mark=False))) is None


def test_the_packet_is_well_formed_xml_that_says_the_property_once() -> None:
    packet = opened(finish(product_image(1, 64), FinishParameters())).info["xmp"].decode()
    expat.ParserCreate(namespace_separator=" ").Parse(packet, True)
    assert packet.startswith("<?xpacket begin=")
    assert packet.count("<rdf:Description") == 1
    assert 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in packet


def test_a_mark_that_other_tools_write_as_an_element_is_read() -> None:
    target = io.BytesIO()
    xmp = (
        b'<x xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><e:DigitalSourceType>urn:x</e:DigitalSourceType></x>'
    )
    Image.new("RGB", (16, 16)).save(target, "JPEG", xmp=xmp)
    assert read_source_type(target.getvalue()) == "urn:x"


@pytest.mark.parametrize("data", [b"", b"not an image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_reading_a_mark_from_something_else_says_that_it_is_no_jpeg(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="not a JPEG"):
        read_source_type(data)


def test_the_same_pixels_give_the_same_bytes_also_in_another_process() -> None:
    program = (
        "import hashlib, numpy as np; from infra.imaging.finishing import finish; "
        "from infra.interfaces import FinishParameters; "
        "p = np.arange(48 * 32 * 3, dtype=np.uint32).reshape(48, 32, 3).astype(np.uint8); "
        "print(hashlib.sha256(finish(p, FinishParameters())).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    made = {
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(made) == 1
    assert finish(product_image(3, 128), FinishParameters()) == finish(
        product_image(3, 128), FinishParameters(quality=90, mark=True, canvas="none")
    )


def test_quality_moves_the_size_and_the_likeness() -> None:
    pixels = product_image(2, 256, noise=4)
    low, high = finish(pixels, FinishParameters(quality=40)), finish(pixels, FinishParameters(quality=97))
    assert len(low) < len(high)
    error = [float(np.mean((decode(data).astype(int) - pixels) ** 2)) for data in (low, high)]
    assert error[1] < error[0] / 2


def test_near_white_that_touches_the_border_becomes_white_and_the_products_own_whites_stay() -> None:
    pixels = flat_image(100, 247)
    pixels[20:80, 20:80] = 100
    pixels[40:60, 40:60] = 250
    done = whiten(pixels)
    assert (done[:20] == 255).all()
    assert (done[20:40, 20:80] == 100).all()
    assert (done[40:60, 40:60] == 250).all()
    assert (pixels[:20] == 247).all()


def test_a_tinted_or_darker_background_is_left_alone() -> None:
    tinted = np.full((40, 40, 3), (255, 255, 244), np.uint8)
    assert np.array_equal(whiten(tinted), tinted)


def test_whitening_reaches_a_bay_and_every_corner_and_passes_no_diagonal() -> None:
    pixels = flat_image(60, 250)
    pixels[30, :] = 0
    pixels[45:50, 10:50] = 0
    assert ((whiten(pixels) == 255).all(axis=2) == (pixels == 250).all(axis=2)).all()
    diagonal = flat_image(3, 0)
    diagonal[1, 1] = 250
    assert (whiten(diagonal)[1, 1] == 250).all()


def test_a_decoders_background_is_white_in_the_file_after_whitening() -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(np.round(rng.normal(253, 1.5, (256, 256, 3))), 0, 255).astype(np.uint8)
    before, after = decode(finish(pixels, FinishParameters())), decode(finish(pixels, FinishParameters(whiten=True)))
    assert (before == 255).all(axis=2).mean() < 0.2
    assert (after == 255).all(axis=2).mean() > 0.999


def test_a_square_canvas_pads_with_white_and_centres_the_picture() -> None:
    pixels = np.full((40, 101, 3), 10, np.uint8)
    done = decode(finish(pixels, FinishParameters(canvas="square", quality=100)))
    assert done.shape == (101, 101, 3)
    assert (done[:28] >= 250).all()
    assert (done[32:68] <= 15).all()
    assert (done[72:] >= 250).all()


@pytest.mark.parametrize(
    "array", [np.zeros((16, 16), np.uint8), np.zeros((16, 16, 4), np.uint8), np.zeros((0, 16, 3), np.uint8)]
)
def test_arrays_that_are_no_picture_are_refused(array: Pixels) -> None:
    with pytest.raises(InvalidImage, match="height x width x 3"):
        finish(array, FinishParameters())


@settings(max_examples=40, deadline=None)
@given(
    st.integers(16, 200),
    st.integers(16, 200),
    st.booleans(),
    st.sampled_from(["none", "square"]),
    st.integers(0, 2**32 - 1),
)
def test_every_size_is_finished_and_comes_back(height: int, width: int, white: bool, canvas: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(200, 256, (height, width, 3), dtype=np.uint8)
    data = finish(pixels, FinishParameters(whiten=white, canvas=canvas))
    side = max(height, width)
    assert decode(data).shape == ((side, side, 3) if canvas == "square" else (height, width, 3))
    assert read_source_type(data) == TRAINED_ALGORITHMIC_MEDIA
    assert finish(pixels, FinishParameters(whiten=white, canvas=canvas)) == data


def test_a_watermark_is_put_in_last_and_never_silently_left_out() -> None:
    pixels, seen = flat_image(64, 200)[:48], []

    def hide(shown: Pixels) -> Pixels:
        seen.append(shown.shape)
        return np.zeros_like(shown)

    black = decode(finish(pixels, FinishParameters(canvas="square", whiten=True, watermark="blocks-1"), hide))
    assert seen == [(64, 64, 3)], "after the canvas"
    assert black.max() <= 2
    assert finish(pixels, FinishParameters(watermark=None), hide) == finish(pixels, FinishParameters())
    with pytest.raises(ValueError, match="'watermark' is 'blocks-1', but no code"):
        finish(pixels, FinishParameters(watermark="blocks-1"))
    with pytest.raises(InvalidImage, match="height x width x 3"):
        finish(pixels, FinishParameters(watermark="blocks-1"), lambda shown: shown[:, :, 0])


@pytest.mark.parametrize(
    ("size", "done"), [((64, 64), (92, 64)), ((92, 64), (92, 64)), ((100, 64), (100, 69)), ((64, 100), (144, 100))]
)
def test_a_portrait_canvas_is_upright_1_to_144_and_scales_nothing(size: tuple[int, int], done: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), 40, np.uint8)
    framed = decode(finish(pixels, FinishParameters(canvas="portrait", quality=100)))
    assert framed.shape == (*done, 3)
    assert framed.shape[0] / framed.shape[1] == pytest.approx(1.44, rel=0.01)
    assert int((framed < 128).all(axis=2).sum()) == size[0] * size[1]
    rows, columns = np.nonzero((framed < 128).all(axis=2))
    assert abs(rows.min() - (done[0] - 1 - rows.max())) <= 1, "it stands in the middle"
    assert abs(columns.min() - (done[1] - 1 - columns.max())) <= 1


@pytest.mark.parametrize(
    ("enlarge", "done"), [(None, (48, 64)), (64, (48, 64)), (32, (48, 64)), (128, (96, 128)), (1000, (750, 1000))]
)
def test_a_picture_is_enlarged_only_where_the_recipe_says_so_and_never_reduced(
    enlarge: int | None, done: tuple[int, int]
) -> None:
    assert decode(finish(product_image(1, 64)[:48], FinishParameters(enlarge=enlarge))).shape == (*done, 3)


def test_the_canvas_comes_after_the_enlarging() -> None:
    assert decode(finish(product_image(1, 64)[:48], FinishParameters(enlarge=128, canvas="square"))).shape == (
        128,
        128,
        3,
    )
