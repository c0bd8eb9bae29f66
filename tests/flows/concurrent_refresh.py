"""A refresh that runs beside another one: `python -m tests.flows.concurrent_refresh FOLDER` reads its parameters there.

Comes in: `FOLDER/meeting.json`: a catalogue, the store's URL, a scope, where to meet, and how far this machine's clock
is ahead. Goes out: the report as JSON on standard output. At its manifest commit, past every look at its lease, the
process waits until so many are there; leases read by a clock a day ahead count as lapsed, so that nothing but the
commit keeps the two apart.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from catalogs import layout
from catalogs.runs.job import Scope
from flows.run import leases as leasing
from infra.coordination.leases import acquire
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector
from infra.testing.faulty_tables import FaultyTables
from tests.fixtures.crash_harness import CATALOGUE, CrashHarness, Row

T = TypeVar("T")
SPEC_FILE = "meeting.json"
BARRIER_TIMEOUT_SECONDS = 500.0


@dataclass(frozen=True)
class ConcurrentRefreshSpec:
    """One of those who meet: `place` is a folder; `guests` how many come to it (0: this one waits for nobody)."""

    rows: list[Row]
    url: str
    scope: Scope
    barrier_folder: str
    participants: int
    clock_ahead_seconds: float = 0.0

    def write(self, folder: Path) -> None:
        """Write it down for a process to come."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SPEC_FILE).write_text(json.dumps(asdict(self)), "utf-8")


def count_arrived(barrier_folder: str) -> int:
    """Return how many are at the meeting place."""
    return len(list(Path(barrier_folder).glob("at-*")))


class CommitBarrier(FaultInjector):
    """Kills nobody: the first manifest commit waits for the others'."""

    def __init__(self, spec: ConcurrentRefreshSpec) -> None:
        super().__init__()
        self._spec = spec
        self._passed = spec.participants == 0

    def call(self, description: str, operation: Callable[[], T]) -> T:
        """Wait where it is that commit, then do it."""
        if description == f"merge into {layout.manifest_table(CATALOGUE)}" and not self._passed:
            self._passed = True
            (Path(self._spec.barrier_folder) / f"at-{os.getpid()}").touch()
            end = time.monotonic() + BARRIER_TIMEOUT_SECONDS
            while count_arrived(self._spec.barrier_folder) < self._spec.participants:
                assert time.monotonic() < end, "nobody came"
                time.sleep(0.01)
        return super().call(description, operation)


@dataclass
class ConcurrentRefreshHarness(CrashHarness):
    """A world whose store is anywhere, and that may meet another one at its commit."""

    spec: ConcurrentRefreshSpec | None = None

    @property
    def url(self) -> str:
        """Return the store's URL."""
        assert self.spec is not None
        return self.spec.url

    def _open_with_faults(self, fault_injector: FaultInjector | None) -> tuple[ObjectStore, TableStore]:  # noqa: ARG002
        assert self.spec is not None
        return open_store(self.url), FaultyTables(open_tables(self.url), CommitBarrier(self.spec))


def main(folder: str) -> None:
    """Refresh."""
    meeting = ConcurrentRefreshSpec(**json.loads((Path(folder) / SPEC_FILE).read_text("utf-8")))
    ahead = timedelta(seconds=meeting.clock_ahead_seconds)
    store = open_store(meeting.url)
    leasing.acquire = partial(acquire, clock=lambda: store.now() + ahead)  # type: ignore[assignment]
    world = ConcurrentRefreshHarness(Path(folder), meeting.rows, settings=Settings(shard_size=8), spec=meeting)
    print(json.dumps(world.refresh(scope=meeting.scope), default=str))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
