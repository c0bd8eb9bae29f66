"""Two refreshes of one catalogue at once, each a process of its own: both end, and what they leave is one shop.

With leases as they are, a full run waits for the other one and a partial one works beside it. Without them, one
machine's clock is a day ahead: it takes the other's run for dead while that one stands at its commit, past its last
look at its lease. What keeps the promises then is the commit alone.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.runs.job import Scope
from infra.interfaces import TableStore
from infra.stores import open_store
from infra.tables import open_tables
from tests.fixtures.crash_harness import (
    CATALOGUE,
    JsonObject,
    Row,
    assert_slots_accounted_for,
    assert_store_consistent,
    catalogue_row,
    recorded_outcomes,
    slot_name,
)
from tests.fixtures.object_stores import ON_LOCAL_AND_LONG_S3_STORES, ON_LOCAL_AND_SLOW_S3_STORES, StoreUrlFactory
from tests.flows.concurrent_refresh import ConcurrentRefreshHarness, ConcurrentRefreshSpec, count_arrived
from tests.paths import ROOT

DAY_SECONDS = 86_400.0
MANIFEST = layout.manifest_table(CATALOGUE)
SCOPES: list[tuple[Scope, Scope]] = [("full", "partial"), ("partial", "partial"), ("full", "full"), ("partial", "full")]
NAMES = ["+".join(pair) for pair in SCOPES]


def base_rows() -> list[Row]:
    return [catalogue_row(f"thing-{number:02d}", f"Plain Thing {number}") for number in range(24)]


def edited(numbers: range, colour: str, *more: Row) -> list[Row]:
    """Return the catalogue with some titles in a colour, one row that both have, and one that is refused."""
    rows = [
        each | {"title": f"{each['title']} in {colour}"} if number in numbers else each
        for number, each in enumerate(base_rows())
    ]
    return [*rows, *more, catalogue_row("both", "Wanted by Both"), catalogue_row("banned", "Toy Revolver")]


RED = edited(range(3), "red", catalogue_row("red-only", "Extra Red Thing"))
BLUE = edited(range(2, 5), "blue", catalogue_row("blue-only", "Extra Blue Thing"))


@dataclass
class ConcurrentRefreshScenario:
    """A shop after its first night, and those who refresh it."""

    folder: Path
    url: str
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)

    def publish_first_release(self) -> None:
        """Publish 24 pictures."""
        meeting = ConcurrentRefreshSpec(base_rows(), self.url, "full", "", 0)
        report = ConcurrentRefreshHarness(self.folder / "first", base_rows(), spec=meeting).refresh()
        assert report["slots"]["published"] == 24

    @property
    def barrier_folder(self) -> Path:
        """Return where they meet."""
        place = self.folder / "place"
        place.mkdir(exist_ok=True)
        return place

    def start(self, rows: list[Row], scope: Scope, participants: int = 0, clock_ahead_seconds: float = 0.0) -> int:
        """Start a refresh; return its number."""
        number = len(self.processes)
        folder = self.folder / f"process-{number}"
        ConcurrentRefreshSpec(rows, self.url, scope, str(self.barrier_folder), participants, clock_ahead_seconds).write(
            folder
        )
        with (folder / "errors.txt").open("w") as errors:
            command = [sys.executable, "-m", "tests.flows.concurrent_refresh", str(folder)]
            self.processes.append(
                subprocess.Popen(
                    command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=errors, text=True
                )
            )
        return number

    def wait_for(self, number: int, arrivals: int) -> None:
        """Wait until so many stand at their commit."""
        while count_arrived(str(self.barrier_folder)) < arrivals:
            assert self.processes[number].poll() is None, self._errors(number)
            time.sleep(0.02)

    def reports(self) -> list[JsonObject]:
        """Return the reports of all, each of which must end."""
        return [self._report(number) for number in range(len(self.processes))]

    def reports_of_unfenced(self) -> list[JsonObject | None]:
        """Return the reports; None for a process that ended because its run was taken over."""
        return [self._report(number, may_be_fenced=True) for number in range(len(self.processes))]

    def _report(self, number: int, *, may_be_fenced: bool = False) -> Any:
        out, _ = self.processes[number].communicate(timeout=300)
        if may_be_fenced and self.processes[number].returncode != 0 and "LeaseLost" in self._errors(number):
            return None
        assert self.processes[number].returncode == 0, self._errors(number)
        return json.loads(out)

    def _errors(self, number: int) -> str:
        return (self.folder / f"process-{number}" / "errors.txt").read_text()

    @property
    def tables(self) -> TableStore:
        """Return the tables."""
        return open_tables(self.url)

    def rows_by_sku(self) -> dict[str, dict[str, Any]]:
        """Return SKU -> its manifest row."""
        rows = self.tables.read(MANIFEST).to_pylist()
        found = {slot_name(each).split("/")[0]: each for each in rows}
        assert len(found) == len(rows), "a slot is doubled"
        return found

    def assert_consistent(self, reports: list[JsonObject]) -> None:
        """Fail where a sum, an object, a row or a commit is wrong, or a run was left open."""
        for report in reports:
            assert_slots_accounted_for(report)
        assert_store_consistent(open_store(self.url), self.tables)
        assert [place[0].split()[0] for place in recorded_outcomes(self.tables)] == ["banned"]
        assert list(open_store(self.url).list(layout.open_runs_prefix())) == []


@pytest.fixture
def scenario(tmp_path: Path, new_store_url: StoreUrlFactory) -> Iterator[ConcurrentRefreshScenario]:
    made = ConcurrentRefreshScenario(tmp_path, new_store_url(tmp_path))
    made.publish_first_release()
    yield made
    for process in made.processes:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def check_winner_and_loser(
    scenario: ConcurrentRefreshScenario, reports: list[JsonObject], *, sees_the_other: bool
) -> None:
    """Fail unless one of them published all that it had, and the other what the first had left alone.

    `sees_the_other`: the younger knows that the other lives, and leaves to it the two rows that both have.
    """
    scenario.assert_consistent(reports)
    assert scenario.tables.version(MANIFEST) == 3
    winner, loser = sorted(reports, key=lambda report: report["release"]["version"])
    assert [each["release"]["version"] for each in (winner, loser)] == [2, 3]
    left_out = [report["slots"]["in_progress"] for report in (winner, loser)]
    assert sorted(left_out) == ([0, 2] if sees_the_other else [0, 0])
    names = ("new", "changed", "published", "blocked", "superseded")
    for report, others, superseded in zip((winner, loser), left_out, ([], ["both", "thing-02"]), strict=True):
        lost = len(superseded) - (sees_the_other and bool(superseded))  # what one left out is nobody's loss
        blocked = 0 if others else 1
        counts = {"new": 3 - others, "changed": 3, "published": 6 - others - blocked - lost}
        assert {name: report["slots"][name] for name in names} == counts | {"blocked": blocked, "superseded": lost}
    shown = scenario.rows_by_sku()
    assert sorted(sku for sku in shown if not sku.startswith("thing-")) == ["blue-only", "both", "red-only"]
    assert shown["thing-02"]["run_id"] == winner["run_id"]
    maker = loser if left_out[0] else winner
    assert shown["both"]["run_id"] == maker["run_id"]
    moved = [sku for sku, each in shown.items() if each["run_id"] == loser["run_id"]]
    assert len(moved) == 3 + (maker is loser)
    assert len(shown) == 27


def assert_outcome_with_leases(first: Scope, second: Scope, scenario: ConcurrentRefreshScenario) -> list[JsonObject]:
    guests = 0 if (first, second) == ("full", "full") else 2
    for rows, scope in ((RED, first), (BLUE, second)):
        scenario.start(rows, scope, guests)
    return scenario.reports()


def assert_outcome_without_leases(
    first: Scope, second: Scope, scenario: ConcurrentRefreshScenario, later: list[Row]
) -> list[JsonObject | None]:
    """Start the second with its clock ahead, when the first stands at its commit; they commit at the same time."""
    scenario.wait_for(scenario.start(RED, first, participants=2), arrivals=1)
    scenario.start(later, second, participants=2, clock_ahead_seconds=DAY_SECONDS)
    return scenario.reports_of_unfenced()


@pytest.mark.slow
@ON_LOCAL_AND_LONG_S3_STORES
@pytest.mark.parametrize(("first", "second"), SCOPES[:2], ids=NAMES[:2])
def test_two_that_may_work_side_by_side_commit_one_after_the_other(
    scenario: ConcurrentRefreshScenario, first: Scope, second: Scope
) -> None:
    reports = assert_outcome_with_leases(first, second, scenario)
    check_winner_and_loser(scenario, reports, sees_the_other=True)


@pytest.mark.slow
@ON_LOCAL_AND_LONG_S3_STORES
def test_of_two_full_runs_the_second_waits_and_finds_the_firsts_pictures(scenario: ConcurrentRefreshScenario) -> None:
    reports = assert_outcome_with_leases("full", "full", scenario)
    scenario.assert_consistent(reports)
    first, second = sorted(reports, key=lambda report: report["release"]["version"])
    assert [each["release"]["version"] for each in (first, second)] == [2, 3]
    assert [each["slots"]["superseded"] for each in (first, second)] == [0, 0]
    # The second catalogue undoes two titles of the first, moves three of its own, and has its own extra thing.
    assert {name: second["slots"][name] for name in ("new", "changed", "waiting", "retired")} == {
        "new": 1, "changed": 5, "waiting": 1, "retired": 1,
    }  # fmt: skip
    assert len(scenario.rows_by_sku()) == 26


@pytest.mark.slow
@ON_LOCAL_AND_LONG_S3_STORES
def test_without_leases_a_full_and_a_partial_run_are_kept_apart_by_the_commit_alone(
    scenario: ConcurrentRefreshScenario,
) -> None:
    """A partial run never takes a full one over, so neither is fenced."""
    first, second = assert_outcome_without_leases("full", "partial", scenario, BLUE)
    assert first is not None
    assert second is not None
    check_winner_and_loser(scenario, [first, second], sees_the_other=True)


@pytest.mark.slow
@ON_LOCAL_AND_LONG_S3_STORES
@pytest.mark.parametrize(("first", "second"), SCOPES[1:], ids=NAMES[1:])
def test_a10_a_run_that_was_taken_over_at_its_commit_is_fenced_and_the_other_publishes_all_that_it_has(
    scenario: ConcurrentRefreshScenario, first: Scope, second: Scope
) -> None:
    fenced, report = assert_outcome_without_leases(first, second, scenario, BLUE)
    assert fenced is None
    assert report is not None
    scenario.assert_consistent([report])
    counts = {name: report["slots"][name] for name in ("new", "changed", "published", "blocked", "superseded")}
    assert counts == {"new": 3, "changed": 3, "published": 5, "blocked": 1, "superseded": 0}
    shown = scenario.rows_by_sku()
    assert sorted(sku for sku in shown if not sku.startswith("thing-")) == ["blue-only", "both"]
    kinds = [commit.metadata.get("kind") for commit in scenario.tables.history(MANIFEST)[:2]]
    assert kinds == ["release", "fence"]


@pytest.mark.slow
@ON_LOCAL_AND_SLOW_S3_STORES
def test_without_leases_two_processes_of_one_run_commit_it_once(scenario: ConcurrentRefreshScenario) -> None:
    reports = [report for report in assert_outcome_without_leases("full", "full", scenario, RED) if report is not None]
    scenario.assert_consistent(reports)
    released = [commit for commit in scenario.tables.history(MANIFEST) if commit.metadata.get("kind") == "release"]
    assert len(released) == 2
    assert {report["run_id"] for report in reports} == {released[0].run_id}
    assert {report["slots"]["superseded"] for report in reports} == {0}
    assert len(scenario.rows_by_sku()) == 26
