"""One picture to look at, wherever it lies: a path, or an object in a store.

Comes in: a path, `file://…` or `s3://bucket/key`. Goes out: its bytes, at most 64 MB of them. Nothing is fetched from
the web: an address that somebody was sent may lead to a place that only this machine can reach.
"""

import io
import stat
from pathlib import Path

from PIL import Image

from infra.errors import InvalidImage, ObjectMissing, UnreadableSource
from infra.stores import open_store
from infra.stores.addresses import parse_address

MAX_IMAGE_BYTES = 64 * 2**20
"""Sixteen times the largest picture that a shop takes, and little enough for any machine."""


def read_image(location: str) -> bytes:
    """Return a picture's bytes.

    Raises `UnreadableSource` for what is no file, is empty, larger than 64 MB or on the web, `InvalidStoreAddress` for
    any other address that no store has, and `StoreError` where the store is away.
    """
    if not location.strip():
        raise UnreadableSource(f"{location!r} names no picture; give a file or s3://bucket/key.")
    scheme, separator, _ = location.partition("://")
    if separator and scheme.lower() in {"http", "https"}:
        raise UnreadableSource("Pictures are not fetched from the web; download it first: `curl -o picture.jpg URL`.")
    return _read_object(location) if separator and scheme.lower() != "file" else _read_file(location)


def require_max_pixels(data: bytes, max_pixels: int) -> None:
    """Raise `InvalidImage` where a picture's head says that it has more pixels than that, or says nothing."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidImage(f"The size of this picture of {len(data)} bytes cannot be read: {error}.") from error
    if width * height > max_pixels:
        raise InvalidImage(f"A picture of {width} x {height} pixels is not decoded here; the most are {max_pixels:,}.")


def _read_object(url: str) -> bytes:
    parse_address(url)  # a URL with a password is refused before anything repeats it
    place, _, name = url.rpartition("/")
    if not name or place.endswith("/"):
        raise UnreadableSource(f"{url!r} names no object; write s3://bucket/key.")
    store = open_store(place)
    try:
        _check_size(url, store.size(name))
        return store.read(name)
    except ObjectMissing:
        raise UnreadableSource(f"There is no object {url!r}; check the key.") from None


def _read_file(where: str) -> bytes:
    path = Path(parse_address(where).location)
    try:
        status = path.stat()  # before it is opened: a pipe would wait for a writer
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableSource(f"{where!r} is no file; name one picture.")
        _check_size(where, status.st_size)
        with path.open("rb") as file:
            return file.read(MAX_IMAGE_BYTES)
    except OSError as error:
        raise UnreadableSource(f"{where!r} cannot be read ({error.strerror}); check the path.") from None


def _check_size(where: str, size: int) -> None:
    if not 0 < size <= MAX_IMAGE_BYTES:
        what = "is empty" if not size else f"has {size:,} bytes, more than the {MAX_IMAGE_BYTES:,} that are read"
        raise UnreadableSource(f"{where!r} {what}; name a picture.")
