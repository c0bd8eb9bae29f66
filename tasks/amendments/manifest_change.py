"""Change what is live without a refresh: one manifest commit, then the outcomes that keep a night from undoing it.

Comes in: an intent (go back to a release, withdraw what a policy refuses). Goes out: an `Amendment`. It is a run of its
own: its intention is written down before anything is committed, so that a killed one is found and completed by whoever
comes next. The commit is a difference like every other, so readers, the change feed and races are those of a release.
Whoever begins one holds the catalogue's lease: no full run is at work beside it.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet
from catalogs.keys import image_key
from catalogs.runs.job import Run
from catalogs.runs.manifest_diff import (
    COMPARED,
    PICTURE,
    WITHDRAWN,
    Refusing,
    Reversal,
    digests,
    refusals,
    rolled_back,
    withdrawals,
)
from catalogs.table_schemas import MANIFEST, OUTCOMES, WITHDRAWALS
from infra.errors import LeaseLost
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json, write_json
from infra.stores.parquet_objects import read_table
from infra.tables.idempotent_commit import commit_once
from tasks.pipeline.queue_reviews import REVIEW, Review
from tasks.runs import run_state as runs

ROLLBACK, POLICY = "rollback", "policy"

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Amendment:
    """What an amendment did: `version` is the new release, `previous` the one before it, `target` one gone back to.

    `restored` slots show another picture or one again, `dropped` show none; `withdrawn` pictures will not be published
    again by themselves, `readmitted` ones will.
    """

    run_id: str
    catalogue: str
    kind: str
    version: int
    previous: int
    target: int | None
    restored: int
    dropped: int
    withdrawn: int
    readmitted: int


@dataclass(frozen=True)
class Intent:
    """What somebody meant to do: a run, its kind, and what else must be known to complete it."""

    run: Run
    kind: str
    words: Mapping[str, Any]


def new_run(catalogue: str) -> Run:
    """Return the run of an amendment."""
    started = datetime.now(UTC)
    return Run(f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", catalogue, "full", "", started, "")


def begin(store: ObjectStore, run: Run, kind: str, words: Mapping[str, Any]) -> Intent:
    """Write down what is meant; its marker comes last. What completing it needs beside the words is there already."""
    document = {**asdict(run), "started_at": run.started_at.isoformat(), "kind": kind, **words}
    write_json(store, layout.run_file(run.run_id, "run.json"), document)
    write_json(store, layout.open_amendment(run.catalogue, run.run_id), {"kind": kind, **words})
    return Intent(run, kind, words)


def carry_out(
    store: ObjectStore, tables: TableStore, intent: Intent, known: dict[int, Reversal] | None = None
) -> Amendment:
    """Commit, remember, close: each safe to do again. `known` is given by whoever began it, who works it out once."""
    run, ready = intent.run, known or {}
    work = _Work(store, tables, intent)

    def build(base: int) -> tuple[tuple[int, Reversal], pa.Table]:
        # Without its marker nobody could see that its outcomes are still to come.
        if known is not None and not store.exists(layout.open_amendment(run.catalogue, run.run_id)):
            raise LeaseLost(f"The {intent.kind} {run.run_id} was taken for dead by another run; give the command again")
        reversal = ready.get(base) or work.reversal(base)
        return (base, reversal), reversal.changes()

    words = {"run_id": run.run_id, "kind": intent.kind}
    words |= {"target": str(intent.words["target"])} if intent.kind == ROLLBACK else {}
    table = layout.manifest(run.catalogue)
    (base, reversal), version = commit_once(tables, table, run.run_id, build, on=["slot_id"], words=words)
    withdrawn, readmitted = work.remember(reversal)
    if intent.kind == POLICY:
        work.ask_people(reversal)
    done = Amendment(
        run_id=run.run_id,
        catalogue=run.catalogue,
        kind=intent.kind,
        version=version,
        previous=base,
        target=intent.words.get("target"),
        restored=reversal.restored.num_rows,
        dropped=reversal.dropped.num_rows,
        withdrawn=withdrawn,
        readmitted=readmitted,
    )
    _close(store, run, "done", asdict(done))
    return done


def compare(tables: TableStore, catalogue: str, base: int, target: int) -> Reversal:
    """Return how two versions of a manifest differ; memory goes with the difference, and 32 bytes a row."""
    table = layout.manifest(catalogue)
    here, there = (_known_rows(tables, table, version) for version in (base, target))
    return Reversal(
        restored=_rows(tables, table, target, MANIFEST, lambda batch: ~here.holds(digests(batch, *COMPARED))),
        lost=_rows(tables, table, base, MANIFEST, lambda batch: ~there.holds(digests(batch, *COMPARED))),
    )


def withdraw(tables: TableStore, catalogue: str, base: int, listed: pa.Table) -> Reversal:
    """Return the reversal that takes away the listed pictures, as far as they are live in that version."""
    chosen = _set_of(digests(listed, *COMPARED))
    lost = _rows(
        tables, layout.manifest(catalogue), base, MANIFEST, lambda batch: chosen.holds(digests(batch, *COMPARED))
    )
    return Reversal(restored=MANIFEST.empty_table(), lost=lost)


@dataclass(frozen=True)
class _Work:
    """One intent against the tables."""

    store: ObjectStore
    tables: TableStore
    intent: Intent

    def reversal(self, base: int) -> Reversal:
        catalogue = self.intent.run.catalogue
        if self.intent.kind == ROLLBACK:
            return compare(self.tables, catalogue, base, self.intent.words["target"])
        return withdraw(self.tables, catalogue, base, self._listed())

    def remember(self, reversal: Reversal) -> tuple[int, int]:
        """Commit what is withdrawn and what is so no more; return how many of each.

        What is live is read from the newest version: a run may have come between a killed one and its completion.
        """
        run = self.intent.run
        table, manifest = layout.outcomes(run.catalogue), layout.manifest(run.catalogue)
        self.tables.ensure(table, OUTCOMES)
        lost_slots = digests(reversal.lost, "slot_id")
        lost = _set_of(lost_slots)
        refusing = self._refusing()

        def concerned(batch: pa.RecordBatch) -> Chosen:
            withdrawn = pc.equal(batch.column("state"), WITHDRAWN).to_numpy(zero_copy_only=False)
            return np.asarray(withdrawn | lost.holds(digests(batch, "slot_id")))

        def build(base: int) -> tuple[tuple[int, int], pa.Table]:
            refused = _rows(self.tables, table, base, OUTCOMES, concerned)
            slots = _set_of(lost_slots, digests(refused, "slot_id"))
            live = DigestSet()
            for batch in self.tables.batches(manifest, PICTURE):
                live.add(digests(batch.filter(pa.array(slots.holds(digests(batch, "slot_id")))), *PICTURE))
            changes = withdrawals(reversal.lost, refused, live, run.run_id, refusing)
            put = pc.sum(pc.equal(changes["_op"], "put")).as_py() or 0
            return (put, changes.num_rows - put), changes

        key = ["slot_id", "request_key"]
        said, _ = commit_once(self.tables, table, run.run_id, build, on=key, words={"run_id": run.run_id})
        return said

    def ask_people(self, reversal: Reversal) -> None:
        """Keep the withdrawn pictures that wait for a person: nobody else may have them any more."""
        listed = self._listed().filter(pc.equal(self._listed()["verdict"], "REVIEW"))
        lost = _set_of(digests(reversal.lost, *COMPARED))
        rows = listed.filter(pa.array(lost.holds(digests(listed, *COMPARED)))).to_pylist()
        run, days = self.intent.run, self.intent.words["review_days"]
        measured = sorted({row["run_id"] for row in rows})
        review = Review(self.store, run.catalogue, run.run_id, run.started_at, days, measured)
        review.keep((REVIEW, row["object"], row | {"image_key": _image(row)}) for row in rows)

    def _refusing(self) -> Refusing:
        if self.intent.kind == ROLLBACK:
            return rolled_back(datetime.now(UTC))
        words = self.intent.words
        return refusals(self._listed(), words["policy_digest"], words["review_days"], self.intent.run.started_at)

    def _listed(self) -> pa.Table:
        return read_table(self.store, layout.run_file(self.intent.run.run_id, layout.WITHDRAWALS), WITHDRAWALS)


# Killed ones


def settle(
    store: ObjectStore, tables: TableStore, catalogue: str, *, alone: bool
) -> Iterator[tuple[Intent, Amendment]]:
    """Complete what has committed and was not closed; `alone`, forget what never committed.

    Whoever does not hold the catalogue's lease is not alone: one that has not committed may be about to.
    """
    for info in list(store.list(layout.open_amendments(catalogue))):
        intent = _load(store, info.key)
        if runs.committed(tables, intent.run):
            yield intent, carry_out(store, tables, intent)
        elif alone:
            _close(store, intent.run, "superseded", {"reason": "it was killed before its commit"})


def settle_amendments(store: ObjectStore, tables: TableStore, catalogue: str, *, alone: bool) -> list[Amendment]:
    """Do what `settle` does, to the end, and return what was completed."""
    return [done for _, done in settle(store, tables, catalogue, alone=alone)]


def _load(store: ObjectStore, marker: str) -> Intent:
    words = read_json(store, marker)
    run = runs.load(store, marker.rsplit("/", 1)[1].removesuffix(".json"))
    return Intent(run, words.pop("kind", ROLLBACK), words)


def _close(store: ObjectStore, run: Run, state: Literal["done", "superseded"], words: Mapping[str, object]) -> None:
    runs.close(store, run, state, words)
    store.delete([layout.open_amendment(run.catalogue, run.run_id)])


# Rows


def _image(row: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))


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
