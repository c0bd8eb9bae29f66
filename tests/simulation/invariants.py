"""What must hold of a simulated shop at any time, whatever the naive model says: files, tables, markers, errors.

Inputs: a shop and its timeline. Outputs: violations in words.
"""

import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import permutations
from typing import NamedTuple

from catalogs import layout
from catalogs.errors import InputError
from infra.errors import LeaseHeld, LeaseLost, StagedImageLost, StoreError
from infra.stores.json_objects import read_json
from infra.testing.faulty_store import InjectedFault

from .commands import Command
from .shop_facts import Night, Slot
from .simulated_shop import CATALOGUE, SimulatedShop
from .timeline import EVENT_KINDS, MANIFEST, OUTCOMES, Timeline

OF_A_LOST_LEASE, OF_A_LOST_IMAGE = (LeaseLost, LeaseHeld), (StagedImageLost,)
SLOW = {"sleeps", "fails"}


class _Run(NamedTuple):
    """When a run began, had planned, and was closed, and which slots it planned to decide."""

    name: str
    started: datetime
    planned: datetime
    ended: datetime
    slots: frozenset[Slot]


@dataclass
class Invariants:
    """Checks between events; each version of the manifest is looked at once."""

    shop: SimulatedShop
    timeline: Timeline
    _checked: int = 0
    _superseded: set[str] = field(default_factory=set)

    def violations(self) -> Iterator[str]:
        """Yield what is wrong with the store now."""
        yield from self._doubled_commits()
        yield from self._marks_that_change()
        yield from self._missing_objects()
        yield from self._commits_of_superseded_runs()

    def errors(self, command: Command, *, alone: bool) -> Iterator[str]:
        """Yield how a command must not have ended."""
        error, happened = command.process.error, {each.kind for each in command.process.happened}
        permitted: tuple[type[Exception], ...] = ()
        if "fails" in happened:
            permitted += (InjectedFault,)
        if happened & SLOW or not alone:
            permitted += OF_A_LOST_LEASE
        if "lags" in happened or not alone:
            permitted += OF_A_LOST_IMAGE
        if not command.is_refresh:
            permitted += (InputError,)
        if "fails" in happened and error is not None and isinstance(error.__cause__, InjectedFault):
            return  # amid its probe of the store
        is_swept_probe = isinstance(error, StoreError) and layout.PROBE_OBJECTS in str(error)
        if "sleeps" in happened and is_swept_probe:
            return  # it stood still for more than a day amid its probe of the store, and a sweep deletes old probes
        if error is not None and not isinstance(error, permitted):
            frames = traceback.format_exception(error)[-12:]
            yield f"{command.process.name} ended with {error!r}\n{''.join(frames)}"

    def paid_twice(self, commands: Sequence[Command]) -> Iterator[str]:
        """Yield the slots that a run planned although another one, which worked all the while, had planned them."""
        runs = [run for command in commands if (run := self._undisturbed_run(command)) is not None]
        for one, other in permutations(runs, 2):
            if one.planned < other.started and other.planned < one.ended and one.slots & other.slots:
                names = ", ".join("/".join(slot) for slot in sorted(one.slots & other.slots))
                yield f"{other.name} makes {names} although {one.name} had planned that, and was at work"

    def _undisturbed_run(self, command: Command) -> "_Run | None":
        """Return the run of a refresh that began and ended without a disturbance or a limit; None of any other."""
        if command.report is None or not command.is_refresh or command.was_disturbed or command.budget is not None:
            return None
        files = layout.RunFiles(command.report["run_id"])
        times = {info.key: info.modified for info in self.shop.store.list(f"runs/{command.report['run_id']}/")}
        started, planned, ended = (times.get(key) for key in (files.run, files.plan, files.closed))
        if started is None or planned is None or ended is None or started < command.given_at:
            return None
        slots = frozenset(self.timeline.planned_slots(Night(command.report["run_id"])))
        return _Run(command.process.name, started, planned, ended, slots)

    def _doubled_commits(self) -> Iterator[str]:
        for table in (MANIFEST, OUTCOMES):
            tokens = Counter(commit.run_id for commit in self.shop.tables.history(table) if commit.run_id)
            yield from (f"{token} committed {count} times to {table}" for token, count in tokens.items() if count > 1)

    def _marks_that_change(self) -> Iterator[str]:
        for commit in self.shop.tables.history(MANIFEST, after=max(self._checked, 0)):
            kind = commit.metadata.get("kind", "")
            if kind not in EVENT_KINDS and self.timeline.live_at(commit.version) != self.timeline.live_at(
                commit.version - 1
            ):
                yield f"version {commit.version} of kind {kind!r} changes what is shown"

    def _missing_objects(self) -> Iterator[str]:
        newest = self.timeline.version_at(MANIFEST, None)
        for version in range(self._checked + 1, newest + 1):
            for row in self.shop.tables.read(MANIFEST, ["object", "sku"], version=version).to_pylist():
                if version == newest and not self.shop.store.exists(row["object"]):
                    yield f"version {version} shows {row['object']}, which is not there"
        self._checked = newest

    def _commits_of_superseded_runs(self) -> Iterator[str]:
        """A run that another process closed as superseded never commits."""
        committed = {commit.run_id for commit in self.shop.tables.history(MANIFEST)}
        yield from (f"{run_id} was superseded, and committed" for run_id in sorted(self._superseded & committed))
        for info in list(self.shop.store.list("runs/")):
            if info.key.endswith("/closed.json"):
                run_id = info.key.split("/")[1]
                if read_json(self.shop.store, info.key)["state"] == "superseded":
                    self._superseded.add(run_id)
                    if run_id in committed:
                        yield f"{run_id} committed, and is closed as superseded"

    def open_markers(self) -> list[str]:
        """Return the markers of open runs and changes."""
        prefixes = layout.open_runs_prefix(CATALOGUE), layout.open_manifest_changes_prefix(CATALOGUE)
        return [info.key for prefix in prefixes for info in self.shop.store.list(prefix)]
