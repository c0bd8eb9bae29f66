"""Compare what the manifest says with what lies in the store.

Comes in: a catalogue's current release. Goes out: a `Verification`: how many rows were looked at, and the first of
those whose picture is missing or another. Damage is what this looks for, so it is a finding and never an exception.
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
from catalogs.keys import SHORT
from infra.errors import BadImage, ObjectMissing, StoreError
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import Commit, ObjectStore, TableStore
from tasks.gates.required_marks import SourceMarks, signed_runs, wrong_marks
from tasks.runs.release_history import required_history

FINDINGS = 100
READERS = 8
AT_ONCE = 256
"""Rows that are read and decoded side by side."""
PAGE = 1000
"""Objects in one page of a bucket's listing: looking for one object costs as much as listing so many."""

MISSING = "there is no such object"
EMPTY = "the object is empty"

_COLUMNS = ("slot_id", "sku", "view", "variant", "index", "object", "file_sha", "pixel_sha", "run_id", "finish_digest")
Row = Mapping[str, Any]
Look = Callable[[list[dict[str, Any]], ThreadPoolExecutor], Iterable[str]]
"""From rows to what is wrong with their objects from afar; an empty text where nothing is."""


@dataclass(frozen=True)
class Finding:
    """One slot whose picture is not what the manifest says. `missing`: there is none at all."""

    sku: str
    view: str
    variant: str
    index: int
    object: str
    missing: bool
    reasons: tuple[str, ...]


@dataclass
class Verification:
    """What was looked at and found: rows, of the release `version`. `findings` are the first hundred."""

    catalogue: str
    version: int
    checked: int = 0
    missing: int = 0
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.missing or self.wrong)

    def add(self, row: Row, missing: bool, reasons: tuple[str, ...]) -> None:
        """Count a row that was looked at, and keep what was found."""
        self.checked += 1
        self.missing += missing
        self.wrong += bool(reasons) and not missing
        if reasons and len(self.findings) < FINDINGS:
            place = (row["sku"], row["view"], row["variant"], row["index"], row["object"])
            self.findings.append(Finding(*place, missing, reasons))


def verify(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    *,
    since: int | None = None,
    sample: int | None = None,
    deep: bool = False,
) -> Verification:
    """Check that every picture of the current release is there and not empty.

    `since` leaves out what release `since` or an earlier one published; `sample` takes that many slots, chosen by hash:
    the same ones for one release, others for the next. `deep` reads each picture: its file and its decoded pixels are
    those that were published, and its marks are in it: the IPTC one, and a signature that holds where its run promised
    one. Raises `OptionError` for an unknown catalogue or release.
    """
    history = required_history(tables, catalogue, store)
    result = Verification(catalogue, history[0].version)
    choose = _chooser(history, since)
    if sample is not None:
        choose = _sampler(tables, result, choose, sample)
    chosen, total = _count(tables, result, choose)
    look = _listing(store, catalogue) if chosen * PAGE >= total else partial(_sizes, store, catalogue)
    check = partial(_deep, store, _Owed(SourceMarks(store), signed_runs(history))) if deep else _shallow
    with ThreadPoolExecutor(READERS, "verify") as threads:
        for rows in _rows(tables, result, choose):
            presence = list(look(rows, threads))
            for row, word, reasons in zip(rows, presence, threads.map(check, rows, presence), strict=True):
                result.add(row, word == MISSING, reasons)
    return result


# Which rows

Choose = Callable[[pa.RecordBatch], pa.RecordBatch]


def _chooser(history: list[Commit], since: int | None) -> Choose:
    newest = history[0].version
    if since is None:
        return lambda batch: batch
    if not 0 <= since <= newest:
        raise OptionError(f"--since {since}: there is no such release; the newest is {newest}")
    if since < history[-1].version - 1:
        return lambda batch: batch  # the log no longer says which runs came after it: all of them may have
    later = pa.array([commit.metadata.get("run_id", "") for commit in history if commit.version > since], pa.string())
    return lambda batch: batch.filter(pc.is_in(batch.column("run_id"), later))


def _sampler(tables: TableStore, result: Verification, choose: Choose, sample: int) -> Choose:
    if sample < 1:
        raise OptionError(f"--sample {sample}: give a number of slots, at least 1")
    salt = f"{result.version}\x1f".encode()
    ids = (slot for batch in _batches(tables, result, choose) for slot in batch.column("slot_id").to_pylist())
    wanted = pa.array(nsmallest(sample, ids, key=lambda slot: sha256(salt + slot).digest()), pa.binary())
    return lambda batch: batch.filter(pc.is_in(batch.column("slot_id"), wanted))


def _batches(tables: TableStore, result: Verification, choose: Choose) -> Iterator[pa.RecordBatch]:
    for batch in tables.batches(layout.manifest(result.catalogue), ("slot_id", "run_id"), version=result.version):
        yield choose(batch)


def _count(tables: TableStore, result: Verification, choose: Choose) -> tuple[int, int]:
    chosen = total = 0
    for batch in tables.batches(layout.manifest(result.catalogue), ("slot_id", "run_id"), version=result.version):
        total += batch.num_rows
        chosen += choose(batch).num_rows
    return chosen, total


def _rows(tables: TableStore, result: Verification, choose: Choose) -> Iterator[list[dict[str, Any]]]:
    for batch in tables.batches(layout.manifest(result.catalogue), _COLUMNS, version=result.version):
        found = choose(batch)
        for start in range(0, found.num_rows, AT_ONCE):
            yield found.slice(start, AT_ONCE).to_pylist()


# Their objects, from afar


def _listing(store: ObjectStore, catalogue: str) -> Look:
    """Look rows up in a listing of all that the catalogue has published."""
    filled, empty = DigestSet(), DigestSet()
    infos = store.list(layout.published_prefix(catalogue))
    while some := list(islice(infos, PAGE)):
        filled.add(text_digests(info.key for info in some if info.size))
        empty.add(text_digests(info.key for info in some if not info.size))

    def look(rows: list[dict[str, Any]], _: ThreadPoolExecutor) -> Iterator[str]:
        names = text_digests(row["object"] or "" for row in rows)
        for there, hollow in zip(filled.holds(names).tolist(), empty.holds(names).tolist(), strict=True):
            yield "" if there else EMPTY if hollow else MISSING

    return look


def _sizes(
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


def _shallow(row: Row, presence: str) -> tuple[str, ...]:
    if presence:
        return (presence,)
    if not row["object"].endswith(f"-{_hex(row['file_sha'])[:SHORT]}.jpg"):
        return ("its name does not carry the sha256 that the manifest gives it",)
    return ()


@dataclass(frozen=True)
class _Owed:
    """Which marks the rows' pictures owe."""

    source: SourceMarks
    signed_runs: frozenset[str]


def _deep(store: ObjectStore, owed: _Owed, row: Row, presence: str) -> tuple[str, ...]:
    reasons = _shallow(row, presence)
    if presence:
        return reasons
    try:
        data = store.read(row["object"])
    except StoreError as error:
        return (*reasons, str(error))
    return (*reasons, *_of_file(data, row, owed))


def _of_file(data: bytes, row: Row, owed: _Owed) -> Iterator[str]:
    if sha256(data).digest() != row["file_sha"]:
        yield f"the file's sha256 is {sha256(data).hexdigest()}, not {_hex(row['file_sha'])}"
    try:
        shown = pixel_sha(decode(data))
        if shown != _hex(row["pixel_sha"]):
            yield f"the pixels' sha256 is {shown}, not {_hex(row['pixel_sha'])}"
        source, signed = owed.source.wanted(row["run_id"], row["finish_digest"]), row["run_id"] in owed.signed_runs
        yield from wrong_marks(data, source=source, signed=signed)
    except BadImage as error:
        yield str(error)


def _hex(sha: bytes | None) -> str:
    return (sha or b"").hex()
