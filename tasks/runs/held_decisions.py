"""Held decisions: what a person lets go of a held batch, written once before anything of it is published.

Inputs: a held run, the accepted checks, who, why, and the decisions to publish where only a part goes. Outputs: a
`HeldRelease`, the same for every process that completes the release: of two people the first one's word stands, and a
run that was killed at any moment after it publishes what it names and nothing else.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.runs.held_selection import ReleasedPart
from catalogs.runs.job import Run
from catalogs.table_schemas import DECISIONS
from infra.interfaces import ObjectStore
from infra.stores.json_objects import find_json, write_json_once
from infra.stores.parquet_objects import read_table, write_table
from infra.stores.stored_documents import reading
from tasks.runs.held_releases import accept_checks, accepted_checks


@dataclass(frozen=True)
class HeldRelease:
    """A person's word on a held batch. `decisions` names the table of the part that goes; empty where all of it does.

    `waiting` and `refused` slots of the batch are kept back.
    """

    checks: tuple[str, ...]
    reason: str
    person: str
    at: datetime
    decisions: str = ""
    waiting: int = 0
    refused: int = 0

    def __str__(self) -> str:
        """Return when, by whom and why."""
        return f"on {self.at:%Y-%m-%d %H:%M} UTC by {self.person} ({self.reason})"

    def document(self) -> dict[str, Any]:
        """Return plain values."""
        return vars(self) | {"checks": list(self.checks), "at": self.at.isoformat()}


def record_release(
    store: ObjectStore, run: Run, checks: Sequence[str], reason: str, person: str, part: ReleasedPart
) -> HeldRelease:
    """Write what goes, the decisions of a part first, and return it; where somebody was first, return theirs."""
    files, name = layout.RunFiles(run.run_id), ""
    if not part.is_whole:
        name = secrets.token_hex(8)
        write_table(store, files.released(name), part.decisions)
    release = HeldRelease(
        tuple(sorted(checks)), reason, person, store.now(), name, waiting=part.waiting, refused=part.refused
    )
    if write_json_once(store, files.let_go, release.document()):
        return release
    first = find_release(store, run)
    assert first is not None  # noqa: S101 - the key is taken, and nothing deletes it while the run is open
    return first


def find_release(store: ObjectStore, run: Run) -> HeldRelease | None:
    """Return what a person has let go of the run's batch; None where nobody has."""
    key = layout.RunFiles(run.run_id).let_go
    document = find_json(store, key)
    if document is None:
        return None
    with reading(key, "what a person lets go"):
        checks, at = tuple(map(str, document["checks"])), datetime.fromisoformat(document["at"])
        return HeldRelease(**document | {"checks": checks, "at": at})


def complete_release(store: ObjectStore, run: Run) -> HeldRelease | None:
    """Return what a person has let go, and accept its checks where the process was killed before it did."""
    release = find_release(store, run)
    if release is not None and not accepted_checks(store, run) >= set(release.checks):
        accept_checks(store, run, release.checks, release.reason, release.person)
    return release


def read_batch_decisions(store: ObjectStore, run: Run) -> pa.Table:
    """Return all that a run decided, whatever a person keeps back of it."""
    return read_table(store, layout.RunFiles(run.run_id).batch, DECISIONS)


def read_decisions(store: ObjectStore, run: Run) -> pa.Table:
    """Return the decisions that a run publishes: those of the part that a person let go, else all of its batch."""
    files, release = layout.RunFiles(run.run_id), find_release(store, run)
    is_part = release is not None and release.decisions
    return read_table(store, files.released(release.decisions) if release and is_part else files.batch, DECISIONS)
