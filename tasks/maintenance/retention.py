"""Retention: how long what is kept, and the versions and runs that must stay.

Inputs: the store's open markers, a manifest's history and the retention periods. Outputs: open work, and the oldest
version that stays readable. The caller reads the open work first: a run that closes after that has written its
references to the tables that are read next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from catalogs import layout
from catalogs.errors import OptionError
from infra.interfaces import Commit, ObjectStore
from infra.settings import Settings
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json
from infra.stores.stored_documents import reading
from tasks.runs.run_state import has_live_lease

MIN_AGE = timedelta(days=1)
"""Nothing younger is deleted: a slow run may be about to reference it."""
UNPLANNED_GRACE = timedelta(minutes=5)
"""How long a run may be open without a lease and still begin to plan."""


@dataclass(frozen=True)
class RetentionRules:
    """How long what is kept: the newest `keep_releases` releases, and all that were live within `keep_days`.

    Unpublished images are kept for `keep_staged_days` (by default as long as releases), whole folders of closed runs
    and scores for `keep_runs_days`. Raises `OptionError` for a number out of range.
    """

    keep_days: int = 7
    keep_releases: int = 30
    keep_staged_days: int | None = None
    keep_runs_days: int = 30

    def __post_init__(self) -> None:
        if min(self.keep_days, self.keep_staged_days or 0, self.keep_runs_days) < 0 or self.keep_releases < 1:
            raise OptionError(f"{self}: give at least 0 days and 1 release")

    @classmethod
    def from_settings(cls, settings: Settings, keep_releases: int | None = None) -> "RetentionRules":
        """Return the rules of the settings; `keep_releases` is another number of releases for one sweep."""
        return cls(
            settings.keep_days,
            keep_releases or settings.keep_releases,
            settings.keep_staged_days,
            settings.keep_runs_days,
        )


DEFAULT_RULES = RetentionRules()


@dataclass(frozen=True)
class RetentionPolicy:
    """The rules as of `now`."""

    now: datetime
    rules: RetentionRules

    @property
    def young(self) -> datetime:
        """Return the time since which nothing is deleted."""
        return self.now - MIN_AGE

    @property
    def cutoff(self) -> datetime:
        """Return the time since which every live release is kept."""
        return self.now - max(timedelta(days=self.rules.keep_days), MIN_AGE)

    @property
    def staged_cutoff(self) -> datetime:
        """Return the time before which an unreferenced staged image may be deleted."""
        days = self.rules.keep_days if self.rules.keep_staged_days is None else self.rules.keep_staged_days
        return self.now - max(timedelta(days=days), MIN_AGE)

    @property
    def runs_cutoff(self) -> datetime:
        """Return the time before which a closed run's folder shrinks, and records of past work go."""
        return self.now - max(timedelta(days=self.rules.keep_runs_days), MIN_AGE)


@dataclass(frozen=True)
class OpenWork:
    """Runs and manifest changes that are not closed: (catalogue, run id) -> when it was opened."""

    runs: Mapping[tuple[str, str], datetime]
    manifest_changes: Mapping[tuple[str, str], datetime]

    @property
    def all_ids(self) -> frozenset[tuple[str, str]]:
        """Return the (catalogue, run id) of everything that is open."""
        return frozenset(self.runs) | frozenset(self.manifest_changes)

    def run_ids_of(self, catalogue: str) -> frozenset[str]:
        """Return the run ids of a catalogue's open work."""
        return frozenset(run_id for name, run_id in self.all_ids if name == catalogue)


def find_open_work(store: ObjectStore) -> OpenWork:
    """Return the open work of the whole store."""
    return OpenWork(
        _read_open_markers(store, layout.open_runs_prefix()),
        _read_open_markers(store, layout.open_manifest_changes_prefix()),
    )


def find_rollback_targets(store: ObjectStore, catalogue: str) -> list[int]:
    """Return the releases that a catalogue's open rollbacks go back to, as of now."""

    def read_target(key: str) -> int | None:
        intent = find_json(store, key)
        with reading(key, "an open manifest change"):
            if intent is None or intent.get("target") is None:
                return None  # it was closed since the markers were listed, or goes back to no release
            return int(intent["target"])

    markers = [info.key for info in store.list(layout.open_manifest_changes_prefix(catalogue))]
    return [target for target in concurrent_map(store, read_target, markers) if target]  # 0 is the empty table


def find_oldest_retained_version(
    history: Sequence[Commit], retention: RetentionPolicy, run_ids: frozenset[str], targets: Sequence[int]
) -> int:
    """Return the oldest version that must stay readable; all later ones stay readable with it.

    That is the oldest of: the newest `keep_releases` versions; the versions that were live within `keep_days` (at least
    one day); the version that an open run's commit was compared with, because a repeated commit compares again; the
    target of a rollback. Commits that change no data are not counted. `history` is newest first, and not empty.
    """
    releases = [commit for commit in history if commit.changes_data] or [history[-1]]
    needed = [history[0].version, releases[: retention.rules.keep_releases][-1].version, *targets]
    for successor, commit in pairwise(releases):
        if successor.timestamp > retention.cutoff or successor.run_id in run_ids:
            needed.append(commit.version)
    return max(min(needed), history[-1].version)


def find_unplanned_runs(store: ObjectStore, work: OpenWork, now: datetime) -> list[str]:
    """Return the open runs that may be planning now, and then reference any staged image.

    A run that died before its plan was whole is never continued, so it counts for as long as its lease and no longer
    than a day.
    """

    def may_plan(entry: tuple[tuple[str, str], datetime]) -> bool:
        (catalogue, run_id), opened = entry
        if opened <= now - MIN_AGE or store.exists(layout.RunFiles(run_id).plan):
            return False
        return opened > now - UNPLANNED_GRACE or has_live_lease(store, catalogue, run_id)

    entries = list(work.runs.items())
    return [
        entry[0][1]
        for entry, unplanned in zip(entries, concurrent_map(store, may_plan, entries), strict=True)
        if unplanned
    ]


def _read_open_markers(store: ObjectStore, prefix: str) -> dict[tuple[str, str], datetime]:
    opened = {}
    for info in store.list(prefix):
        catalogue, _, name = info.key.removeprefix(prefix).partition("/")
        opened[catalogue, name.removesuffix(".json")] = info.modified
    return opened
