"""The published file: its bytes, its marks, its whites."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from xml.parsers import expat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from infra.errors import InvalidImage
from infra.imaging.codecs import decode
from infra.imaging.finishing import finish, protect_core, whiten
from infra.imaging.source_marks import TRAINED_ALGORITHMIC_MEDIA, read_mark
from infra.interfaces import Canvas, FinishParameters, Pixels
from infra.interfaces.cutouts import AlphaMask
from infra.testing.block_watermark import BlockWatermark
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
    assert read_mark(finish(pixels, FinishParameters())).source_type == TRAINED_ALGORITHMIC_MEDIA
    assert read_mark(finish(pixels, FinishParameters(mark=False))).source_type is None


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
    assert read_mark(target.getvalue()).source_type == "urn:x"


@pytest.mark.parametrize("data", [b"", b"not an image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_reading_a_mark_from_something_else_says_that_it_is_no_jpeg(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="not a JPEG"):
        read_mark(data)


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
    assert read_mark(data).source_type == TRAINED_ALGORITHMIC_MEDIA
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


def kept_white_mug() -> tuple[Pixels, AlphaMask]:
    """Return a staged product whose upper half is as white as its ground, and its alpha with a soft edge."""
    rng = np.random.default_rng(7)
    alpha = np.zeros((96, 64), np.uint8)
    alpha[16:80, 12:52] = 255
    alpha[15, 12:52] = alpha[80, 12:52] = 128
    pixels = flat_image(96, 255)[:, :64].copy()
    pixels[16:48, 12:52] = rng.integers(246, 255, (32, 40, 3), dtype=np.uint8)
    pixels[48:80, 12:52] = rng.integers(60, 200, (32, 40, 3), dtype=np.uint8)
    return pixels, alpha


def test_whitening_alone_would_change_a_white_product_and_what_is_kept_is_left_to_the_byte() -> None:
    pixels, alpha = kept_white_mug()
    core = alpha == 255
    changed = (whiten(pixels) != pixels).any(axis=2)
    assert changed[16:48, 12:52].mean() > 0.99, "the upper half is within 10 of white, and touches the ground"
    assert not changed[48:].any()
    protected = protect_core(pixels, whiten(pixels), alpha)
    assert np.array_equal(protected[core], pixels[core])
    assert (protected[alpha == 0] == 255).all()


def test_a_watermark_alone_would_change_the_product_and_what_is_kept_is_left_to_the_byte() -> None:
    pixels, alpha = kept_white_mug()
    seen: list[Pixels] = []

    def embed(before: Pixels) -> Pixels:
        seen.append(BlockWatermark().embed(before, bytes(range(8))))
        return seen[-1]

    finish(pixels, FinishParameters(watermark="blocks-1"), embed, alpha)
    core = alpha == 255
    changed = (seen[0] != pixels).any(axis=2)
    assert 0.4 < changed[core].mean() < 0.9, "64 blocks of 8 x 8 cover the upper two thirds"
    assert np.array_equal(protect_core(pixels, seen[0], alpha)[core], pixels[core])
    assert np.array_equal(protect_core(pixels, seen[0], alpha)[~core], seen[0][~core])


@pytest.mark.parametrize("canvas", ["none", "square", "portrait"])
def test_a_finish_that_keeps_a_product_publishes_what_it_publishes_without_marks_there(canvas: Canvas) -> None:
    """Both files are as JPEG leaves them, so blocks that touch the core's edge may differ by its ringing."""
    pixels, alpha = kept_white_mug()
    alpha[16:24] = alpha[72:80] = alpha[:, 12:20] = alpha[:, 44:52] = 0  # the core: whole blocks inside of the product
    parameters = FinishParameters(quality=100, whiten=True, canvas=canvas, watermark="blocks-1")
    done = decode(finish(pixels, parameters, lambda before: 255 - before, alpha))
    plain = decode(finish(pixels, replace(parameters, whiten=False, watermark=None)))
    top, left = (done.shape[0] - 96) // 2, (done.shape[1] - 64) // 2
    inside = done[top : top + 96, left : left + 64][alpha == 255].astype(int)
    assert np.abs(inside - plain[top : top + 96, left : left + 64][alpha == 255]).max() <= 24
    assert np.abs(inside - pixels[alpha == 255]).mean() < 2
    assert done[0, 0].max() < 8, "the ground is the watermark's"


def test_what_is_kept_is_never_enlarged() -> None:
    pixels, alpha = kept_white_mug()
    with pytest.raises(ValueError, match="enlarge"):
        finish(pixels, FinishParameters(enlarge=97), None, alpha)
    assert decode(finish(pixels, FinishParameters(enlarge=96), None, alpha)).shape == pixels.shape


def test_a_watermark_of_another_size_is_refused_where_something_is_kept() -> None:
    pixels, alpha = kept_white_mug()
    with pytest.raises(InvalidImage, match="one size"):
        finish(pixels, FinishParameters(watermark="blocks-1"), lambda before: before[1:], alpha)
    with pytest.raises(InvalidImage, match="one size"):
        protect_core(pixels, pixels, alpha[1:])


def test_without_a_kept_product_a_finish_gives_the_bytes_that_it_gave() -> None:
    pixels, _ = kept_white_mug()
    parameters = FinishParameters(whiten=True, canvas="square", enlarge=128)
    assert finish(pixels, parameters) == finish(pixels, parameters, None, None)
    assert protect_core(pixels, pixels[:1], None).shape == (1, 64, 3)


@pytest.mark.parametrize("mode", ["backdrop", "stage", "scene"])
def test_a_scene_is_neither_whitened_nor_set_into_white(mode: str) -> None:
    pixels, alpha = kept_white_mug()
    pixels[:12] = 250
    assert (whiten(pixels) != pixels).any()
    full = FinishParameters(whiten=True, canvas="portrait")
    assert finish(pixels, full, None, alpha, mode) == finish(pixels, FinishParameters(), None, alpha, mode)
    assert finish(pixels, full, None, alpha, "white") != finish(pixels, FinishParameters(), None, alpha, "white")


@pytest.mark.parametrize("mode", ["white", "stage"])
def test_a_watermark_lies_on_the_ground_of_a_scene_as_on_white(mode: str) -> None:
    pixels, alpha = kept_white_mug()
    done = decode(
        finish(pixels, FinishParameters(watermark="x", quality=100), lambda before: 255 - before, alpha, mode)
    )
    core = np.abs(done[24:72, 20:44].astype(int) - pixels[24:72, 20:44])
    assert core.mean() < 4
    assert done[:8].max() < 8
