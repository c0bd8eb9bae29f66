"""Go back to an earlier release: one manifest commit, then the outcomes that keep the next night from undoing it.

Comes in: a catalogue and a release's version. Goes out: a `Rollback`. It is a run of its own: its intention is written
down before anything is committed, so that a killed one is found and completed by whoever comes next. The commit is a
difference like every other, so readers, the change feed and races are those of a release; Delta's own restore would
not say which rows have moved. Whoever calls this holds the catalogue's lease: no full run is at work beside it.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.digest_set import DigestSet
from catalogs.errors import OptionError
from catalogs.job import Run
from catalogs.reversal import COMPARED, PICTURE, WITHDRAWN, Reversal, digests, withdrawals
from catalogs.schemas import MANIFEST, OUTCOMES
from infra.documents import read_json, write_json
from infra.errors import LeaseLost, StoreError
from infra.interfaces import ObjectStore, TableStore
from infra.stores.abreast import abreast
from infra.tables.once import commit_once
from tasks import runs
from tasks.releases import ReleaseLine, releases

_NAMED = 20

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rollback:
    """What a rollback did: `version` is the new release, `previous` the one before it, `target` the one gone back to.

    `restored` slots show another picture or one again, `dropped` show none; `withdrawn` pictures will not be published
    again by themselves, `readmitted` ones will.
    """

    run_id: str
    catalogue: str
    version: int
    previous: int
    target: int
    restored: int
    dropped: int
    withdrawn: int
    readmitted: int


@dataclass(frozen=True)
class _Intent:
    run: Run
    target: int
    asked: int | None


def rollback(store: ObjectStore, tables: TableStore, catalogue: str, version: int | None = None) -> Rollback:
    """Make the pictures of release `version` live again; by default those of the release before the current one.

    A killed rollback to the same release is completed instead of begun anew. Twice by default is there and back again:
    the release before a rollback's is the one that it went back from.

    Raises `OptionError` where there is no such catalogue or release, and `StoreError` where one of the release's
    pictures is gone; nothing is written then.
    """
    for intent, done in _settle(store, tables, catalogue, alone=True):
        if version in (intent.asked, intent.target):
            return done
    target = _target(releases(tables, catalogue, store), catalogue, version)
    base = tables.version(layout.manifest(catalogue))
    assert base is not None  # noqa: S101 - it has releases
    reversal = compare(tables, catalogue, base, target)
    _require_objects(store, reversal.restored, target)
    return _carry_out(store, tables, _begin(store, catalogue, target, version), {base: reversal})


def settle_rollbacks(store: ObjectStore, tables: TableStore, catalogue: str, *, alone: bool) -> list[Rollback]:
    """Complete the rollbacks that have committed and were not closed; `alone`, forget those that never committed.

    Whoever does not hold the catalogue's lease is not alone: one that has not committed may be about to.
    """
    return [done for _, done in _settle(store, tables, catalogue, alone=alone)]


def compare(tables: TableStore, catalogue: str, base: int, target: int) -> Reversal:
    """Return how two versions of a manifest differ; memory goes with the difference, and 32 bytes a row."""
    table = layout.manifest(catalogue)
    here, there = (_known_rows(tables, table, version) for version in (base, target))
    return Reversal(
        restored=_rows(tables, table, target, MANIFEST, lambda batch: ~here.holds(digests(batch, *COMPARED))),
        lost=_rows(tables, table, base, MANIFEST, lambda batch: ~there.holds(digests(batch, *COMPARED))),
    )


# Before the commit


def _target(lines: list[ReleaseLine], catalogue: str, version: int | None) -> int:
    kept = [line for line in lines if line.kept]
    others = [line.version for line in kept if not line.current]
    if version is not None and version in others:
        return version
    there = ", ".join(map(str, others[:_NAMED])) + (" …" if len(others) > _NAMED else "")
    there = f"one can go back to: {there}" if others else "there is no other to go back to"
    if version is None:
        if others:
            return others[0]
        raise OptionError(f"The catalogue {catalogue!r} has {len(kept)} release(s); {there}")
    if any(line.version == version and line.current for line in lines):
        raise OptionError(f"Release {version} of {catalogue!r} is the current one; {there}")
    raise OptionError(f"The catalogue {catalogue!r} has no release {version!r}; {there}")


def _require_objects(store: ObjectStore, rows: pa.Table, target: int) -> None:
    keys = rows["object"].to_pylist()
    for key, there in zip(keys, abreast(store, store.exists, keys), strict=True):
        if not there:
            raise StoreError(
                f"Release {target} cannot be shown again: its picture {key!r} is gone; choose a later release"
            )


def _begin(store: ObjectStore, catalogue: str, target: int, asked: int | None) -> _Intent:
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    run = Run(run_id, catalogue, "full", "", started, "")
    words = {"target": target, "asked": asked}
    document = {**asdict(run), "started_at": started.isoformat(), "kind": "rollback", **words}
    write_json(store, layout.run_file(run_id, "run.json"), document)
    write_json(store, layout.open_amendment(catalogue, run_id), words)
    return _Intent(run, target, asked)


# The commit, and after it


def _carry_out(
    store: ObjectStore, tables: TableStore, intent: _Intent, known: dict[int, Reversal] | None = None
) -> Rollback:
    """Commit, remember, close: each safe to do again."""
    run, ready = intent.run, known or {}

    def build(base: int) -> tuple[tuple[int, Reversal], pa.Table]:
        # Without its marker nobody could see that its outcomes are still to come.
        if known is not None and not store.exists(layout.open_amendment(run.catalogue, run.run_id)):
            raise LeaseLost(f"The rollback {run.run_id} was taken for dead by another run; give the command again")
        reversal = ready.get(base) or compare(tables, run.catalogue, base, intent.target)
        return (base, reversal), reversal.changes()

    words = {"run_id": run.run_id, "kind": "rollback", "target": str(intent.target)}
    table = layout.manifest(run.catalogue)
    (base, reversal), version = commit_once(tables, table, run.run_id, build, on=["slot_id"], words=words)
    withdrawn, readmitted = _remember(tables, run, reversal)
    done = Rollback(
        run_id=run.run_id,
        catalogue=run.catalogue,
        version=version,
        previous=base,
        target=intent.target,
        restored=reversal.restored.num_rows,
        dropped=reversal.dropped.num_rows,
        withdrawn=withdrawn,
        readmitted=readmitted,
    )
    _close(store, run, "done", asdict(done))
    return done


def _remember(tables: TableStore, run: Run, reversal: Reversal) -> tuple[int, int]:
    """Commit what is withdrawn and what is so no more; return how many of each.

    What is live is read from the newest version: a run may have come between a killed rollback and its completion.
    """
    table, manifest = layout.outcomes(run.catalogue), layout.manifest(run.catalogue)
    tables.ensure(table, OUTCOMES)
    lost_slots = digests(reversal.lost, "slot_id")
    lost = _set_of(lost_slots)
    now = datetime.now(UTC)

    def concerned(batch: pa.RecordBatch) -> Chosen:
        withdrawn = pc.equal(batch.column("state"), WITHDRAWN).to_numpy(zero_copy_only=False)
        return np.asarray(withdrawn | lost.holds(digests(batch, "slot_id")))

    def build(base: int) -> tuple[tuple[int, int], pa.Table]:
        refused = _rows(tables, table, base, OUTCOMES, concerned)
        slots = _set_of(lost_slots, digests(refused, "slot_id"))
        live = DigestSet()
        for batch in tables.batches(manifest, PICTURE):
            live.add(digests(batch.filter(pa.array(slots.holds(digests(batch, "slot_id")))), *PICTURE))
        changes = withdrawals(reversal.lost, refused, live, run.run_id, now)
        put = pc.sum(pc.equal(changes["_op"], "put")).as_py() or 0
        return (put, changes.num_rows - put), changes

    key = ["slot_id", "request_key"]
    said, _ = commit_once(tables, table, run.run_id, build, on=key, words={"run_id": run.run_id})
    return said


# Killed ones


def _settle(
    store: ObjectStore, tables: TableStore, catalogue: str, *, alone: bool
) -> Iterator[tuple[_Intent, Rollback]]:
    for info in list(store.list(layout.open_amendments(catalogue))):
        intent = _load(store, info.key)
        if runs.committed(tables, intent.run):
            yield intent, _carry_out(store, tables, intent)
        elif alone:
            _close(store, intent.run, "superseded", {"reason": "it was killed before its commit"})


def _load(store: ObjectStore, marker: str) -> _Intent:
    words = read_json(store, marker)
    run = runs.load(store, marker.rsplit("/", 1)[1].removesuffix(".json"))
    return _Intent(run, words["target"], words["asked"])


def _close(store: ObjectStore, run: Run, state: Literal["done", "superseded"], words: Mapping[str, object]) -> None:
    runs.close(store, run, state, words)
    store.delete([layout.open_amendment(run.catalogue, run.run_id)])


# Rows


def _known_rows(tables: TableStore, table: str, version: int) -> DigestSet:
    return _set_of(*(digests(batch, *COMPARED) for batch in tables.batches(table, COMPARED, version=version)))


def _set_of(*parts: bytes) -> DigestSet:
    found = DigestSet()
    for part in parts:
        found.add(part)
    return found


def _rows(
    tables: TableStore, table: str, version: int, schema: pa.Schema, chosen: Callable[[pa.RecordBatch], Chosen]
) -> pa.Table:
    batches = tables.batches(table, schema.names, version=version)
    return pa.Table.from_batches((batch.filter(pa.array(chosen(batch))) for batch in batches), schema)
