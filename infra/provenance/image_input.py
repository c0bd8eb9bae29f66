"""Read one image that a person names: a path, or an object in a store.

Inputs: a path, `file://…` or `s3://bucket/key`. Outputs: its bytes, at most 64 MB.
Invariant: nothing is fetched from the web, since a URL received from outside may lead to an address that only this
machine can reach.
"""

import io
import stat
from pathlib import Path

from PIL import Image

from infra.errors import InvalidImage, ObjectMissing, UnreadableSource, one_line
from infra.stores import open_store
from infra.stores.addresses import parse_address

MAX_IMAGE_BYTES = 64 * 2**20
"""Sixteen times the largest image that a marketplace accepts, and small enough for any machine."""


def read_image(location: str) -> bytes:
    """Return an image's bytes.

    Raises `UnreadableSource` for a missing, empty or web location or one above 64 MB, `InvalidStoreAddress` for a URL
    of an unknown store, and `StoreError` where the store cannot be reached.
    """
    if not location.strip():
        raise UnreadableSource(f"{location!r} names no image; give a file or s3://bucket/key.")
    scheme, separator, _ = location.partition("://")
    if separator and scheme.lower() in {"http", "https"}:
        raise UnreadableSource("Images are not fetched from the web; download it first: `curl -o image.jpg URL`.")
    return _read_object(location) if separator and scheme.lower() != "file" else _read_file(location)


def require_max_pixels(data: bytes, max_pixels: int) -> None:
    """Raise `InvalidImage` where an image's header claims more pixels than that, or cannot be read."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            width, height = image.size
    except Exception as error:  # Pillow raises whatever a damaged chunk makes of its code: IndexError, struct.error
        raise InvalidImage(f"The size of this image of {len(data)} bytes cannot be read: {one_line(error)}.") from error
    if width * height > max_pixels:
        raise InvalidImage(f"An image of {width} x {height} pixels is not decoded here; the limit is {max_pixels:,}.")


def _read_object(url: str) -> bytes:
    parse_address(url)  # a URL with a password is refused before anything repeats it
    store_url, _, name = url.rpartition("/")
    if not name or store_url.endswith("/"):
        raise UnreadableSource(f"{url!r} names no object; write s3://bucket/key.")
    store = open_store(store_url)
    try:
        _check_size(url, store.size(name))
        return store.read(name)
    except ObjectMissing:
        raise UnreadableSource(f"There is no object {url!r}; check the key.") from None


def _read_file(location: str) -> bytes:
    path = Path(parse_address(location).location)
    try:
        status = path.stat()  # before it is opened: a pipe would wait for a writer
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableSource(f"{location!r} is not a file; name one image.")
        _check_size(location, status.st_size)
        with path.open("rb") as file:
            return file.read(MAX_IMAGE_BYTES)
    except OSError as error:
        raise UnreadableSource(f"{location!r} cannot be read ({error.strerror}); check the path.") from None


def _check_size(location: str, size: int) -> None:
    if not 0 < size <= MAX_IMAGE_BYTES:
        problem = "is empty" if not size else f"has {size:,} bytes, more than the limit of {MAX_IMAGE_BYTES:,}"
        raise UnreadableSource(f"{location!r} {problem}; name an image.")
