"""Finished files: finish a staged image, and keep the file under its key.

Inputs: a `ScreeningRequest` and what stored work is believed by. Outputs: the raw pixels, the finished file, its
pixels, and whether something lay there that was not believed.
Invariant: with keys, the raw image is the one that was generated or found (by its tag, or its pixels' sha), and the
finished file is what this process wrote, or one that believed scores vouch for: another libjpeg writes other bytes, and
a batch that was decided for those may still wait. Any other file is replaced. No file has a part that the finish does
not write.
"""

from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from infra.errors import InvalidImage
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish
from infra.imaging.jpeg_segments import find_foreign_part
from infra.integrity.png_tags import believed_pixel_sha
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore, Pixels, ScreeningRequest
from infra.provenance.watermarks import open_watermark, require_payload, watermark_payload
from infra.screening.score_files import is_vouched_for


@dataclass(frozen=True)
class FinishedImage:
    """A finished image: file, pixels before and after the finish, and whether another file was replaced by it."""

    file: bytes
    raw: Pixels
    finished: Pixels
    replaced: bool = False


def finish_staged_image(request: ScreeningRequest, store: ObjectStore, trust: StoredWorkTrust) -> FinishedImage:
    """Write the finished file under its key, or take the one that is there where it is believed.

    Raises `ObjectMissing` or `InvalidImage` for the raw image itself, and `InvalidImage` for a raw image other than the
    generated one and for a file whose watermark does not survive the encoder.
    """
    raw = _read_raw_image(request, store, trust)
    name = request.finish.watermark
    watermark = None if name is None else open_watermark(request.watermark, name)
    payload = b"" if watermark is None else watermark_payload(pixel_sha(raw))
    fresh = finish(raw, request.finish, partial(watermark.embed, payload=payload) if watermark else None)
    file, replaced = _keep(request, store, trust, fresh)
    finished = decode(file)
    if watermark is not None:
        require_payload(watermark, finished, payload)
    return FinishedImage(file, raw, finished, replaced)


def _read_raw_image(request: ScreeningRequest, store: ObjectStore, trust: StoredWorkTrust) -> Pixels:
    data = store.read(request.raw_key)
    is_generated_one = trust.keys is None or believed_pixel_sha(data, request.raw_key, trust) == request.raw_sha
    pixels = decode(data)
    if not (is_generated_one or pixel_sha(pixels) == request.raw_sha):
        raise InvalidImage(
            f"{request.raw_key} is not the image that was generated or found: somebody replaced it. The next run makes"
            " it again."
        )
    return pixels


def _keep(request: ScreeningRequest, store: ObjectStore, trust: StoredWorkTrust, fresh: bytes) -> tuple[bytes, bool]:
    """Store the fresh file, or return the found one that is believed; tell whether another one was replaced."""
    key = request.finished_key
    if store.write_once(key, fresh, content_type="image/jpeg"):
        return fresh, False
    found = store.read(key)
    if found == fresh:
        return fresh, False
    believed = trust.keys is None or is_vouched_for(store, request.scores_prefix, sha256(found).hexdigest(), trust)
    if believed and find_foreign_part(found) is None:
        return found, False
    store.write(key, fresh, content_type="image/jpeg")
    return fresh, True
