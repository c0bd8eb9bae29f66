"""Photos benchmark: what a run pays for 500,000 photos of which none has changed, beside listing them.

Inputs: a number of photos. Outputs: seconds and memory of reading the catalogue's references, of turning a listing into
a table, of comparing both with the index, and of all that together, as a run does it; and the size of the index.
Nothing is listed over a network: the listing's own requests are the store's, one for each 1,000 objects, and making up
what they answer is in the seconds of an idle run. It is measured where all photos lie in one folder, and where each of
1,000 folders beside each other holds some. Each case is a process of its own; its imports are done before the clock
starts.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from bench.process_cost import run_in_process
from catalogs import layout
from infra.interfaces import ObjectInfo, ObjectStore
from infra.photos.photo_index import (
    KNOWN,
    LISTING,
    PHOTO_INDEX,
    list_photos,
    load_index,
    look_up,
    save_index,
    with_rows,
)
from infra.photos.photo_references import AllowedPlaces, parse_photo_reference
from infra.photos.plain_references import canonical_texts
from infra.sources import BATCH_ROWS
from infra.stores import open_store
from infra.stores.parquet_objects import read_table, write_table
from tasks.photos.resolving import PhotoReading, StorePhotoResolver

ROOT = "s3://shop-photos/2026"
HOST = "cdn.shop.example"
NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
RECHECK = timedelta(days=7)
INDEX, LISTED = "photos.parquet", "listing.parquet"
ONE_FOLDER, MANY_FOLDERS = "products/", ""
"""What the names of a catalogue's photos begin with; the catalogue's own name follows from it."""
ALLOWED = AllowedPlaces(store="s3://packshot/store", folders=(ROOT,), hosts=frozenset({HOST}))
ONE_BY_ONE = 10
"""Of so many photos, one reference is parsed by itself: what is not written plainly."""
FOLDERS = 1000
CHANGED_SHARE = 100
"""One photo of so many changes in the second case."""

Progress = Callable[[str], None]


def measure_photos(photos: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure each step apart, and the comparison where nothing and where one percent changed."""
    url = str(folder / "store")
    progress(f"an index of {photos} photos")
    _fill(url, photos)
    results: dict[str, Any] = {"photos": photos, "index_mb": round(open_store(url).size(INDEX) / 2**20, 1)}
    steps = {
        "references one by one": (read_references, ("", photos // ONE_BY_ONE)),
        "a column of a bucket": (read_column, ("", photos)),
        "a column on the web": (read_column, (f"https://{HOST}/", photos)),
        "listing to table": (table_of_listing, (photos,)),
        "nothing changed": (compare_unchanged, (url,)),
        "1 % changed": (compare_changed, (url,)),
        "an idle run": (resolve_unchanged, (url, photos, ONE_FOLDER)),
        "an idle run, 1,000 folders": (resolve_unchanged, (url, photos, MANY_FOLDERS)),
    }
    for name, (step, arguments) in steps.items():
        progress(name)
        count, cost = run_in_process(step, *arguments)
        results[name] = {"count": count, **cost.document()}
    return results


def photos_table(results: Mapping[str, Any]) -> Table:
    """Return the results as a table for a terminal."""
    title = f"{results['photos']:,} photos beside their listing; the index has {results['index_mb']} MB"
    table = Table("step", "photos", "seconds", "CPU seconds", "MB more", title=title, title_justify="left")
    for name, step in results.items():
        if isinstance(step, Mapping):
            more = f"{step['peak_mb'] - step['start_mb']:.0f}"
            table.add_row(name, f"{step['count']:,}", f"{step['seconds']:.2f}", f"{step['cpu_seconds']:.2f}", more)
    return table


def read_references(beginning: str, photos: int) -> int:
    """Parse each row's reference."""
    return len({parse_photo_reference(beginning + _name(number), ALLOWED).text for number in range(photos)})


def read_column(beginning: str, photos: int) -> int:
    """Read a column of references, as a run does."""
    found = canonical_texts(pa.array(beginning + _name(number) for number in range(photos)), ALLOWED)
    assert found.null_count == 0
    return len(found)


def table_of_listing(photos: int) -> int:
    """Turn what a store lists into a table."""
    return int(list_photos(f"{ROOT}/", _infos(range(photos))).num_rows)


def compare_unchanged(url: str) -> int:
    """Compare an index with a listing of the same versions, as an idle run does; return how many photos are known."""
    store = open_store(url)
    index, listing = load_index(store, INDEX), read_table(store, LISTED, LISTING)
    found = look_up(index, listing, listing["reference"], NOW, RECHECK)
    known = int(pc.sum(pc.equal(found["state"], KNOWN)).as_py())
    assert known == listing.num_rows
    return known


def compare_changed(url: str) -> int:
    """Compare with a listing in which some versions moved, and write the index anew; return how many are read."""
    store = open_store(url)
    index, listing = load_index(store, INDEX), read_table(store, LISTED, LISTING)
    versions = listing["version"].to_pylist()
    versions[::CHANGED_SHARE] = ["1 changed"] * len(versions[::CHANGED_SHARE])
    moved = pa.table([listing["reference"], versions], schema=LISTING)
    found = look_up(index, moved, moved["reference"], NOW, RECHECK)
    read = found.filter(pc.not_equal(found["state"], KNOWN))["reference"].to_pylist()
    rows = pa.Table.from_pylist([_row(name, "1 changed") for name in read], PHOTO_INDEX)
    save_index(store, INDEX, with_rows(index, rows))
    return len(read)


class ListedRoot:
    """Lists the photos of the bucket that the index knows, and can do nothing else."""

    max_concurrency = 16

    def __init__(self, photos: int, beginning: str) -> None:
        self._photos, self._beginning = photos, beginning

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield those of one folder that references name."""
        if self._beginning == ONE_FOLDER:
            assert prefix == ONE_FOLDER
            return _infos(range(self._photos), ONE_FOLDER)
        return _infos(range(int(prefix.rstrip("/")), self._photos, FOLDERS), self._beginning)


def resolve_unchanged(url: str, photos: int, beginning: str) -> int:
    """Resolve a catalogue's photo column batch by batch, where no photo changed; return how many were known."""
    reading = PhotoReading(ALLOWED, RECHECK, open_root=lambda _: cast("ObjectStore", ListedRoot(photos, beginning)))
    resolver = StorePhotoResolver(open_store(url), _catalogue(beginning), reading, {})
    known = 0
    for start in range(0, photos, BATCH_ROWS):
        names = pa.array(_name(number, beginning) for number in range(start, min(start + BATCH_ROWS, photos)))
        known += pc.sum(pc.equal(pc.utf8_length(resolver.resolve(names)), 64)).as_py()
    resolver.finish(complete=True)
    assert known == photos
    return known


def _fill(url: str, photos: int) -> None:
    store = open_store(url)
    for beginning in (ONE_FOLDER, MANY_FOLDERS):
        listing = list_photos(f"{ROOT}/", _infos(range(photos), beginning))
        names, versions = listing["reference"].to_pylist(), listing["version"].to_pylist()
        index = pa.Table.from_pylist(list(map(_row, names, versions)), PHOTO_INDEX)
        save_index(store, layout.photo_index(_catalogue(beginning)), index)
        if beginning == ONE_FOLDER:
            write_table(store, LISTED, listing)
            save_index(store, INDEX, index)


def _catalogue(beginning: str) -> str:
    return "one-folder" if beginning == ONE_FOLDER else "many-folders"


def _row(reference: str, version: str) -> dict[str, Any]:
    digest = sha256(f"{reference} {version}".encode()).digest()
    return {"reference": reference, "version": version, "sha256": digest, "looked_at": NOW}


def _infos(numbers: range, beginning: str = ONE_FOLDER) -> Iterator[ObjectInfo]:
    for number in numbers:
        etag = sha256(str(number).encode()).hexdigest()[:32]
        yield ObjectInfo(_name(number, beginning), 250_000 + number, NOW, etag=etag)


def _name(number: int, beginning: str = ONE_FOLDER) -> str:
    return f"{beginning}{number % FOLDERS:03d}/sku-{number:07d}-front.jpg"
