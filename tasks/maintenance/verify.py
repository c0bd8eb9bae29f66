"""Compare what the manifest says with what lies in the store.

Comes in: a catalogue's current release. Goes out: a `VerificationResult`: how many rows were looked at, and the first
of those whose picture is missing or another. Damage is what this looks for, so it is a finding and never an exception.
Memory goes with the listing, at some 40 bytes an object; rows pass in batches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from heapq import nsmallest
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.indexes.digest_set import DigestSet, text_digests
from catalogs.keys import SHORT_DIGEST_LENGTH
from infra.errors import InvalidImage, ObjectMissing, StoreError
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import Commit, ObjectStore, TableStore
from tasks.gates.required_marks import SourceMarkRequirements, find_mark_problems, find_signed_runs
from tasks.runs.release_history import require_history

MAX_FINDINGS = 100
READ_THREADS = 8
CHUNK_ROWS = 256
"""Rows that are read and decoded side by side."""
LISTING_PAGE_OBJECTS = 1000
"""Objects in one page of a bucket's listing: looking for one object costs as much as listing so many."""

MISSING = "there is no such object"
EMPTY = "the object is empty"

_COLUMNS = ("slot_id", "sku", "view", "variant", "index", "object", "file_sha", "pixel_sha", "run_id", "finish_digest")
Row = Mapping[str, Any]
PresenceCheck = Callable[[list[dict[str, Any]], ThreadPoolExecutor], Iterable[str]]
"""From rows to what is wrong with their objects from afar; an empty text where nothing is."""


@dataclass(frozen=True)
class VerificationFinding:
    """One slot whose picture is not what the manifest says. `missing`: there is none at all."""

    sku: str
    view: str
    variant: str
    index: int
    object: str
    missing: bool
    reasons: tuple[str, ...]


@dataclass
class VerificationResult:
    """What was looked at and found: rows, of the release `version`. `findings` are the first hundred."""

    catalogue: str
    version: int
    checked: int = 0
    missing: int = 0
    wrong: int = 0
    findings: list[VerificationFinding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.missing or self.wrong)

    def add(self, row: Row, missing: bool, reasons: tuple[str, ...]) -> None:
        """Count a row that was looked at, and keep what was found."""
        self.checked += 1
        self.missing += missing
        self.wrong += bool(reasons) and not missing
        if reasons and len(self.findings) < MAX_FINDINGS:
            place = (row["sku"], row["view"], row["variant"], row["index"], row["object"])
            self.findings.append(VerificationFinding(*place, missing, reasons))


def verify(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    *,
    since: int | None = None,
    sample: int | None = None,
    deep: bool = False,
) -> VerificationResult:
    """Check that every picture of the current release is there and not empty.

    `since` leaves out what release `since` or an earlier one published; `sample` takes that many slots, chosen by hash:
    the same ones for one release, others for the next. `deep` reads each picture: its file and its decoded pixels are
    those that were published, and its marks are in it: the IPTC one, and a signature that holds where its run promised
    one. Raises `OptionError` for an unknown catalogue or release.
    """
    history = require_history(tables, catalogue, store)
    result = VerificationResult(catalogue, history[0].version)
    choose = _make_release_filter(history, since)
    if sample is not None:
        choose = _make_sample_filter(tables, result, choose, sample)
    chosen, total = _count_rows(tables, result, choose)
    look = (
        _check_by_listing(store, catalogue)
        if chosen * LISTING_PAGE_OBJECTS >= total
        else partial(_check_by_size, store, catalogue)
    )
    check = (
        partial(_check_deep, store, _RequiredMarks(SourceMarkRequirements(store), find_signed_runs(history)))
        if deep
        else _check_shallow
    )
    with ThreadPoolExecutor(READ_THREADS, "verify") as threads:
        for rows in _read_row_chunks(tables, result, choose):
            presence = list(look(rows, threads))
            for row, word, reasons in zip(rows, presence, threads.map(check, rows, presence), strict=True):
                result.add(row, word == MISSING, reasons)
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
        return lambda batch: batch  # the log no longer says which runs came after it: all of them may have
    later = pa.array([commit.run_id for commit in history if commit.version > since], pa.string())
    return lambda batch: batch.filter(pc.is_in(batch.column("run_id"), later))


def _make_sample_filter(
    tables: TableStore, result: VerificationResult, row_filter: RowFilter, sample: int
) -> RowFilter:
    if sample < 1:
        raise OptionError(f"--sample {sample}: give a number of slots, at least 1")
    salt = f"{result.version}\x1f".encode()
    ids = (slot for batch in _read_batches(tables, result, row_filter) for slot in batch.column("slot_id").to_pylist())
    wanted = pa.array(nsmallest(sample, ids, key=lambda slot: sha256(salt + slot).digest()), pa.binary())
    return lambda batch: batch.filter(pc.is_in(batch.column("slot_id"), wanted))


def _read_batches(tables: TableStore, result: VerificationResult, row_filter: RowFilter) -> Iterator[pa.RecordBatch]:
    for batch in tables.batches(layout.manifest_table(result.catalogue), ("slot_id", "run_id"), version=result.version):
        yield row_filter(batch)


def _count_rows(tables: TableStore, result: VerificationResult, row_filter: RowFilter) -> tuple[int, int]:
    chosen = total = 0
    for batch in tables.batches(layout.manifest_table(result.catalogue), ("slot_id", "run_id"), version=result.version):
        total += batch.num_rows
        chosen += row_filter(batch).num_rows
    return chosen, total


def _read_row_chunks(
    tables: TableStore, result: VerificationResult, row_filter: RowFilter
) -> Iterator[list[dict[str, Any]]]:
    for batch in tables.batches(layout.manifest_table(result.catalogue), _COLUMNS, version=result.version):
        found = row_filter(batch)
        for start in range(0, found.num_rows, CHUNK_ROWS):
            yield found.slice(start, CHUNK_ROWS).to_pylist()


# Their objects, from afar


def _check_by_listing(store: ObjectStore, catalogue: str) -> PresenceCheck:
    """Look rows up in a listing of all that the catalogue has published."""
    filled, empty = DigestSet(), DigestSet()
    infos = store.list(layout.published_prefix(catalogue))
    while some := list(islice(infos, LISTING_PAGE_OBJECTS)):
        filled.add(text_digests(info.key for info in some if info.size))
        empty.add(text_digests(info.key for info in some if not info.size))

    def look(rows: list[dict[str, Any]], _: ThreadPoolExecutor) -> Iterator[str]:
        names = text_digests(row["object"] or "" for row in rows)
        for there, hollow in zip(filled.contains(names).tolist(), empty.contains(names).tolist(), strict=True):
            yield "" if there else EMPTY if hollow else MISSING

    return look


def _check_by_size(
    store: ObjectStore, catalogue: str, rows: list[dict[str, Any]], threads: ThreadPoolExecutor
) -> Iterable[str]:
    """Look at each row's object by itself: cheaper than a listing where few rows of many are chosen."""
    prefix = layout.published_prefix(catalogue)

    def look(row: Row) -> str:
        key = row["object"] or ""
        if not key.startswith(prefix):
            return MISSING
        try:
            return "" if store.size(key) else EMPTY
        except (ObjectMissing, ValueError):
            return MISSING
        except StoreError as error:
            return str(error)

    return threads.map(look, rows)


# Their objects, from near


def _check_shallow(row: Row, presence: str) -> tuple[str, ...]:
    if presence:
        return (presence,)
    if not row["object"].endswith(f"-{_hex(row['file_sha'])[:SHORT_DIGEST_LENGTH]}.jpg"):
        return ("its name does not carry the sha256 that the manifest gives it",)
    return ()


@dataclass(frozen=True)
class _RequiredMarks:
    """Which marks the rows' pictures owe."""

    source_marks: SourceMarkRequirements
    signed_runs: frozenset[str]


def _check_deep(store: ObjectStore, required: _RequiredMarks, row: Row, presence: str) -> tuple[str, ...]:
    reasons = _check_shallow(row, presence)
    if presence:
        return reasons
    try:
        data = store.read(row["object"])
    except StoreError as error:
        return (*reasons, str(error))
    return (*reasons, *_find_file_problems(data, row, required))


def _find_file_problems(data: bytes, row: Row, required: _RequiredMarks) -> Iterator[str]:
    if sha256(data).digest() != row["file_sha"]:
        yield f"the file's sha256 is {sha256(data).hexdigest()}, not {_hex(row['file_sha'])}"
    try:
        shown = pixel_sha(decode(data))
        if shown != _hex(row["pixel_sha"]):
            yield f"the pixels' sha256 is {shown}, not {_hex(row['pixel_sha'])}"
        source, signed = (
            required.source_marks.is_required(row["run_id"], row["finish_digest"]),
            row["run_id"] in required.signed_runs,
        )
        yield from find_mark_problems(data, source_required=source, signature_required=signed)
    except InvalidImage as error:
        yield str(error)


def _hex(sha: bytes | None) -> str:
    return (sha or b"").hex()
