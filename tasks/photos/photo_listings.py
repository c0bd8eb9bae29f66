"""Listings of photos: each folder that references name is listed once in a run.

Inputs: canonical references, batch by batch. Outputs: those of them that are there, with their versions, and whether a
folder could not be asked.
Invariants: of a root only the first folders that references name are listed, and no photo is read. What lies in no
folder of a disk's root, beside whatever else is there, is looked for by name; so is what lies in a folder with more
objects than a run keeps in memory.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import ObjectMissing, StoreError, error_sentence
from infra.interfaces import ObjectInfo, ObjectStore
from infra.photos.photo_index import LISTING, list_photos
from infra.photos.photo_references import AllowedPlaces, PhotoReference
from infra.photos.plain_references import STORE_BEGINNING
from infra.photos.reference_search import ReferenceSearch
from infra.stores.concurrency import concurrent_map

MAX_LISTED: Final = 2_000_000
"""Objects whose names a run keeps in memory, of all folders together: 300 MB."""


class _TooMany(Exception):
    """A folder has more objects than are left of `MAX_LISTED`."""


@dataclass
class PhotoListings:
    """The listings of one run."""

    allowed: AllowedPlaces
    open_root: Callable[[str], ObjectStore]
    max_listed: int = MAX_LISTED
    errors: list[str] = field(default_factory=list)
    """Why folders could not be listed, in sentences."""
    _listed: set[str] = field(default_factory=set)
    _rows: ReferenceSearch = field(default_factory=lambda: ReferenceSearch(LISTING.empty_table()))
    _unlisted: set[tuple[str, str, str]] = field(default_factory=set)
    _unreachable: set[str] = field(default_factory=set)

    def find(self, wanted: Any) -> pa.Table:
        """Return what listings say of these canonical references, as `LISTING`; list what no earlier call has."""
        for root, beginning in self._roots():
            below = wanted.filter(pc.starts_with(wanted, beginning))
            names = pc.utf8_slice_codeunits(below, len(beginning))
            folders = pc.struct_field(pc.extract_regex(names, r"^(?P<folder>[^/]+/)"), "folder")
            for folder in sorted(pc.unique(pc.fill_null(folders, "")).to_pylist()):
                self._list_once(root, beginning, folder)
        by_name = [self._find_by_name(*place, wanted) for place in sorted(self._unlisted)]
        return pa.concat_tables([self._rows.find(wanted), *by_name])

    def is_unreachable(self, reference: PhotoReference) -> bool:
        """Tell whether its folder could not be listed."""
        folder, slash, _ = reference.name.partition("/")
        return reference.beginning + (folder + slash if slash else "") in self._unreachable

    def _roots(self) -> Iterator[tuple[str, str]]:
        yield self.allowed.store, STORE_BEGINNING
        for root in dict.fromkeys(root for root, _ in self.allowed.roots):
            yield root, f"{root}/"

    def _list_once(self, root: str, beginning: str, folder: str) -> None:
        place = beginning + folder
        if place in self._listed or (root, beginning, folder) in self._unlisted or place in self._unreachable:
            return
        try:
            store = self.open_root(root)
            if not folder and store.max_concurrency == 1:
                self._unlisted.add((root, beginning, folder))
                return
            room = self.max_listed - self._rows.count
            self._rows.add(list_photos(beginning, _at_most(room, store.list(folder))))
            self._listed.add(place)
        except _TooMany:
            self._unlisted.add((root, beginning, folder))
        except StoreError as error:
            self._give_up(place, error)

    def _find_by_name(self, root: str, beginning: str, folder: str, wanted: Any) -> pa.Table:
        """Return the wanted references of a place that is not listed, by a question for each."""
        place = beginning + folder
        if place in self._unreachable:
            return LISTING.empty_table()
        names = [text[len(beginning) :] for text in wanted.filter(pc.starts_with(wanted, place)).to_pylist()]
        names = [name for name in names if folder or "/" not in name]
        store = self.open_root(root)

        def ask(name: str) -> ObjectInfo | None:
            try:
                return store.info(name)
            except ObjectMissing:
                return None
            except StoreError:
                if store.max_concurrency == 1:  # a link, or a folder that may not be read
                    return None
                raise

        try:
            return list_photos(beginning, [info for info in concurrent_map(store, ask, names) if info is not None])
        except StoreError as error:
            self._give_up(place, error)
            return LISTING.empty_table()

    def _give_up(self, place: str, error: StoreError) -> None:
        self._unreachable.add(place)
        self.errors.append(f"The photos below {place!r} cannot be listed: {error_sentence(error)}")


def _at_most(room: int, infos: Iterable[ObjectInfo]) -> Iterator[ObjectInfo]:
    for count, info in enumerate(infos, start=1):
        if count > room:
            raise _TooMany
        yield info
