"""Held batches: the runs of a catalogue whose batch waits for a person, since when, why, and whether nobody answers.

Inputs: a store and a catalogue. Outputs: a `HeldBatch` for each. Read are the open runs, of which a catalogue has a
few, never the runs that were ever held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from catalogs import layout
from catalogs.runs.job import Run
from infra.interfaces import ObjectStore
from infra.stores.json_objects import find_json
from infra.stores.stored_documents import reading
from tasks.runs import run_state as runs

LAST_RESORT_HOURS = 24.0
"""Hours of silence after which a batch that no `release` rule holds counts as overdue."""


@dataclass(frozen=True)
class HeldCheck:
    """A check that holds a batch, and its sentence."""

    name: str
    sentence: str


@dataclass(frozen=True)
class HeldBatch:
    """A batch that waits for a person."""

    run: Run
    checks: tuple[HeldCheck, ...]
    since: datetime
    silent_after: timedelta

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether nobody has answered for longer than was set."""
        return now - self.since >= self.silent_after

    def sentence(self, now: datetime) -> str:
        """Return who waits for what since when, and what is to be done."""
        hours = (now - self.since).total_seconds() / 3600
        names = ", ".join(check.name for check in self.checks)
        waits = f"The batch of the run {self.run.run_id} is held by {names} for {hours:,.0f} h"
        answer = " without an answer; it stays held" if self.is_overdue(now) else ""
        accept = " ".join(f"--accept {check.name}" for check in self.checks)
        release = f"packshot release {self.run.run_id} --store … {accept} --reason …"
        return f"{waits}{answer}. Look at it in `packshot review`, or: {release}"

    def document(self, now: datetime) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "run_id": self.run.run_id,
            "catalogue": self.run.catalogue,
            "scope": self.run.scope,
            "since": self.since.isoformat(),
            "overdue": self.is_overdue(now),
            "checks": [{"name": check.name, "reason": check.sentence} for check in self.checks],
        }


def list_held_batches(store: ObjectStore, catalogue: str) -> list[HeldBatch]:
    """Return the catalogue's held batches, the oldest first."""
    return find_held_batches(store, runs.load_open_runs(store, catalogue).runs)


def find_held_batches(store: ObjectStore, open_runs: Iterable[Run]) -> list[HeldBatch]:
    """Return those of some open runs whose batch is held."""
    found = []
    for run in open_runs:
        key = layout.RunFiles(run.run_id).held
        document = find_json(store, key)
        if document is not None:
            with reading(key, "the checks that hold a run"):
                found.append(_held_batch(run, document))
    return found


def _held_batch(run: Run, document: Mapping[str, Any]) -> HeldBatch:
    since = document.get("since")  # an older version wrote none
    hours = document.get("silent_after_hours") or LAST_RESORT_HOURS
    return HeldBatch(
        run,
        tuple(_held_checks(document["held"], document.get("checks") or ())),
        datetime.fromisoformat(since) if since else run.started_at,
        timedelta(hours=float(hours)),
    )


def _held_checks(names: Sequence[str], checks: Iterable[Mapping[str, Any]]) -> Iterable[HeldCheck]:
    sentences = {str(check["name"]): str(check.get("reason", "")) for check in checks}
    return [HeldCheck(name, sentences.get(name, "")) for name in names]
