"""Resolve photo references for a plan: the sha256 of each photo, read and kept before anything is planned by it.

Inputs: the texts of a catalogue's photo columns, batch by batch; the store with the catalogue's photo index. Outputs:
tokens (`catalogs.photos.photo_tokens`), photos kept under `sources/`, the index, warnings.
Invariants:
- A photo of a known version costs no request: a folder is listed once, the index is read once.
- A photo that cannot be asked for stays what it was: a server that is down neither retires nor blocks what is live.
- A dry run reads and writes nothing but listings: a photo that it does not know is `!photo.not-read`.
- A killed run has lost the rows of two minutes, and no photo: what was kept is found by its digest.
- A photo that the store has lost is fetched again before an image is planned of it, and only from a place that this
  catalogue names; other bytes there are a changed photo, for the next run.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.photos.photo_tokens import NOT_READ, refusal_token
from infra.interfaces import ObjectStore
from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_files import PhotoReader, missing_photo
from infra.photos.photo_index import KNOWN, MISSING, look_up
from infra.photos.photo_references import AllowedPlaces, PhotoReference, parse_photo_reference
from infra.photos.plain_references import HTTPS_BEGINNING, canonical_texts, reference_of
from infra.stores import open_store
from tasks.photos.cell_references import MAX_REFERENCES, TOO_MANY, hex_texts, join_tokens, split_cells
from tasks.photos.kept_sources import KeptSources
from tasks.photos.photo_fetching import FetchAnswer, PhotoFetcher, PhotoToFetch, unreachable_photo
from tasks.photos.photo_listings import PhotoListings
from tasks.photos.photo_problems import PhotoProblems
from tasks.photos.stored_photo_index import StoredPhotoIndex, forget_photos

SAVE_SECONDS: Final = 120.0
"""How often the index is saved while photos are read: what a killed run reads twice."""
MAX_PLACES: Final = 3
"""Places of one lost photo that are asked for it."""
_KEEPS_EARLIER: Final = frozenset({"photo.unreachable", "photo.not-fetched"})
"""Reasons that speak of the server and not of the photo: neither that it is gone, nor that it is another."""


@dataclass(frozen=True)
class PhotoReading:
    """How the photos of one catalogue are read. Without `writes` it is a dry run."""

    allowed: AllowedPlaces
    recheck: timedelta
    separator: str | None = None
    writes: bool = True
    reader: PhotoReader = field(default_factory=PhotoReader)
    open_root: Callable[[str], ObjectStore] = open_store
    on_read: Callable[[int], None] = lambda _: None
    """Is told of photos that were read, a few at a time."""
    monotonic: Callable[[], float] = time.monotonic


class StorePhotoResolver:
    """Resolves the photos of one catalogue in one run, by the index in its store. Used by one thread."""

    def __init__(self, store: ObjectStore, catalogue: str, reading: PhotoReading, cutters: Mapping[str, str]) -> None:
        self.cutters = cutters
        self._store, self._catalogue, self._reading = store, catalogue, reading
        self._listings = PhotoListings(reading.allowed, reading.open_root)
        self._problems = PhotoProblems()
        self._settled: dict[str, str] = {}
        """Tokens that neither index nor listing gives in this run: of what failed, or has no version yet."""
        self._sources = KeptSources(store)
        self._named: list[pa.Array] = []
        self._saved_at = reading.monotonic()
        self._has_looked = False

    @cached_property
    def _index(self) -> StoredPhotoIndex:
        return StoredPhotoIndex(self._store, self._catalogue)

    @cached_property
    def _fetcher(self) -> PhotoFetcher:
        return PhotoFetcher(self._store, self._reading.reader, self._now)

    @cached_property
    def _now(self) -> datetime:
        return self._store.now()

    def resolve(self, cells: pa.Array) -> pa.Array:
        """Return the tokens of each cell, separated by spaces; '' for an empty one. Raises `StoreError` alone."""
        split = split_cells(cells, self._reading.separator)
        canonical = canonical_texts(split.references, self._reading.allowed)
        is_odd = pc.is_null(canonical)
        parsed = [self._parse(text) for text in split.references.filter(is_odd).to_pylist()]
        canonical = pc.replace_with_mask(canonical, is_odd, pa.array([text for text, _ in parsed], pa.string()))
        wanted = canonical.drop_null().unique()
        tokens = self._resolve_places(wanted).take(pc.index_in(canonical, value_set=wanted))
        refused = pa.array([token for text, token in parsed if text is None], pa.string())
        return join_tokens(split, pc.replace_with_mask(tokens, pc.is_null(canonical), refused))

    def restore(self, photos: Collection[str]) -> None:
        """Fetch those of these photos again that the store has lost. Raises `StoreError`."""
        lost = self._sources.find_lost([bytes.fromhex(photo) for photo in photos]) if self._reading.writes else []
        if not lost:
            return
        places = self._index.references_of(lost, pa.chunked_array(self._named))
        orders = [
            PhotoToFetch(self._reference(name), earlier=photo, anew=True)
            for photo in lost
            for name in places.get(photo, ())[:MAX_PLACES]
        ]
        answers = list(self._fetcher.fetch(orders))
        self._index.add([answer.row for answer in answers if answer.row is not None])
        restored = {answer.digest for answer in answers if answer.is_kept}.intersection(lost)
        self._sources.add(restored)
        self._problems.restored += len(restored)
        self._problems.lost += len(lost) - len(restored)

    def finish(self, *, complete: bool) -> None:
        """Save the index; `complete` says that the catalogue was read to its end, so that the rest can be forgotten."""
        if not self._reading.writes:
            return
        if not self._has_looked:
            if complete:
                forget_photos(self._store, self._catalogue)
            return
        named = pa.chunked_array([*self._named, pa.array([], pa.string())]).unique() if complete else None
        self._index.save(named)

    def warnings(self) -> list[str]:
        """Return what a report says of the photos that could not be used."""
        warning = self._index.warning if self._has_looked else ""
        self._problems.notes = [note for note in (warning, *self._listings.errors) if note]
        return self._problems.warnings()

    def _parse(self, text: str) -> tuple[str | None, str]:
        """Return a reference's canonical text, or None and the token of the text itself."""
        try:
            if text == TOO_MANY:
                raise InvalidPhoto("photo.reference", f"A cell names more than {MAX_REFERENCES} photos; name fewer.")
            return parse_photo_reference(text, self._reading.allowed).text, ""
        except InvalidPhoto as error:
            return None, self._refuse(text, error)

    def _resolve_places(self, wanted: pa.Array) -> pa.Array:
        """Return the token of each of these canonical references."""
        if not len(wanted):
            return wanted
        self._has_looked = True
        if self._reading.writes:
            self._named.append(wanted)
        listed = self._listings.find(wanted)
        found = look_up(self._index.find(wanted), listed, wanted, self._now, self._reading.recheck)
        tokens = hex_texts(found["sha256"])
        is_open = pc.is_null(tokens)
        others, unread = dict[str, str](), list[PhotoToFetch]()
        rows = found.filter(is_open).to_pylist()
        for row in rows:
            name = row["reference"]
            token = self._settled.get(name) or self._decide_without_reading(row)
            if token is None:
                unread.append(PhotoToFetch(self._reference(name), row["version"], row["earlier"]))
            else:
                others[name] = self._settled[name] = token
        others |= self._read(unread)
        return pc.replace_with_mask(tokens, is_open, pa.array([others[row["reference"]] for row in rows], pa.string()))

    def _decide_without_reading(self, row: Mapping[str, Any]) -> str | None:
        """Return the token of a reference that is not read: refused, missing, unreachable, or in a dry run."""
        name, reference = row["reference"], self._reference(row["reference"])
        if row["state"] == KNOWN:
            return self._refuse(name, InvalidPhoto(row["reason"], row["refusal"]))
        if self._listings.is_unreachable(reference):
            error = unreachable_photo(reference, "lies where nothing could be listed")
            return self._keep_earlier(row["earlier"], name, error)
        if row["state"] == MISSING:
            return self._refuse(name, missing_photo(reference))
        if self._reading.writes:
            return None
        if name.startswith(HTTPS_BEGINNING) and row["earlier"]:
            return str(row["earlier"].hex())  # it is only due to be asked for again
        self._problems.not_read += 1
        return refusal_token(NOT_READ)

    def _read(self, photos: list[PhotoToFetch]) -> dict[str, str]:
        """Read photos, keep them and their rows, and return their tokens."""
        earlier = {photo.reference.text: photo.earlier for photo in photos}
        tokens, rows = {}, list[dict[str, Any]]()
        try:
            for answer in self._fetcher.fetch(photos):
                tokens[answer.reference] = token = self._token(answer, earlier[answer.reference])
                if answer.row is not None:
                    rows.append(answer.row)
                if answer.row is None or not answer.row["version"]:
                    self._settled[answer.reference] = token
                self._sources.add([answer.digest] if answer.is_kept else [])
                self._reading.on_read(1)
                if self._reading.monotonic() - self._saved_at >= SAVE_SECONDS:
                    self._save(rows)
                    rows = []
        finally:
            if rows:
                self._index.add(rows)
        return tokens

    def _save(self, rows: list[dict[str, Any]]) -> None:
        self._index.add(rows)
        self._index.save()
        self._saved_at = self._reading.monotonic()

    def _token(self, answer: FetchAnswer, earlier: bytes | None) -> str:
        if answer.error is None:
            return answer.digest.hex()
        if answer.row is None and answer.error.reason in _KEEPS_EARLIER:
            return self._keep_earlier(earlier, answer.reference, answer.error)
        return self._refuse(answer.reference, answer.error)

    def _keep_earlier(self, earlier: bytes | None, text: str, error: InvalidPhoto) -> str:
        if earlier is None:
            return self._refuse(text, error)
        self._problems.kept_earlier += 1
        return earlier.hex()

    def _refuse(self, text: str, error: InvalidPhoto) -> str:
        if text not in self._settled:
            self._problems.add(error.reason, str(error))
            self._settled[text] = refusal_token(error.reason)
        return self._settled[text]

    def _reference(self, canonical: str) -> PhotoReference:
        return reference_of(canonical, self._reading.allowed)
