"""Finished files: finish a staged image, and keep the file under its key.

Inputs: a `ScreeningRequest` and what stored work is believed by. Outputs: the raw pixels, the finished file, its
pixels, and whether something lay there that was not believed.
Invariant: with keys, the raw image is the one that was generated or found (by its tag, or its pixels' sha), and the
finished file is what this process wrote, or one that believed scores vouch for: another libjpeg writes other bytes, and
a batch that was decided for those may still wait. Any other file is replaced. No file has a part that the finish does
not write. Where a photo's product is kept, the finish changes no pixel of it, and only scores that were measured with
the same document vouch for a file: one that was finished without that protection is never taken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from infra.composing.kept_terms import KeptTerms
from infra.errors import InvalidImage
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish
from infra.imaging.jpeg_segments import find_foreign_part
from infra.integrity.png_tags import believed_pixel_sha
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore, Pixels, Screened, ScreeningRequest
from infra.interfaces.cutouts import AlphaMask
from infra.provenance.watermarks import open_watermark, require_payload, watermark_payload
from infra.screening.product_check import ProductCheck, check_kept, is_of_document
from infra.screening.score_files import is_vouched_for


@dataclass(frozen=True)
class FinishedImage:
    """A finished image: file, pixels before and after the finish, and whether another file was replaced by it.

    `kept` is the check of what it keeps of a photo; None where it keeps nothing.
    """

    file: bytes
    raw: Pixels
    finished: Pixels
    replaced: bool = False
    kept: ProductCheck | None = None

    @property
    def product_on_scene(self) -> AlphaMask | None:
        """Return the alpha of a kept product whose ground is a scene; None of every other image."""
        return self.kept.alpha if self.kept is not None and self.kept.is_on_scene else None


def finish_staged_image(
    request: ScreeningRequest,
    store: ObjectStore,
    trust: StoredWorkTrust,
    kept: tuple[KeptTerms, str] | None = None,
) -> FinishedImage:
    """Write the finished file under its key, or take the one that is there where it is believed.

    `kept` is the terms and the document of an image that keeps a photo's product. Raises `KeptUnproven` where that
    cannot be proven again, `ObjectMissing` or `InvalidImage` for the raw image itself, and `InvalidImage` for a raw
    image other than the generated one and for a file whose watermark does not survive the encoder.
    """
    raw = _read_raw_image(request, store, trust)
    name = request.finish.watermark
    watermark = None if name is None else open_watermark(request.watermark, name)
    payload = b"" if watermark is None else watermark_payload(pixel_sha(raw))
    check = None if kept is None else check_kept(request, store, *kept, raw)
    embed = partial(watermark.embed, payload=payload) if watermark else None
    fresh = finish(raw, request.finish, embed) if check is None else _finish_kept(raw, request, embed, check)
    vouches = None if kept is None else partial(is_of_document, terms=kept[0], document=kept[1])
    file, replaced = _keep(request, store, trust, fresh, vouches)
    finished = decode(file)
    if watermark is not None:
        require_payload(watermark, finished, payload)
    return FinishedImage(file, raw, finished, replaced, check)


def _finish_kept(
    raw: Pixels, request: ScreeningRequest, embed: Callable[[Pixels], Pixels] | None, check: ProductCheck
) -> bytes:
    """Return the finished file of an image that keeps a product; it says how, and its core is left alone."""
    return finish(raw, request.finish, embed, check.alpha, check.record.mode)


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


def _keep(
    request: ScreeningRequest,
    store: ObjectStore,
    trust: StoredWorkTrust,
    fresh: bytes,
    vouches: Callable[[Screened], bool] | None,
) -> tuple[bytes, bool]:
    """Store the fresh file, or return the found one that is believed; tell whether another one was replaced.

    `vouches` tells which scores may speak for a found file; None: without keys no file needs any.
    """
    key = request.finished_key
    if store.write_once(key, fresh, content_type="image/jpeg"):
        return fresh, False
    found = store.read(key)
    if found == fresh:
        return fresh, False
    needs_none = trust.keys is None and vouches is None
    sha = sha256(found).hexdigest()
    believed = needs_none or is_vouched_for(store, request.scores_prefix, sha, trust, vouches)
    if believed and find_foreign_part(found) is None:
        return found, False
    store.write(key, fresh, content_type="image/jpeg")
    return fresh, True
