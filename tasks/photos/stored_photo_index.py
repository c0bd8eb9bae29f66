"""The stored photo index of a catalogue, while a run adds to it: loaded once, saved in steps and at the end.

Inputs: a store, a catalogue, rows of photos that were read. Outputs: the rows of some references, and in the store all.
Several runs of a catalogue may save at once (a full one and a partial one of new rows): each takes in what lies there
before it saves its own rows. Another one may save in between; its rows are lost then, which costs reading those photos
once more and nothing else, since the index is a cache and the photos themselves are written once.
"""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from infra.errors import DocumentUnreadable, ObjectMissing
from infra.interfaces import ObjectStore
from infra.photos.photo_index import PHOTO_INDEX, load_index, only_references, save_index, with_rows, without_references
from infra.photos.reference_search import ReferenceSearch


def forget_photos(store: ObjectStore, catalogue: str) -> None:
    """Empty the index of a catalogue that names no photo any more: one request where it has none."""
    try:
        store.info(layout.photo_index(catalogue))
    except ObjectMissing:
        return
    StoredPhotoIndex(store, catalogue).save(pa.array([], pa.string()))


class StoredPhotoIndex:
    """The photo index of one catalogue, as one run sees and changes it."""

    def __init__(self, store: ObjectStore, catalogue: str) -> None:
        self._store, self._key = store, layout.photo_index(catalogue)
        self.warning, self._is_damaged = "", False
        self._rows = self._load()
        self._loaded = self._rows["reference"]
        self._changed = PHOTO_INDEX.empty_table()
        self._search = ReferenceSearch(self._rows)

    def find(self, wanted: Any) -> pa.Table:
        """Return the rows of these references, in no particular order."""
        return self._search.find(wanted)

    def references_of(self, photos: Collection[bytes], named: Any) -> dict[bytes, list[str]]:
        """Return those of the named references that stand for these photos, by sha256; all rows are read for it."""
        rows, wanted = only_references(with_rows(self._rows, self._changed), named), pa.array(photos, pa.binary(32))
        found = rows.filter(pc.and_(pc.is_in(rows["sha256"], value_set=wanted), pc.is_null(rows["reason"])))
        places: dict[bytes, list[str]] = {}
        for reference, photo in zip(found["reference"].to_pylist(), found["sha256"].to_pylist(), strict=True):
            places.setdefault(photo, []).append(reference)
        return places

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Put rows of photos that were read in the place of earlier ones."""
        table = pa.Table.from_pylist(list(rows), PHOTO_INDEX)
        self._changed = with_rows(self._changed, table)
        self._search.add(table)

    def save(self, named: pa.Array | None = None) -> bool:
        """Save what changed, and tell whether anything did; an index that cannot be read is replaced in any case.

        With `named`, the references that a catalogue names, read to its end, the rows that were there when this run
        began and that it does not name go; those that another run has added since stay.
        """
        gone = self._not_named(named) if named is not None else None
        if not self._changed.num_rows and gone is None and not self._is_damaged:
            return False
        self._rows = with_rows(self._load(), self._changed)
        if gone is not None:
            self._rows = without_references(self._rows, gone)
        save_index(self._store, self._key, self._rows)
        self._changed, self._search = PHOTO_INDEX.empty_table(), ReferenceSearch(self._rows)
        self._is_damaged = False
        return True

    def _not_named(self, named: pa.Array) -> Any:
        """Return the loaded references that are not named; None where there is none."""
        loaded = pa.table([self._loaded], names=["reference"])
        kept = only_references(loaded, named)
        return None if kept is loaded else without_references(loaded, kept["reference"])["reference"]

    def _load(self) -> pa.Table:
        try:
            return load_index(self._store, self._key)
        except DocumentUnreadable as error:
            self.warning, self._is_damaged = (
                f"The photo index cannot be read, so every photo is read again: {error}",
                True,
            )
            return PHOTO_INDEX.empty_table()
