"""Verification of kept products: prove every live image that keeps a photo's product again, from the store alone.

Inputs: a store, its tables, a catalogue, and which rows. Outputs: a `KeptVerification`: counts, how often each code was
found, and the first findings.
Invariant: rows are streamed, and only some per process are in work at a time, so that memory does not grow with their
number; a photo takes up to 24 bytes a pixel in its process. A process that dies (of memory, or of a hostile photo)
costs the rows that were in work their decision, and not the verification.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import nsmallest
from itertools import islice
from multiprocessing import get_context

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.table_rows import KeptFileRow
from catalogs.table_schemas import MANIFEST
from infra.errors import ExternalError
from infra.interfaces import ObjectStore, TableStore
from infra.stores import open_store
from tasks.maintenance.kept_check import KeptCheck, KeptFinding, check_kept
from tasks.runs.release_history import require_history

MAX_FINDINGS = 100
ROWS_PER_PROCESS = 4
"""Rows in work for each process: one is proven while others wait, so that none is idle."""
MAX_POOLS = 20
"""How often a process may die before this machine, and no image, is at fault."""
_SELECTING = pa.schema([MANIFEST.field(name) for name in ("slot_id", "sku", "mode")])
_COLUMNS = pa.schema([MANIFEST.field(name) for name in KeptFileRow.__annotations__])
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Libraries whose threads would wait for one another: there is a process for each core."""

Progress = Callable[[int, int], None]
"""Told how many rows are done, and of how many."""


@dataclass(frozen=True)
class KeptRowFinding:
    """One image of which a proof does not hold, or could not be made again (`undecided`)."""

    sku: str
    view: str
    variant: str
    index: int
    object: str | None
    undecided: bool
    code: str
    sentence: str


@dataclass
class KeptVerification:
    """Counts of the live images that keep a product: `broken` ones are not as proven, `undecided` could not be shown.

    `staged` images were compared to the pixel before their JPEG; of the others a sweep has taken the staged image.
    `unscaled` are those whose core is the photo's own pixels. `codes` counts every finding and warning. `warned` are
    proven, but of their ground something could not be looked at; `warnings` are the first of those.
    """

    catalogue: str
    version: int
    total: int = 0
    checked: int = 0
    broken: int = 0
    undecided: int = 0
    staged: int = 0
    unscaled: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    findings: list[KeptRowFinding] = field(default_factory=list)
    warned: int = 0
    warnings: list[KeptRowFinding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Tell whether every checked image was proven again."""
        return not (self.broken or self.undecided)

    def add(self, row: KeptFileRow, check: KeptCheck) -> None:
        """Count a checked row, and keep its findings."""
        self.checked += 1
        self.staged += check.staged
        self.unscaled += check.unscaled
        is_broken = any(not finding.undecided for finding in check.findings)
        self.broken += is_broken
        self.undecided += bool(check.findings) and not is_broken
        self.warned += bool(check.warnings)
        slot = (row["sku"], row["view"], row["variant"], row["index"], row["object"])
        for found, kept in ((check.findings, self.findings), (check.warnings, self.warnings)):
            for finding in found:
                self.codes[finding.code] = self.codes.get(finding.code, 0) + 1
                if len(kept) < MAX_FINDINGS:
                    kept.append(KeptRowFinding(*slot, finding.undecided, finding.code, finding.sentence))


def verify_kept(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    *,
    sample: int | None = None,
    skus: Sequence[str] = (),
    processes: int | None = None,
    progress: Progress | None = None,
) -> KeptVerification:
    """Prove the rows of the current release again, side by side; `sample` takes that many, the same ones each time.

    `processes` is their number, by default one for each core; 0 works in this process. Raises `OptionError` for an
    unknown catalogue, and for a SKU without such an image.
    """
    result = KeptVerification(catalogue, require_history(tables, catalogue, store)[0].version)
    if sample is not None and sample < 1:
        raise OptionError(f"--sample {sample}: give a number of images, at least 1")
    chosen = _choose(tables, result, sample, skus)
    progress = progress or (lambda *_: None)
    progress(0, result.total)
    for row, check in _check_all(store, _read_rows(tables, result, chosen), _count_processes(processes, result)):
        result.add(row, check)
        progress(result.checked, result.total)
    return result


# Which rows


def _choose(tables: TableStore, result: KeptVerification, sample: int | None, skus: Sequence[str]) -> pa.Array | None:
    """Return the slots to prove, and keep their number; None for all."""
    salt = f"{result.version}\x1f".encode()
    found: set[str] = set()
    slots: list[bytes] = []
    for batch in tables.batches(layout.manifest_table(result.catalogue), _SELECTING, version=result.version):
        kept = batch.filter(pc.is_valid(batch.column("mode")))
        if skus:
            kept = kept.filter(pc.is_in(kept.column("sku"), pa.array(skus, pa.string())))
            found.update(kept.column("sku").to_pylist())
        result.total += kept.num_rows
        if sample is not None or skus:
            slots += kept.column("slot_id").to_pylist()
            slots = nsmallest(sample, slots, key=lambda slot: sha256(salt + slot).digest()) if sample else slots
    if missing := sorted(set(skus) - found):
        raise OptionError(f"--sku: no live image of {missing[0]!r} in {result.catalogue!r} keeps a photo's product")
    if sample is None and not skus:
        return None
    result.total = len(slots)
    return pa.array(slots, pa.binary())


def _read_rows(tables: TableStore, result: KeptVerification, chosen: pa.Array | None) -> Iterator[KeptFileRow]:
    for batch in tables.batches(layout.manifest_table(result.catalogue), _COLUMNS, version=result.version):
        kept = batch.filter(pc.is_valid(batch.column("mode")))
        if chosen is not None:
            kept = kept.filter(pc.is_in(kept.column("slot_id"), chosen))
        for start in range(0, kept.num_rows, MAX_FINDINGS):
            yield from kept.slice(start, MAX_FINDINGS).to_pylist()


# Processes


def _count_processes(asked: int | None, result: KeptVerification) -> int:
    cores = len(os.sched_getaffinity(0)) if asked is None else asked
    return min(cores, result.total)


def _check_all(store: ObjectStore, rows: Iterator[KeptFileRow], count: int) -> Iterator[tuple[KeptFileRow, KeptCheck]]:
    if count == 0:
        yield from ((row, check_kept(store, row)) for row in rows)
        return
    with _single_threads():
        for _ in range(MAX_POOLS):
            first = next(rows, None)
            if first is None:
                return
            yield from _check_in_pool(store.url, first, rows, count)
    raise ExternalError(f"{MAX_POOLS} times a process that proves images died: see what this machine's log says of it.")


def _check_in_pool(
    url: str, first: KeptFileRow, rows: Iterator[KeptFileRow], count: int
) -> Iterator[tuple[KeptFileRow, KeptCheck]]:
    """Yield rows with their checks until there are no more, or until a process dies: then those in work, undecided."""
    work: dict[Future[KeptCheck], KeptFileRow] = {}
    waiting = [first, *islice(rows, count * ROWS_PER_PROCESS - 1)]
    with ProcessPoolExecutor(count, get_context("spawn"), _open_in_process, (url,)) as pool:
        try:
            while waiting or work:
                while waiting:
                    future = pool.submit(_check_in_process, waiting[-1])
                    work[future] = waiting.pop()
                for done in wait(work, return_when=FIRST_COMPLETED).done:
                    check = done.result()
                    yield work.pop(done), check
                waiting.extend(islice(rows, count * ROWS_PER_PROCESS - len(work)))
        except BrokenProcessPool:
            yield from ((row, _LOST) for row in (*work.values(), *waiting))


_LOST = KeptCheck(
    (
        KeptFinding(
            "kept.process-died",
            "a process that proved images died, perhaps for want of memory: give --processes 1, or prove it by --sku",
            undecided=True,
        ),
    )
)
_store: ObjectStore


def _open_in_process(url: str) -> None:
    global _store
    _store = open_store(url)


def _check_in_process(row: KeptFileRow) -> KeptCheck:
    return check_kept(_store, row)


@contextmanager
def _single_threads() -> Iterator[None]:
    """Let processes that start meanwhile have one thread of each numerical library."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
