"""Stage pictures: a picture file into pixels, and pixels into the store under the sha256 of themselves.

Inputs: the bytes of a JPEG, PNG or WebP, or pixels. Outputs: upright sRGB pixels, and the digest that names them.
`InvalidPhoto` says what is wrong with a file: it is read as shops' photos are (`infra.photos.reading`), before any
decoder trusts it. A stage fills its whole frame, so one that is transparent anywhere is refused.
Invariant: a picture lies in the store before a library names it, and is written again where it is old: a sweep deletes
what is old and not named yet, and looks at its age just before.
"""

from datetime import timedelta
from typing import Final

from catalogs import layout
from infra.errors import InvalidImage, ObjectMissing
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.interfaces import ObjectStore, Pixels
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.reading import check_photo, read_photo

STAGE_KINDS: Final = ("JPEG", "PNG", "WEBP")
WRITTEN_ANEW_AFTER = timedelta(hours=12)
"""Half of what a sweep calls young, as of photos."""


def decode_stage_picture(data: bytes) -> Pixels:
    """Return a file's pixels (height x width x 3, uint8, upright, sRGB). Raises `InvalidPhoto`."""
    kind = check_photo(data).kind
    if kind not in STAGE_KINDS:
        raise InvalidPhoto("photo.wrong-format", f"The picture is a {kind}; save it as JPEG, PNG or WebP.")
    photo = read_photo(data)
    if photo.alpha is not None:
        raise InvalidPhoto(
            "photo.wrong-format", "The picture is transparent in places, and a stage fills its frame; flatten it first."
        )
    return photo.pixels


def keep_stage_picture(store: ObjectStore, pixels: Pixels) -> str:
    """Write a stage's picture once, as a lossless PNG; return the sha256 of its pixels, in hex."""
    sha256 = pixel_sha(pixels)
    key, data = layout.stage_image(sha256), encode_png(pixels)
    if not store.write_once(key, data, content_type="image/png") and _is_old(store, key):
        store.write(key, data, content_type="image/png")
    return sha256


def restore_stage_picture(store: ObjectStore, pixels: Pixels) -> bool:
    """Write a stage's picture again where the store has lost it or holds another one; tell whether that was so."""
    sha256 = pixel_sha(pixels)
    try:
        read_stage_picture(store, sha256)
    except (ObjectMissing, InvalidImage):
        store.write(layout.stage_image(sha256), encode_png(pixels), content_type="image/png")
        return True
    return False


def read_stage_picture(store: ObjectStore, sha256: str) -> Pixels:
    """Return a stage's pixels. Raises `ObjectMissing`, and `InvalidImage` for other pixels than its name says."""
    key = layout.stage_image(sha256)
    pixels = decode(store.read(key))
    if pixel_sha(pixels) != sha256:
        raise InvalidImage(f"{key} holds other pixels than its name says; add the picture again.")
    return pixels


def _is_old(store: ObjectStore, key: str) -> bool:
    try:
        return store.info(key).modified < store.now() - WRITTEN_ANEW_AFTER
    except ObjectMissing:  # a sweep deleted it since
        return True
