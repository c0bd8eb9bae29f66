"""Resolved photos: what the references of a batch's cells stand for, and which of them each view may use.

Inputs: the cells of a photo field; a `PhotoResolver`, which knows the files. Outputs: a text of tokens for each cell
and for each view of a row, tokens with one space between them. Pure but for what the resolver does. A token is the
sha256 of a photo's bytes in hex, or `!` with the reason why the photo cannot be used: `!photo.unreadable`.

So a plan depends on what the photos are, and not on where they lie: the same photo under another name changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.photo_fields import LIST_BREAK
from catalogs.photos.kept_request import parse_kept_request
from catalogs.planning.plan import Request

PHOTO_MISSING, PHOTO_NOT_READ = "photo.missing", "photo.not-read"
"""The reasons of a view that no photo of its row is for, and of a photo that a plan which writes nothing has not read.
"""
MAX_PHOTOS_A_CELL = 20
"""Further ones are passed over: nobody shows a product to a machine from more sides, and each is fetched and cut."""

_REFUSED = "!"


class PhotoResolver(Protocol):
    """Finds the photos that references name, and fetches and keeps those that it has not seen."""

    @property
    def cutters(self) -> Mapping[str, str]:
        """Return the version of each cutter that is at hand, by the name that recipes use."""

    def resolve(self, cells: pa.Array) -> pa.Array:
        """Return the token of each reference; empty for an empty one. No reference comes twice in one call."""

    def restore(self, photos: Collection[str]) -> None:
        """Fetch those of these photos (sha256 in hex) again that the store has lost: images are planned of them."""

    def warnings(self) -> list[str]:
        """Return what is doubtful about the photos so far, in sentences."""


class UnreadPhotos:
    """Knows no photo: for plans that neither read nor make anything."""

    cutters: Mapping[str, str] = {}

    def resolve(self, cells: pa.Array) -> pa.Array:
        """Return of every reference that it was not read."""
        return pc.if_else(pc.equal(cells, ""), "", _REFUSED + PHOTO_NOT_READ)

    def restore(self, photos: Collection[str]) -> None:
        """Restore nothing: no photo is known."""

    def warnings(self) -> list[str]:
        """Return none: that nothing was read is meant."""
        return []


def usable_photos(tokens: str) -> tuple[str, ...]:
    """Return the photos of a view that can be used, each once, in the row's order."""
    return tuple(dict.fromkeys(token for token in tokens.split() if not token.startswith(_REFUSED)))


def refusals(tokens: str) -> tuple[str, ...]:
    """Return the reasons why photos of a view cannot be used, each once."""
    reasons = (token.removeprefix(_REFUSED) for token in tokens.split() if token.startswith(_REFUSED))
    return tuple(dict.fromkeys(reasons))


def resolve_cells(
    cells: pa.ChunkedArray, resolver: PhotoResolver, separator: str | None
) -> tuple[list[str], list[int]]:
    """Return the tokens of each cell, and the positions of the cells that name more photos than are looked at.

    Each reference is resolved once, however many rows name it.
    """
    encoded = pc.dictionary_encode(cells.combine_chunks())
    texts: pa.Array = encoded.dictionary
    breaks = [text for text in (LIST_BREAK, separator) if text]
    if not any(pc.any(pc.match_substring(texts, text)).as_py() for text in breaks):
        return _resolved(texts, resolver).take(encoded.indices).to_pylist(), []
    parts = [_split(text, separator) for text in texts.to_pylist()]
    references = dict.fromkeys(part for cell in parts for part in cell[:MAX_PHOTOS_A_CELL])
    tokens = dict(zip(references, _resolved(pa.array(references, pa.string()), resolver).to_pylist(), strict=True))
    by_text = [" ".join(filter(None, map(tokens.__getitem__, cell[:MAX_PHOTOS_A_CELL]))) for cell in parts]
    too_many = pa.array([len(cell) > MAX_PHOTOS_A_CELL for cell in parts], pa.bool_())
    surplus = pc.indices_nonzero(too_many.take(encoded.indices)).to_pylist()
    return pa.array(by_text, pa.string()).take(encoded.indices).to_pylist(), surplus


def share_candidates(shared: str, own: Sequence[str]) -> list[str]:
    """Return the tokens of each view of a row that has photos, in its order of views.

    `shared` are the row's own, `own` those of each view. A view takes its own; else all of the row's where the row has
    one view, and the one at its place where it has several. What is left over may be the first view's too. A view that
    finds nothing has the token of a missing photo.
    """
    if len(own) == 1:  # most rows of most catalogues
        return [own[0] or shared or _REFUSED + PHOTO_MISSING]
    tokens, views = shared.split(), len(own)
    found = []
    for place, text in enumerate(own):
        left_over = tokens[views:] if place == 0 else []
        found.append(text or " ".join([*tokens[place : place + 1], *left_over]) or _REFUSED + PHOTO_MISSING)
    return found


def restore_photos(resolver: PhotoResolver, requests: Iterable[Request]) -> None:
    """Have the photos restored that these requests are about, where the store has lost them."""
    kept = (parse_kept_request(request.kept) for request in requests if request.kept is not None)
    photos = {photo for request in kept for photo in request.photos if not photo.startswith(_REFUSED)}
    if photos:
        resolver.restore(photos)


def _resolved(references: pa.Array, resolver: PhotoResolver) -> pa.Array:
    tokens = pc.fill_null(resolver.resolve(references), "")
    if len(tokens) != len(references):
        raise ValueError(f"{len(references)} photo references were resolved to {len(tokens)} tokens.")
    return tokens


def _split(text: str, separator: str | None) -> list[str]:
    """Return the references of a cell; what is empty between two separators names nothing."""
    entries = text.split(LIST_BREAK)
    parts = [part for entry in entries for part in (entry.split(separator) if separator else [entry])]
    return [part for each in parts if (part := each.strip())]
