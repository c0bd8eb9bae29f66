"""Verification: compare the rows of a catalogue's current release with the objects in the store.

Inputs: a catalogue, and which rows to check. Outputs: a `VerificationResult` with the number of rows checked, and the
first findings: images that are missing or not the published ones. Damage is a finding, never an exception. Rows are
read in batches; a listing takes about 40 bytes of memory for each object.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from heapq import nsmallest
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.indexes.digest_set import DigestSet, text_digests
from catalogs.keys import SHORT_DIGEST_LENGTH
from catalogs.table_rows import PublishedFileRow
from catalogs.table_schemas import MANIFEST
from infra.errors import InvalidImage, ObjectMissing, StoreError
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import Commit, ObjectStore, TableStore
from tasks.gates.required_marks import SourceMarkRequirements, find_mark_problems, find_signed_runs, kept_origin
from tasks.runs.release_history import require_history

MAX_FINDINGS = 100
READ_THREADS = 8
CHUNK_ROWS = 256
"""Rows that are read and decoded concurrently."""
LISTING_PAGE_OBJECTS = 1000
"""Objects in one page of a bucket's listing: a request for one object costs as much as listing this many."""

MISSING = "there is no such object"
EMPTY = "the object is empty"

_COLUMNS = pa.schema([MANIFEST.field(name) for name in PublishedFileRow.__annotations__])
"""A schema and not names: tables of older versions lack some columns, which are then read as nulls."""
PresenceCheck = Callable[[list[PublishedFileRow], ThreadPoolExecutor], Iterable[str]]
"""From rows to the problem with each row's object without reading it; an empty text where there is none."""


@dataclass(frozen=True)
class VerificationFinding:
    """One slot whose image is not the one in the manifest. `missing`: there is no object at all."""

    sku: str
    view: str
    variant: str
    index: int
    object: str | None
    missing: bool
    reasons: tuple[str, ...]


@dataclass
class VerificationResult:
    """Counts of the rows of release `version` that were checked; `findings` holds the first hundred."""

    catalogue: str
    version: int
    checked: int = 0
    missing: int = 0
    wrong: int = 0
    findings: list[VerificationFinding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Tell whether every checked row is as published."""
        return not (self.missing or self.wrong)

    def add(self, row: PublishedFileRow, missing: bool, reasons: tuple[str, ...]) -> None:
        """Count a checked row, and keep its finding if it has one."""
        self.checked += 1
        self.missing += missing
        self.wrong += bool(reasons) and not missing
        if reasons and len(self.findings) < MAX_FINDINGS:
            slot = (row["sku"], row["view"], row["variant"], row["index"], row["object"])
            self.findings.append(VerificationFinding(*slot, missing, reasons))


def verify(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    *,
    since: int | None = None,
    sample: int | None = None,
    deep: bool = False,
) -> VerificationResult:
    """Check that every image of the current release exists and is not empty.

    `since` leaves out rows that release `since` or an earlier one published; `sample` takes that many slots, chosen by
    hash: the same ones for one release, others for the next. `deep` reads each image, and checks that its file and its
    decoded pixels are the published ones, and that its marks are in it: the IPTC mark, and a valid signature where its
    run promised one. Raises `OptionError` for an unknown catalogue or release.
    """
    history = require_history(tables, catalogue, store)
    result = VerificationResult(catalogue, history[0].version)
    row_filter = _make_release_filter(history, since)
    if sample is not None:
        row_filter = _make_sample_filter(tables, result, row_filter, sample)
    check_presence = _choose_presence_check(store, catalogue, *_count_rows(tables, result, row_filter))
    check: Callable[[PublishedFileRow, str], tuple[str, ...]] = _check_shallow
    if deep:
        required = _RequiredMarks(SourceMarkRequirements(store), find_signed_runs(history))
        check = partial(_check_deep, store, required)
    with ThreadPoolExecutor(READ_THREADS, "verify") as threads:
        for rows in _read_row_chunks(tables, result, row_filter):
            problems = list(check_presence(rows, threads))
            for row, problem, reasons in zip(rows, problems, threads.map(check, rows, problems), strict=True):
                result.add(row, problem == MISSING, reasons)
    return result


# Which rows

RowFilter = Callable[[pa.RecordBatch], pa.RecordBatch]


def _make_release_filter(history: list[Commit], since: int | None) -> RowFilter:
    newest = history[0].version
    if since is None:
        return lambda batch: batch
    if not 0 <= since <= newest:
        raise OptionError(f"--since {since}: there is no such release; the newest is {newest}")
    if since < history[-1].version - 1:
        return lambda batch: batch  # the history no longer names all runs after `since`, so every row is checked
    later = pa.array([commit.run_id for commit in history if commit.version > since], pa.string())
    return lambda batch: batch.filter(pc.is_in(batch.column("run_id"), later))


def _make_sample_filter(
    tables: TableStore, result: VerificationResult, row_filter: RowFilter, sample: int
) -> RowFilter:
    if sample < 1:
        raise OptionError(f"--sample {sample}: give a number of slots, at least 1")
    salt = f"{result.version}\x1f".encode()
    ids = (slot for batch in _read_batches(tables, result, row_filter) for slot in batch.column("slot_id").to_pylist())
    slots = pa.array(nsmallest(sample, ids, key=lambda slot: sha256(salt + slot).digest()), pa.binary())
    return lambda batch: batch.filter(pc.is_in(batch.column("slot_id"), slots))


def _read_batches(tables: TableStore, result: VerificationResult, row_filter: RowFilter) -> Iterator[pa.RecordBatch]:
    for batch in tables.batches(layout.manifest_table(result.catalogue), ("slot_id", "run_id"), version=result.version):
        yield row_filter(batch)


def _count_rows(tables: TableStore, result: VerificationResult, row_filter: RowFilter) -> tuple[int, int]:
    """Return how many rows the filter selects, and how many there are."""
    selected = total = 0
    for batch in tables.batches(layout.manifest_table(result.catalogue), ("slot_id", "run_id"), version=result.version):
        total += batch.num_rows
        selected += row_filter(batch).num_rows
    return selected, total


def _read_row_chunks(
    tables: TableStore, result: VerificationResult, row_filter: RowFilter
) -> Iterator[list[PublishedFileRow]]:
    for batch in tables.batches(layout.manifest_table(result.catalogue), _COLUMNS, version=result.version):
        selected = row_filter(batch)
        for start in range(0, selected.num_rows, CHUNK_ROWS):
            yield selected.slice(start, CHUNK_ROWS).to_pylist()


# Presence of their objects, without reading them


def _choose_presence_check(store: ObjectStore, catalogue: str, selected: int, total: int) -> PresenceCheck:
    """Return the cheaper check: one listing of all objects, or one request for each selected row."""
    if selected * LISTING_PAGE_OBJECTS >= total:
        return _check_by_listing(store, catalogue)
    return partial(_check_by_size, store, catalogue)


def _check_by_listing(store: ObjectStore, catalogue: str) -> PresenceCheck:
    """Return a check that looks rows up in a listing of all published objects of the catalogue."""
    filled, empty = DigestSet(), DigestSet()
    infos = store.list(layout.published_prefix(catalogue))
    while page := list(islice(infos, LISTING_PAGE_OBJECTS)):
        filled.add(text_digests(info.key for info in page if info.size))
        empty.add(text_digests(info.key for info in page if not info.size))

    def look_up(rows: list[PublishedFileRow], _: ThreadPoolExecutor) -> Iterator[str]:
        keys = text_digests(row["object"] or "" for row in rows)
        for is_filled, is_empty in zip(filled.contains(keys).tolist(), empty.contains(keys).tolist(), strict=True):
            yield "" if is_filled else EMPTY if is_empty else MISSING

    return look_up


def _check_by_size(
    store: ObjectStore, catalogue: str, rows: list[PublishedFileRow], threads: ThreadPoolExecutor
) -> Iterable[str]:
    """Ask for the size of each row's object: cheaper than a listing where few rows of many are selected."""
    prefix = layout.published_prefix(catalogue)

    def find_problem(row: PublishedFileRow) -> str:
        key = row["object"] or ""
        if not key.startswith(prefix):
            return MISSING
        try:
            return "" if store.size(key) else EMPTY
        except (ObjectMissing, ValueError):
            return MISSING
        except StoreError as error:
            return str(error)

    return threads.map(find_problem, rows)


# Content of their objects


def _check_shallow(row: PublishedFileRow, presence: str) -> tuple[str, ...]:
    if presence:
        return (presence,)
    if not (row["object"] or "").endswith(f"-{_hex(row['file_sha'])[:SHORT_DIGEST_LENGTH]}.jpg"):
        return ("its name does not carry the sha256 that the manifest gives it",)
    return ()


@dataclass(frozen=True)
class _RequiredMarks:
    """The marks that the rows' images must carry."""

    source_marks: SourceMarkRequirements
    signed_runs: frozenset[str]


def _check_deep(store: ObjectStore, required: _RequiredMarks, row: PublishedFileRow, presence: str) -> tuple[str, ...]:
    reasons = _check_shallow(row, presence)
    if presence:
        return reasons
    try:
        data = store.read(row["object"] or "")
    except StoreError as error:
        return (*reasons, str(error))
    return (*reasons, *_find_file_problems(data, row, required))


def _find_file_problems(data: bytes, row: PublishedFileRow, required: _RequiredMarks) -> Iterator[str]:
    if sha256(data).digest() != row["file_sha"]:
        yield f"the file's sha256 is {sha256(data).hexdigest()}, not {_hex(row['file_sha'])}"
    try:
        pixels = pixel_sha(decode(data))
        if pixels != _hex(row["pixel_sha"]):
            yield f"the pixels' sha256 is {pixels}, not {_hex(row['pixel_sha'])}"
        source = required.source_marks.is_required(row["run_id"], row["finish_digest"])
        signed = row["run_id"] in required.signed_runs
        kept = kept_origin(row["mode"], row["photo_sha"])
        yield from find_mark_problems(data, source_required=source, signature_required=signed, kept=kept)
    except (InvalidImage, ValueError) as error:  # ValueError: a mode that this version does not know
        yield str(error)


def _hex(sha: bytes | None) -> str:
    return (sha or b"").hex()
