"""Photos of every kind become the same pixels; what cannot be used is refused with its reason, in bounded memory."""

import hashlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from infra.imaging.codecs import MAX_PIXELS
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.reading import MEMORY_BYTES_A_PIXEL, PhotoLimits, read_photo
from tests.fixtures.hostile_images import png_chunk
from tests.fixtures.hostile_photos import FILE_COUNT, animated, hostile_photos, with_size
from tests.fixtures.photo_files import (
    SIDE,
    ball,
    cut_out,
    lab_image,
    save,
    save_wide,
    whole_photos,
    wide_pixels,
    with_orientation,
)

MEGABYTE = 1 << 20
TOLERANCES = {
    "CMYK JPEG": 3.0,
    "GIF": 1.0,
    "JPEG": 1.0,
    "JPEG in a TIFF": 2.5,
    "JPEG with a profile": 1.0,
    "Lab TIFF": 1.0,
    "WebP": 2.5,
    "palette PNG": 1.0,
    "progressive JPEG": 1.0,
}
"""Mean differences of the kinds that lose something."""
EXACT = (
    *("PNG", "PNG with opacity", "16-bit PNG", "lossless WebP", "WebP with opacity and EXIF", "TIFF", "LZW TIFF"),
    *("deflated TIFF", "CMYK TIFF", "TIFF with opacity", "16-bit TIFF"),
)


def difference(found: Any, wanted: Any) -> float:
    return float(np.abs(found.astype(int) - wanted.astype(int)).mean())


@pytest.mark.parametrize("name", [*EXACT, *TOLERANCES])
def test_every_kind_of_file_shows_the_same_picture(name: str) -> None:
    data = whole_photos()[name]
    photo = read_photo(data)
    assert (photo.pixels.shape, photo.pixels.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    shown = photo.pixels if photo.alpha is None else photo.pixels[40:]
    assert difference(shown, ball()[SIDE - len(shown) :]) <= TOLERANCES.get(name, 0)


@pytest.mark.parametrize("name", ["grey JPEG", "16-bit grey PNG", "grey PNG with opacity", "1-bit PNG"])
def test_grey_becomes_rgb(name: str) -> None:
    photo = read_photo(whole_photos()[name])
    assert photo.pixels.shape == (SIDE, SIDE, 3)
    assert (photo.pixels == photo.pixels[..., :1]).all()


@pytest.mark.parametrize("name", ["PNG with opacity", "WebP with opacity and EXIF", "TIFF with opacity"])
def test_opacity_is_kept_to_the_level(name: str) -> None:
    photo = read_photo(whole_photos()[name])
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, cut_out()[..., 3])


def test_a_palette_s_transparent_colour_is_opacity() -> None:
    image = Image.fromarray(ball()).quantize(16)
    corner = int(np.asarray(image)[0, 0])
    photo = read_photo(save(image, "PNG", transparency=corner))
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha == 0, np.asarray(image) == corner)
    assert read_photo(save(image, "PNG")).alpha is None


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_become_eight_by_rounding_and_not_by_cutting(suffix: str, channels: int) -> None:
    values = wide_pixels(channels)
    photo = read_photo(save_wide(values, suffix))
    rounded = (values.astype(np.int64) * 255 + 32767) // 65535
    assert (rounded != values >> 8).mean() > 0.2, "cutting would look the same"
    wanted = rounded[..., None] if channels == 1 else rounded[..., :3]
    assert np.array_equal(photo.pixels, np.broadcast_to(wanted, photo.pixels.shape))
    assert channels < 4 or np.array_equal(photo.alpha, rounded[..., 3])


def test_a_transparent_colour_of_sixteen_bits_is_compared_with_all_of_them() -> None:
    values = np.full((SIDE, SIDE, 3), 0x1234, np.uint16)
    values[:64, :, 2] = 0x1235  # the same high byte
    data = save_wide(values, ".png")
    key = png_chunk(b"tRNS", b"\x12\x34" * 3)
    photo = read_photo(data.replace(data[33:41], key + data[33:41], 1))
    assert photo.alpha is not None
    assert [photo.alpha[0, 0], photo.alpha[100, 0]] == [255, 0]


def test_a_negative_of_sixteen_bits_is_turned_around_as_one_of_eight_is() -> None:
    grey = np.asarray(Image.fromarray(ball()).convert("L"))
    eight = save(Image.fromarray(grey), "TIFF", tiffinfo={262: 0})  # Pillow writes its negative
    sixteen = save(Image.fromarray((255 - grey).astype(np.uint16) * 257), "TIFF", tiffinfo={262: 0})
    for data in (eight, sixteen):
        assert np.array_equal(read_photo(data).pixels[..., 0], grey)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_s_orientation_is_undone(kind: str, orientation: int) -> None:
    marked = ball().copy()[:, :112]
    marked[:40, :30] = (0, 0, 255)
    turns: dict[int, Any] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: np.rot90,
    }
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 98} if kind == "JPEG" else {}
    if kind == "TIFF":
        options["tiffinfo"] = with_orientation(orientation)
    else:
        options["exif"] = with_orientation(orientation)
    found = read_photo(save(Image.fromarray(marked), kind, **options)).pixels
    wanted = turns[orientation](marked)
    assert found.shape == wanted.shape
    assert difference(found, wanted) < (2 if kind == "JPEG" else 0.001)


def test_damaged_exif_turns_nothing_and_refuses_nothing() -> None:
    data = save(Image.fromarray(ball()), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")
    assert read_photo(data).pixels.shape == (SIDE, SIDE, 3)


def test_colours_of_a_profile_become_srgb_in_rgb_and_cmyk() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        photo = read_photo(save(Image.fromarray(ball()), kind, icc_profile=swapped))
        red, _, blue = (int(value) for value in photo.pixels[64, 64])
        assert blue > red, f"{kind}: red stayed red under a profile whose red primary is blue"
    cmyk = Image.fromarray(ball()).convert("CMYK")
    assert difference(read_photo(save(cmyk, "TIFF", icc_profile=srgb)).pixels, ball()) == 0, "a profile of RGB"
    assert difference(read_photo(save(lab_image(), "TIFF")).pixels, ball()) < 1


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "photo.unreadable", "it has no bytes"),
    "cut JPEG": (whole_photos()["JPEG"][:1500], "photo.unreadable", "damaged JPEG: it is cut short; export it again"),
    "cut PNG": (whole_photos()["PNG"][:900], "photo.unreadable", "damaged PNG: it is cut short, or has a chunk"),
    "cut WebP": (whole_photos()["WebP"][:900], "photo.unreadable", "damaged WebP: it is cut short"),
    "cut TIFF": (whole_photos()["TIFF"][:9000], "photo.unreadable", "damaged TIFF: "),
    "cut GIF": (whole_photos()["GIF"][:2000], "photo.unreadable", "damaged GIF: it is cut short"),
    "animated PNG": (animated("PNG"), "photo.animated", "several frames or pages"),
    "animated WebP": (animated("WEBP"), "photo.animated", "several frames or pages"),
    "animated GIF": (animated("GIF"), "photo.animated", "several frames or pages"),
    "TIFF of pages": (animated("TIFF"), "photo.animated", "several frames or pages"),
    "30,000 px wide": (with_size(whole_photos()["PNG"], 30_000, 128), "photo.too-large", "has 30,000 x 128 pixels"),
    "bomb": (with_size(whole_photos()["TIFF"], 9000, 9000), "photo.too-large", "9,000 x 9,000 pixels; no more than"),
    "small": (save(Image.new("RGB", (99, 500)), "PNG"), "photo.too-small", "99 x 500 pixels; each side needs at least"),
    "float TIFF": (save(Image.new("F", (128, 128)), "TIFF"), "photo.wrong-format", "values of the kind 'F'"),
    "32-bit TIFF": (save(Image.new("I", (128, 128)), "TIFF"), "photo.wrong-format", "save it with 8 or 16 bits"),
    "AVIF": (save(Image.new("RGB", (128, 128)), "AVIF"), "photo.wrong-format", "an AVIF; give a JPEG"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo.wrong-format", "an SVG, which is a drawing"),
    "page": (b"<html>Not found</html>", "photo.wrong-format", "is a page; give a JPEG"),
    "polyglot": (whole_photos()["GIF"] + b"<script >x</script>", "photo.polyglot", "a picture and a web page"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_reason_of_its_own(name: str) -> None:
    data, reason, words = REFUSED[name]
    with pytest.raises(InvalidPhoto, match="The photo") as refused:
        read_photo(data)
    assert (refused.value.reason, words in str(refused.value)) == (reason, True), refused.value


def test_limits_are_the_caller_s() -> None:
    data = whole_photos()["PNG"]
    assert read_photo(data, PhotoLimits(max_bytes=len(data), max_pixels=SIDE * SIDE, max_side=SIDE, min_side=SIDE))
    for limits, reason in (
        (PhotoLimits(max_bytes=len(data) - 1), "photo.too-many-bytes"),
        (PhotoLimits(max_pixels=SIDE * SIDE - 1), "photo.too-large"),
        (PhotoLimits(max_side=SIDE - 1), "photo.too-large"),
        (PhotoLimits(min_side=SIDE + 1), "photo.too-small"),
    ):
        with pytest.raises(InvalidPhoto) as refused:
            read_photo(data, limits)
        assert refused.value.reason == reason


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(whole_photos())), st.data())
def test_any_change_of_a_file_is_a_photo_or_a_reason(name: str, data: st.DataObject) -> None:
    changed = bytearray(whole_photos()[name])
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)) | st.just(len(changed)))
    try:
        photo = read_photo(bytes(changed[:cut]), PhotoLimits(max_pixels=1 << 20, min_side=1))
    except InvalidPhoto:
        return
    assert photo.pixels.dtype == np.uint8
    assert photo.alpha is None or photo.alpha.shape == photo.pixels.shape[:2]


def peak_mb() -> float:
    """Return this process's largest resident size, of all its life."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / MEGABYTE


def read_hostile_photos() -> tuple[Counter[str], float]:
    """Return what became of the files, and the memory that they took; with no lower limit, so that most are decoded."""
    files, ends = list(hostile_photos()), Counter[str]()
    before = peak_mb()
    for name, data in files:
        try:
            read_photo(data, PhotoLimits(min_side=1))
            ends["read"] += 1
        except InvalidPhoto as refused:
            sentence = str(refused)
            assert sentence.endswith("."), (name, sentence)
            assert "\n" not in sentence, (name, sentence)
            assert len(sentence) < 300, (name, sentence)
            ends[refused.reason] += 1
    return ends, peak_mb() - before


def read_a_camera_s_photos(count: int) -> tuple[float, list[float]]:
    """Return what the first photo of 12 megapixels took, and the peak after each of the others."""
    grid = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    data = save(Image.fromarray(grid).resize((4000, 3000)), "JPEG", quality=90)
    before, peaks = peak_mb(), []
    for _ in range(count):
        assert read_photo(data).pixels.shape == (3000, 4000, 3)
        peaks.append(peak_mb())
    return peaks[0] - before, peaks


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak is read from /proc")


@needs_proc
def test_5000_hostile_files_are_photos_or_reasons_in_bounded_memory() -> None:
    # In a process of its own: a peak never falls, and a decoder that crashes takes its process along.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        ends, megabytes = child.submit(read_hostile_photos).result(timeout=300)
    assert ends.total() == FILE_COUNT
    assert ends["read"] > 500
    assert ends["photo.unreadable"] > 1000
    assert {"photo.animated", "photo.too-large", "photo.wrong-format", "photo.polyglot"} <= ends.keys()
    assert megabytes < MEMORY_BYTES_A_PIXEL * MAX_PIXELS / MEGABYTE


@needs_proc
def test_photos_of_12_megapixels_one_after_another_take_no_more_than_one_of_them() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        first, peaks = child.submit(read_a_camera_s_photos, 12).result(timeout=300)
    assert first < MEMORY_BYTES_A_PIXEL * 12_000_000 / MEGABYTE
    assert max(peaks) - peaks[1] < 16
