"""Staged images: find the ones that are believed, and stage new ones.

Inputs: a store, what stored work is believed by, image keys, pixels. Outputs: each image's pixel sha and its engine.
Invariant: an image is found by its key only where it is believed (see `infra.integrity`); a damaged one is deleted, and
one that is not believed is replaced by the next that is generated under its key. The first believed one wins.
An image that keeps a photo's product is staged after the document that says what was kept; without it, it is not found.
"""

from typing import NamedTuple

from catalogs import layout
from infra.composing.kept_documents import find_kept_document, replace_kept_document, write_kept_document
from infra.errors import InvalidImage
from infra.imaging.codecs import decode, encode_png, pixel_sha, read_software
from infra.integrity.png_tags import believed_pixel_sha, believes_untagged, tag_png
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore, Pixels


class StagedImage(NamedTuple):
    """The sha256 of a staged image's pixels, and the engine that generated it where the file names it.

    `replaced` tells that the image took the place of one that was not believed.
    """

    pixel_sha: str
    backend: str
    replaced: bool = False


def find_kept_image(store: ObjectStore, image_key: str, trust: StoredWorkTrust) -> StagedImage | None:
    """Return the staged image that keeps a photo's product, where its document is believed too."""
    if find_kept_document(store, layout.kept_document(image_key), trust) is None:
        return None
    return find_staged_image(store, image_key, trust)


def find_staged_image(store: ObjectStore, image_key: str, trust: StoredWorkTrust) -> StagedImage | None:
    """Return the staged image that is believed, by one request; a damaged one is deleted, and not found."""
    key = layout.staged_image(image_key)
    staged = store.find(key)
    if staged is None:
        return None
    proven = believed_pixel_sha(staged, key, trust)
    if proven is not None:
        return StagedImage(proven, read_software(staged))
    if not believes_untagged(store, staged, key, trust):
        return None
    try:
        return StagedImage(pixel_sha(decode(staged)), read_software(staged))
    except InvalidImage:
        store.delete([key])  # Packshot writes no partial image, so this one came from elsewhere; generate it again
        return None


def stage_image(
    store: ObjectStore, image_key: str, pixels: Pixels, backend: str, trust: StoredWorkTrust
) -> StagedImage:
    """Stage generated pixels, or return the believed image that another run has staged meanwhile."""
    key, sha = layout.staged_image(image_key), pixel_sha(pixels)
    png = tag_png(encode_png(pixels, backend), key, sha, trust)
    if store.write_once(key, png, content_type="image/png"):
        return StagedImage(sha, backend)
    found = find_staged_image(store, image_key, trust)
    if found is not None:
        return found
    store.write(key, png, content_type="image/png")
    return StagedImage(sha, backend, replaced=True)


def stage_kept_image(
    store: ObjectStore, image_key: str, pixels: Pixels, record: str, backend: str, trust: StoredWorkTrust
) -> StagedImage:
    """Stage what was kept, and then the composed pixels; or return the pair that another run has staged meanwhile.

    A document that another run left without its image, and an image without its document, are replaced.
    """
    document = layout.kept_document(image_key)
    if not write_kept_document(store, document, record, trust):
        found = find_staged_image(store, image_key, trust)
        if found is not None:
            return found
        replace_kept_document(store, document, record, trust)
    staged = stage_image(store, image_key, pixels, backend, trust)
    sha = pixel_sha(pixels)
    if staged.pixel_sha == sha:
        return staged
    key = layout.staged_image(image_key)
    store.write(key, tag_png(encode_png(pixels, backend), key, sha, trust), content_type="image/png")
    return StagedImage(sha, backend, replaced=True)
