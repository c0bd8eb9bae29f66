"""Photos as shops hold them: what each kind of file shows, and what is refused."""

import contextlib
import io
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from infra.errors import InvalidImage
from infra.imaging.codecs import encode_png
from infra.imaging.shop_photos import read_shop_photo
from tests.fixtures.hostile_images import hostile_files, png_chunk
from tests.fixtures.product_images import passing_images

BALL = passing_images(128)["red ball"]


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def ball() -> Image.Image:
    return Image.fromarray(BALL)


def difference(found: Any, wanted: Any) -> float:
    return float(np.abs(found.astype(int) - wanted.astype(int)).mean())


@pytest.mark.parametrize(
    ("write", "tolerance"),
    [
        pytest.param(lambda: encode_png(BALL), 0, id="png"),
        pytest.param(lambda: saved(ball(), "JPEG", quality=98, subsampling=0), 2, id="jpeg"),
        pytest.param(lambda: saved(ball(), "JPEG", quality=98, subsampling=0) + bytes(16), 2, id="bytes after the end"),
        pytest.param(lambda: saved(ball(), "JPEG", quality=98, subsampling=0, progressive=True), 2, id="progressive"),
        pytest.param(lambda: saved(ball().convert("CMYK"), "JPEG", quality=98), 3, id="CMYK"),
        pytest.param(lambda: saved(ball().quantize(256), "PNG"), 4, id="palette"),
        pytest.param(lambda: saved(ball(), "PNG", icc_profile=b"no profile at all"), 0, id="damaged profile"),
    ],
)
def test_every_kind_of_file_shows_the_same_picture(write: Callable[[], bytes], tolerance: float) -> None:
    photo = read_shop_photo(write())
    assert photo.alpha is None
    assert photo.pixels.dtype == np.uint8
    assert difference(photo.over_white(), BALL) <= tolerance


def test_grey_of_16_bits_has_the_same_brightness() -> None:
    grey = np.asarray(ball().convert("L"))
    photo = read_shop_photo(saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"))
    assert np.array_equal(photo.pixels, np.repeat(grey[..., None], 3, axis=2))


def test_what_is_transparent_is_white_on_a_shop_s_page() -> None:
    cut_out = np.dstack([BALL, np.full(BALL.shape[:2], 255, np.uint8)])
    cut_out[:20] = (0, 0, 0, 0)
    cut_out[20:40, :, :3], cut_out[20:40, :, 3] = 0, 128
    photo = read_shop_photo(saved(Image.fromarray(cut_out), "PNG"))
    assert photo.alpha is not None
    shown = photo.over_white()
    assert (shown[:20] == 255).all()
    assert (shown[20:40] == 127).all()
    assert np.array_equal(shown[40:], BALL[40:])


def test_a_phone_s_picture_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    wide = ball().crop((0, 0, 128, 64))
    photo = read_shop_photo(saved(wide, "JPEG", quality=98, subsampling=0, exif=exif))
    assert photo.pixels.shape == (128, 64, 3)
    assert difference(photo.pixels, np.asarray(wide.rotate(-90, expand=True))) <= 2


def test_colours_of_a_profile_become_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert difference(read_shop_photo(saved(ball(), "PNG", icc_profile=srgb)).pixels, BALL) <= 1
    swapped = srgb.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")
    photo = read_shop_photo(saved(ball(), "PNG", icc_profile=swapped))
    middle = tuple(int(value) for value in photo.pixels[64, 64])
    assert BALL[64, 64, 0] > BALL[64, 64, 2]
    assert middle[0] < middle[2], "red stayed red under a profile whose red primary is blue"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(saved(ball(), "JPEG")[:900], "it is cut short", id="cut JPEG"),
        pytest.param(encode_png(BALL)[:900], "longer than the file", id="cut PNG"),
        pytest.param(saved(ball(), "WEBP"), "neither a PNG nor a JPEG", id="WebP"),
        pytest.param(b"", "neither a PNG nor a JPEG", id="nothing"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidImage, match=reason):
        read_shop_photo(data)


def test_a_header_that_claims_too_much_is_refused_before_anything_is_allocated() -> None:
    data = bytearray(encode_png(BALL))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(InvalidImage, match="claims 60000 x 60000 pixels"):
        read_shop_photo(bytes(data))


def test_a_profile_chunk_without_its_method_is_a_damaged_photo() -> None:
    sound = encode_png(np.zeros((8, 8, 3), np.uint8))
    end = len(sound) - 12  # of the last chunk, which is empty
    photo = sound[:end] + png_chunk(b"iCCP", b"name\0") + sound[end:]
    with pytest.raises(InvalidImage, match="could not be decoded: The photo is a damaged PNG: index out of range"):
        read_shop_photo(photo)


def test_exif_that_names_its_own_bytes_again_and_again_is_refused() -> None:
    exif = b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527)
    photo = saved(ball(), "JPEG")
    with pytest.raises(InvalidImage, match="200 segments of EXIF"):
        read_shop_photo(photo[:2] + exif * 200 + photo[2:])


def read_all() -> tuple[int, int, float]:
    """Return how many hostile files were read and refused, and the megabytes that it took."""

    def peak_mb() -> float:
        return int(Path("/proc/self/status").read_text("ascii").split("VmHWM:")[1].split()[0]) / 1024

    files, read = list(hostile_files()), 0
    before = peak_mb()
    for _, data in files:
        with contextlib.suppress(InvalidImage):
            read += read_shop_photo(data).pixels.ndim == 3
    return read, len(files) - read, peak_mb() - before


def test_every_hostile_photo_is_read_or_refused_in_bounded_memory() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        read, refused, megabytes = child.submit(read_all).result()
    assert min(read, refused) > 200
    assert megabytes < 500
