"""What happened in a simulated shop, in the order of its commits, and what it showed after each.

Inputs: a `SimulatedShop`. Outputs: `CommitEvent`s, one a run or manifest change that committed to the manifest or to
the outcomes, and `Observation`s of the shop for the naive model. It reads the store itself, and takes no turn.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.policy.schema import Policy
from catalogs.runs.commit_kinds import ANSWERS_KIND, APPROVAL_KIND, POLICY_KIND, ROLLBACK_KIND
from infra.errors import ObjectMissing
from infra.interfaces import Commit
from infra.stores.json_objects import find_json, read_json
from infra.stores.parquet_objects import read_row_groups
from tasks.runs.policy_records import PolicyRecords

from .shop_facts import Counts, Night, Observation, Outcome, Picture, Showing, Slot
from .simulated_shop import CATALOGUE, SimulatedShop

MANIFEST, OUTCOMES = layout.manifest_table(CATALOGUE), layout.outcomes_table(CATALOGUE)
VIEWS = ("front", "side")
ContentsOf = Callable[[Slot], Container[str | None]]
EVENT_KINDS = ("release", ROLLBACK_KIND, POLICY_KIND, APPROVAL_KIND, ANSWERS_KIND)


@dataclass(frozen=True)
class CommitEvent:
    """A run or change that committed: to the manifest at `version`, or to the outcomes alone while that was shown."""

    run_id: str
    kind: str
    at: datetime
    version: int
    metadata: Mapping[str, str]
    to_manifest: bool


@dataclass
class Timeline:
    """Reads a shop's commits from where the last reading ended, and what was shown after them."""

    shop: SimulatedShop
    manifest_seen: int = 0
    outcomes_seen: int = 0
    _learned: set[str] = field(default_factory=set)

    def came_before(self, run_id: str, event: CommitEvent) -> bool:
        """Tell whether a run that has ended committed before an event, or had nothing to commit and ended before it."""
        versions = {commit.run_id: commit.version for commit in self.shop.tables.history(MANIFEST)}
        if run_id in versions:
            return versions[run_id] < event.version + (not event.to_manifest)
        closed = layout.RunFiles(run_id).closed
        return not self.shop.store.exists(closed) or self.shop.store.info(closed).modified <= event.at

    def new_events(self) -> list[CommitEvent]:
        """Return what has committed since the last call, in order; commits that are no event are left out."""
        manifest, outcomes = self._commits(MANIFEST, self.manifest_seen), self._commits(OUTCOMES, self.outcomes_seen)
        self.manifest_seen += len(manifest)
        self.outcomes_seen += len(outcomes)
        self._learn_requests()
        events = [
            CommitEvent(commit.run_id, kind, commit.timestamp, commit.version, commit.metadata, to_manifest=True)
            for commit in manifest
            if (kind := commit.metadata.get("kind", "")) in EVENT_KINDS
        ]
        known = {event.run_id for event in events}
        for commit in outcomes:
            if commit.run_id and commit.run_id not in known and "kind" not in commit.metadata:
                version = self.version_at(MANIFEST, commit.timestamp)
                events.append(
                    CommitEvent(commit.run_id, "", commit.timestamp, version, commit.metadata, to_manifest=False)
                )
        return sorted(events, key=lambda event: (event.at, event.to_manifest))

    def live_at(self, version: int) -> dict[Slot, Picture]:
        """Return what a version of the manifest shows."""
        rows = self._rows(MANIFEST, version)
        live = {Slot(row["sku"], row["view"]): self._picture(row) for row in rows}
        if len(live) != len(rows):
            raise AssertionError(f"version {version} has two rows for one slot")
        return live

    def observe(
        self, event: CommitEvent | None, contents_of: ContentsOf, policy: int, reports: Sequence[Mapping[str, Any]] = ()
    ) -> Observation:
        """Return what the shop showed after an event, or shows now; outcomes only of the contents of each slot."""
        version = self.version_at(MANIFEST, None) if event is None else event.version
        live = self.live_at(version)
        held = any(report["held"] for report in reports)
        counts = tuple(self._counts(report) for report in reports)
        showing = {slot: Showing(picture) for slot, picture in live.items()}
        return Observation(showing, self._outcomes(event, contents_of), version, policy, counts, held)

    def has_outcomes(self, event: CommitEvent) -> bool:
        """Tell whether a run's or change's outcomes are committed too: it may have been killed before."""
        return any(commit.run_id == event.run_id for commit in self.shop.tables.history(OUTCOMES))

    def was_decided_by_policy_in_force(self, event: CommitEvent) -> bool:
        """Tell whether the policy that is frozen in a run's folder is the one in force now."""
        frozen = find_json(self.shop.store, layout.RunFiles(event.run_id).policy)
        current = PolicyRecords(self.shop.store, CATALOGUE).in_force()
        return frozen is None or current is None or Policy.model_validate(frozen).digest == current.policy.digest

    def planned_slots(self, night: Night | None) -> list[Slot]:
        """Return the slots that a night's run planned to decide."""
        files = layout.RunFiles(night.run if night else "")
        tables = read_row_groups(self.shop.store, files.slots)
        return [Slot(row["sku"], row["view"]) for table in tables for row in table.select(["sku", "view"]).to_pylist()]

    def version_at(self, table: str, at: datetime | None) -> int:
        """Return a table's version at a time, or the newest; 0 where there is none."""
        commits = [commit for commit in self.shop.tables.history(table) if at is None or commit.timestamp <= at]
        return commits[0].version if commits else 0

    def run_document(self, run_id: str) -> dict[str, Any]:
        """Return what a run's folder says of it."""
        try:
            return dict(read_json(self.shop.store, layout.RunFiles(run_id).run))
        except ObjectMissing:
            return {}

    def _commits(self, table: str, seen: int) -> list[Commit]:
        return list(reversed(self.shop.tables.history(table)))[seen:]

    def _rows(self, table: str, version: int) -> list[dict[str, Any]]:
        if self.shop.tables.version(table) is None:
            return []
        return list(self.shop.tables.read(table, version=version).to_pylist())

    def _outcomes(self, event: CommitEvent | None, contents_of: ContentsOf) -> dict[Slot, tuple[Outcome, ...]]:
        """Return the outcomes by slot."""
        history = self.shop.tables.history(OUTCOMES)
        own = [commit.version for commit in history if event is not None and commit.run_id == event.run_id]
        version = own[0] if own else self.version_at(OUTCOMES, event.at if event else None)
        slots = {slot_id(sku, view, "a", 0): Slot(sku, view) for sku in self._known_skus() for view in VIEWS}
        outcomes: dict[Slot, list[Outcome]] = {}
        for row in self._rows(OUTCOMES, version):
            slot = slots[row["slot_id"]]
            content = self.shop.book.contents.get(row["request_key"])
            if content in contents_of(slot):
                outcomes.setdefault(slot, []).append(Outcome(row["state"], " ".join(row["reasons"] or ())))
        return {slot: tuple(rows) for slot, rows in outcomes.items()}

    def _known_skus(self) -> Iterator[str]:
        yield from self.shop.all_skus

    def _picture(self, row: Mapping[str, Any]) -> Picture:
        return Picture(self.shop.book.contents[row["request_key"]], row["attempt"])

    def _counts(self, report: Mapping[str, Any]) -> Counts:
        rows, slots = report["rows"], report["slots"]
        names = ("new", "changed", "published", "review", "blocked", "failed", "deferred", "superseded")
        rendered = read_json(self.shop.store, layout.RunFiles(report["run_id"]).plan)["slots"]["rendered"]
        return Counts(
            **rows, **{name: slots[name] for name in names}, images=report["images"]["generated"], prompts=rendered
        )

    def _learn_requests(self) -> None:
        """Read the prompts of requests that no engine has seen: deferred ones, and those of refused prompts."""
        for info in self.shop.store.list("runs/"):
            run_id = info.key.split("/")[1]
            if run_id in self._learned or not info.key.endswith("plan.json"):
                continue
            self._learned.add(run_id)
            for table in read_row_groups(self.shop.store, layout.RunFiles(run_id).requests_prefix):
                self.shop.book.contents.update(
                    zip(table["request_key"].to_pylist(), table["prompt"].to_pylist(), strict=True)
                )
