"""A store that dies at any moment costs a moment: the release ends as if nobody had died.

Every death here happens inside a living process, so the dead run's leases are taken away by hand
(`CrashHarness.clear_dead_leases`); real kills, where the next process sees by itself that the holder is dead, are in
`test_process_kills.py`.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import Scope
from flows.run.observers import NullObserver
from infra.errors import LeaseHeld
from infra.stores.parquet_objects import read_row_groups
from infra.testing.faulty_store import FaultInjector, InjectedFault
from tasks.runs import run_state as runs
from tests.fixtures.crash_harness import (
    CATALOGUE,
    MAX_REGENERATED_PER_KILL,
    CrashHarness,
    InterruptingObserver,
    JsonObject,
    ManifestPoller,
    assert_slots_accounted_for,
    assert_store_consistent,
    catalogue_row,
    committed_run_ids,
    edge_case_rows,
    plain_rows,
    published_slots,
    recorded_outcomes,
)
from tests.fixtures.object_stores import ON_LOCAL_AND_LONG_S3_STORES, ON_LOCAL_AND_SLOW_S3_STORES, StoreUrlFactory

pytestmark = pytest.mark.usefixtures("reduced_audit")

When = Literal["before", "after"]
CRASH_MOMENTS: tuple[When, When] = ("before", "after")

OPERATIONS_BETWEEN_CRASHES = {"file": 12, "s3": 704}
"""From one death to the next: four tests share one in 3 operations on a disk, and one in 176 of them in a bucket, where
a night takes many times as long. Every kind of operation has its moment below, in both."""


class CrashAtOperation(FaultInjector):
    """Dies at the n-th operation whose description holds a word, and at all that follow."""

    def __init__(self, word: str, when: When, nth: int = 1) -> None:
        super().__init__(None, when)
        self._word, self._left = word, nth

    def call(self, description: str, operation: Callable[[], Any]) -> Any:
        """Count down at the word; the last one dies."""
        if self.fail_at is None and self._word in description:
            self._left -= 1
            if self._left == 0:
                self.fail_at = self.operation_count + 1
        return super().call(description, operation)


# One death at every moment of one refresh


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> CrashHarness:
    """A world where nobody died."""
    world = small_world(tmp_path_factory.mktemp("undisturbed"))
    world.refresh()
    return world


def small_world(folder: Path, place: str | None = None) -> CrashHarness:
    """24 slots in shards of 4, with every fate that a slot can have."""
    return CrashHarness(folder, edge_case_rows() + plain_rows(9), url_override=place)


def crash_and_refresh(harness: CrashHarness, fault_injector: FaultInjector) -> JsonObject:
    """Refresh until the store dies, then once more in a store that lives.

    It is the same run that goes on, if its plan was whole and nothing was committed.
    """
    with suppress(InjectedFault):
        harness.refresh(fault_injector)
    harness.clear_dead_leases()
    opened = [Path(info.key).stem for info in harness.store.list(layout.open_runs_prefix(CATALOGUE))]
    committed = [commit.metadata.get("token") for commit in harness.tables.history(layout.manifest_table(CATALOGUE))]
    goes_on = [run for run in opened if harness.store.exists(layout.RunFiles(run).plan) and run not in committed]
    report = harness.refresh()
    assert goes_on in ([], [report["run_id"]])
    return report


def assert_same_as_undisturbed(
    world: CrashHarness, undisturbed: CrashHarness, report: JsonObject, deaths: int = 1
) -> None:
    assert published_slots(world.tables) == published_slots(undisturbed.tables)
    nights = len(committed_run_ids(world.tables))
    # Killed after its commit, a run is a night; the command given again is the next, which tries failed ones again.
    spent = {key: (state, attempts + (nights - 1) * (state == "failed"), *rest)
             for key, (state, attempts, *rest) in recorded_outcomes(undisturbed.tables).items()}  # fmt: skip
    assert recorded_outcomes(world.tables) == spent
    assert_slots_accounted_for(report)
    assert_store_consistent(world.store, world.tables)
    assert list(world.store.list(layout.open_runs_prefix())) == []
    assert set(world.generated) == set(undisturbed.generated)
    assert world.regenerated_count <= deaths * MAX_REGENERATED_PER_KILL


MOMENTS = (
    ("list leases", 1),
    ("write open/", 1),
    ("complete runs", 2),
    ("plan.json", 2),
    ("write staging", 30),
    ("write scores", 12),
    ("records/again", 3),
    ("batch.parquet", 2),
    ("write published", 9),
    ("read published", 9),
    ("/published/", 1),
    ("/published/", 2),
    ("ensure manifest", 1),
    ("merge into manifest", 1),
    ("merge into outcomes", 1),
    ("report.json", 1),
    ("closed.json", 1),
    ("delete open/", 1),
)
COMMIT_MOMENT = ("merge into manifest", 1)
"""Died at in a bucket by every CI run; the others there are `long`."""

QUICK_MOMENTS = {("plan.json", 2), ("write staging", 30), ("batch.parquet", 2), COMMIT_MOMENT, ("closed.json", 1)}
"""Died at on a disk with the quick tests, one a stage of the run; the others there are `slow`."""


MOMENTS_BY_STORE = [
    pytest.param("disk", *moment, marks=() if moment in QUICK_MOMENTS else pytest.mark.slow) for moment in MOMENTS
] + [
    pytest.param("s3", *moment, marks=pytest.mark.slow if moment == COMMIT_MOMENT else pytest.mark.long(seconds=10))
    for moment in MOMENTS
]


@pytest.mark.parametrize(
    ("new_store_url", "word", "nth"), MOMENTS_BY_STORE, indirect=["new_store_url"], ids=lambda value: str(value)
)
def test_a_store_that_dies_in_one_of_a_refreshs_moments_costs_that_moment(
    tmp_path: Path, new_store_url: StoreUrlFactory, undisturbed: CrashHarness, word: str, nth: int
) -> None:
    # Both sides of every commit; elsewhere they take turns.
    turns = CRASH_MOMENTS if "merge" in word else (CRASH_MOMENTS[nth % 2],)
    for when in turns:
        folder = tmp_path / when
        world, mortality = small_world(folder, new_store_url(folder)), CrashAtOperation(word, when, nth)
        report = crash_and_refresh(world, mortality)
        assert mortality.has_failed, f"no operation {nth} of {word!r}"
        assert_same_as_undisturbed(world, undisturbed, report)


@pytest.mark.long(seconds=30)
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", CRASH_MOMENTS)
@pytest.mark.parametrize("remainder", range(4))
@ON_LOCAL_AND_LONG_S3_STORES
def test_a_store_that_dies_at_any_operation_costs_that_operation(
    tmp_path: Path, new_store_url: StoreUrlFactory, undisturbed: CrashHarness, when: When, remainder: int
) -> None:
    number, died = remainder + 1, True
    while died:
        folder = tmp_path / str(number)
        world, mortality = small_world(folder, new_store_url(folder)), FaultInjector(number, when)
        report = crash_and_refresh(world, mortality)
        assert_same_as_undisturbed(world, undisturbed, report)
        died = mortality.has_failed
        shutil.rmtree(world.folder)
        number += OPERATIONS_BETWEEN_CRASHES[world.url.partition(":")[0]]
    assert number > 250


@ON_LOCAL_AND_SLOW_S3_STORES
def test_ten_deaths_in_a_row_still_end_in_the_same_release(
    tmp_path: Path, new_store_url: StoreUrlFactory, undisturbed: CrashHarness
) -> None:
    world = small_world(tmp_path / "world", new_store_url(tmp_path))
    for number in range(20, 220, 20):
        with suppress(InjectedFault):
            world.refresh(FaultInjector(number, CRASH_MOMENTS[number // 20 % 2]))
        world.clear_dead_leases()
    assert_same_as_undisturbed(world, undisturbed, world.refresh(), deaths=10)


@ON_LOCAL_AND_LONG_S3_STORES
def test_a_store_that_is_away_stops_the_painting_at_once(tmp_path: Path, new_store_url: StoreUrlFactory) -> None:
    world = CrashHarness(tmp_path / "world", plain_rows(120), url_override=new_store_url(tmp_path))
    world.settings = world.settings.model_copy(update={"shard_size": 128})
    with pytest.raises(InjectedFault):
        world.refresh(CrashAtOperation("write staging", "before", 5))
    assert len(world.generated) <= 5 + MAX_REGENERATED_PER_KILL


@ON_LOCAL_AND_LONG_S3_STORES
def test_an_interrupted_run_decides_on_nothing_that_it_did_not_measure(
    tmp_path: Path, new_store_url: StoreUrlFactory
) -> None:
    world = CrashHarness(
        tmp_path / "world", plain_rows(90), screen_in_processes=True, url_override=new_store_url(tmp_path)
    )
    world.settings = world.settings.model_copy(update={"shard_size": 16, "in_flight": 6, "screeners": 1})
    with pytest.raises(KeyboardInterrupt):
        world.refresh(observer=InterruptingObserver())
    (run,) = [Path(info.key).stem for info in world.store.list(layout.open_runs_prefix(CATALOGUE))]
    for record in read_row_groups(world.store, layout.RunFiles(run).records_prefix):
        assert record["reasons"].to_pylist() == [[]] * record.num_rows
    assert len(list(world.store.list(layout.RunFiles(run).records_prefix))) < 8
    report = world.refresh()
    assert (report["run_id"], report["slots"]["published"], report["slots"]["review"]) == (run, 120, 0)


# A recipe that is edited between a kill and the resume


@ON_LOCAL_AND_LONG_S3_STORES
def test_an_edited_recipe_supersedes_the_killed_run_and_keeps_its_pictures(
    tmp_path: Path, new_store_url: StoreUrlFactory
) -> None:
    world = CrashHarness(tmp_path / "world", plain_rows(24), url_override=new_store_url(tmp_path))
    with suppress(InjectedFault):
        world.refresh(CrashAtOperation("batch.parquet", "before", 2))
    world.clear_dead_leases()
    before = dict(world.generated)
    (killed,) = [info.key for info in world.store.list(layout.open_runs_prefix(CATALOGUE))]
    world.recipe["categories"]["mugs"]["template"] = "Photograph of the great mug {{ title }}, {{ phrase }}"
    report = world.refresh()
    mugs = [each for each in world.rows if each["category"] == "mugs"]
    assert len(before) == report["slots"]["published"] == 32
    assert (report["images"]["reused"], report["images"]["generated"]) == (32 - len(mugs), len(mugs))
    assert world.regenerated_count == 0
    closed = json.loads(world.store.read(layout.RunFiles(Path(killed).stem).closed))
    assert closed["state"] == "superseded"
    assert Path(killed).stem not in committed_run_ids(world.tables)
    assert list(world.store.list(layout.open_runs_prefix(CATALOGUE))) == []
    twin = CrashHarness(tmp_path / "twin", world.rows, world.recipe)
    twin.refresh()
    assert published_slots(world.tables) == published_slots(twin.tables)


@ON_LOCAL_AND_LONG_S3_STORES
def test_a_release_that_moved_between_a_kill_and_the_resume_is_planned_anew(
    tmp_path: Path, new_store_url: StoreUrlFactory
) -> None:
    live = CrashHarness(tmp_path / "live", plain_rows(6), url_override=new_store_url(tmp_path))
    worlds = live, twin = live, CrashHarness(tmp_path / "twin", plain_rows(6))
    for title in ("Oxford Shirt", "Camp Shirt"):
        for world in worlds:
            world.rows[0]["title"] = title
            world.refresh()
    for world in worlds:
        world.rows[0]["title"] = "Sailor Shirt"
    with suppress(InjectedFault):
        live.refresh(CrashAtOperation("merge into manifest", "before"))
    live.clear_dead_leases()
    for world in worlds:
        world.rollback()
    reports = [world.refresh() for world in worlds]
    # The killed run was planned against the Camp Shirt, which is no longer what the shop shows.
    assert [report["slots"]["published"] for report in reports] == [1, 1]
    assert [report["slots"]["superseded"] for report in reports] == [0, 0]
    assert reports[0]["images"]["generated"] == 0
    assert published_slots(live.tables) == published_slots(twin.tables)


@ON_LOCAL_AND_SLOW_S3_STORES
def test_nothing_of_a_plan_that_was_never_whole_is_taken_for_the_next_one(
    tmp_path: Path, new_store_url: StoreUrlFactory
) -> None:
    world = CrashHarness(tmp_path / "world", plain_rows(6), url_override=new_store_url(tmp_path))
    with suppress(InjectedFault):
        world.refresh(CrashAtOperation("plan.json", "before", 2))
    world.clear_dead_leases()
    world.refresh(scope="partial")
    report = world.refresh()
    assert (report["slots"]["unchanged"], report["slots"]["superseded"], report["images"]["attempts"]) == (8, 0, 0)
    assert_slots_accounted_for(report)


# Two at once


class CallbackBeforeDecide(NullObserver):
    """Lets something else happen while a run is between its plan and its commit."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens: list[Callable[[], None]] = [happens]

    def on_stage(self, name: str) -> None:
        """Let it happen, once, before the batch is decided."""
        if name == "decide" and self._happens:
            self._happens.pop()()


@ON_LOCAL_AND_LONG_S3_STORES
def test_a_partial_run_beside_a_full_one_keeps_its_pictures_and_a_second_full_one_is_refused(
    tmp_path: Path, new_store_url: StoreUrlFactory
) -> None:
    world = small_world(tmp_path / "world", new_store_url(tmp_path))
    other = CrashHarness(tmp_path / "other", world.rows, url_override=world.url)
    moved = [each | {"title": f"{each['title']} in red"} for each in world.rows[-3:]]
    beside = CrashHarness(
        tmp_path / "beside", [*moved, catalogue_row("extra", "Extra Thing")], url_override=other.url_override
    )
    reports: list[JsonObject] = []
    shown: dict[str, tuple[object, ...]] = {}

    def happens() -> None:
        reports.append(beside.refresh(scope="partial"))
        shown.update(published_slots(beside.tables))
        with pytest.raises(LeaseHeld, match=f"'full run of {CATALOGUE}' \\(process {os.getpid()} on "):
            other.refresh(wait=False)

    behind = world.refresh(observer=CallbackBeforeDecide(happens))
    (report,) = reports
    assert (report["slots"]["published"], report["slots"]["superseded"]) == (5, 0)
    assert (behind["slots"]["superseded"], behind["slots"]["published"]) == (4, 13)
    assert_slots_accounted_for(behind)
    now = published_slots(world.tables)
    assert len(now) == 18
    assert {slot: now[slot] for slot in shown} == shown
    after = world.refresh()
    assert (after["slots"]["changed"], after["slots"]["retired"], after["held"]) == (4, 1, ["retired-share"])
    assert_store_consistent(world.store, world.tables)


# Everything at once


TITLES = ("Oxford Shirt", "Camp Shirt", "Yoga Ball", "Chelsea Boot", "Bread Box", "Toy Revolver", "Naked Flame Candle")
NOTES = ("", "", "[second-try]", "[blank]", "[copycat]", "[blurred]", "[poison]")
VIEWS = ("", "front", "front;side", "front;side;back")
TEMPLATES = ("Photograph of {{ title }}, {{ phrase }} {{ note }}", "A picture of {{ title }}, {{ phrase }} {{ note }}")
MUGS = ("Photograph of the mug {{ title }}, {{ phrase }} {{ note }}", "A mug, {{ title }}, {{ phrase }} {{ note }}")

Edit = Callable[["CrashStateMachine"], None]


def retitle(place: int, title: str) -> Edit:
    return lambda shop: shop.row(place).update(title=title)


def annotate(place: int, note: str) -> Edit:
    return lambda shop: shop.row(place).update(note=note)


def choose_views(place: int, views: str) -> Edit:
    return lambda shop: shop.row(place).update(views=views)


def add(title: str, category: str) -> Edit:
    return lambda shop: shop.rows.append(catalogue_row(f"added-{len(shop.rows)}-{title}", title, category))


def drop(place: int) -> Edit:
    return lambda shop: shop.rows.remove(shop.row(place)) if len(shop.rows) > 3 else None


def change_templates(default: str, mugs: str) -> Edit:
    def edit(shop: "CrashStateMachine") -> None:
        shop.recipe["defaults"]["template"] = default
        shop.recipe["categories"]["mugs"]["template"] = mugs

    return edit


def change_finish(quality: int) -> Edit:
    return lambda shop: shop.recipe.update(finish={"quality": quality})


def change_policy(word: Literal["BLOCK", "REVIEW"]) -> Edit:
    def edit(shop: "CrashStateMachine") -> None:
        policy = built_in_policy()
        duplicates = policy.duplicates.model_copy(update={"exact_other_sku": word})
        changed = policy.model_copy(update={"duplicates": duplicates})
        if changed.digest != shop.twin.policy.digest:
            shop.held = None  # it can no longer be released
        for world in (shop.crashing, shop.twin):
            world.apply_policy(changed)

    return edit


places = st.integers(0, 99)
edits = st.lists(
    st.builds(retitle, places, st.sampled_from(TITLES))
    | st.builds(annotate, places, st.sampled_from(NOTES))
    | st.builds(choose_views, places, st.sampled_from(VIEWS))
    | st.builds(add, st.sampled_from(TITLES), st.sampled_from(["", "mugs", "bags"]))
    | st.builds(drop, places)
    | st.builds(change_templates, st.sampled_from(TEMPLATES), st.sampled_from(MUGS))
    | st.builds(change_finish, st.sampled_from([80, 90]))
    | st.builds(change_policy, st.sampled_from(["BLOCK", "REVIEW"])),
    max_size=3,
)
deaths = st.builds(FaultInjector, st.integers(1, 160), st.sampled_from(CRASH_MOMENTS)) | st.builds(
    CrashAtOperation, st.sampled_from([word for word, _ in MOMENTS]), st.sampled_from(CRASH_MOMENTS), st.integers(1, 4)
)
scopes = st.sampled_from(["full", "full", "partial"])


@dataclass
class HeldBatches:
    """A batch that waits for a person, in both worlds."""

    live: str
    twin: str
    checks: list[str]


class CrashStateMachine(RuleBasedStateMachine):
    """A shop whose store dies now and then, beside a twin that lives through the same days and never dies."""

    def __init__(self, new_store_url: StoreUrlFactory) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="packshot-crashes-"))
        self.rows = [*edge_case_rows()[:1], catalogue_row("copied", "Twin Bag", "bags", "[copycat]"), *plain_rows(4)]
        self.crashing = CrashHarness(self.folder / "live", self.rows, url_override=new_store_url(self.folder))
        self.twin = CrashHarness(self.folder / "twin", self.rows)
        self.recipe = self.twin.recipe = self.crashing.recipe
        self.held: HeldBatches | None = None
        self.poller = ManifestPoller(self.crashing.url, poll_seconds=0.01)
        self.poller.__enter__()

    def teardown(self) -> None:
        self.poller.__exit__()
        history = self.twin.tables.history(layout.manifest_table(CATALOGUE))
        self.poller.assert_saw_only_whole_releases(
            [published_slots(self.twin.tables, commit.version) for commit in history]
        )
        shutil.rmtree(self.folder)

    def row(self, place: int) -> dict[str, str]:
        """Return one of the catalogue's rows."""
        return self.rows[place % len(self.rows)]

    @rule(edits=edits, death=deaths, scope=scopes)
    def crash_during_refresh(self, edits: list[Edit], death: FaultInjector, scope: Scope) -> None:
        self._edit(edits)
        before = committed_run_ids(self.crashing.tables)
        try:
            report = self.crashing.refresh(death, scope)
        except InjectedFault:
            self.crashing.clear_dead_leases()
            if committed_run_ids(self.crashing.tables) != before:
                self.twin.refresh(scope=scope)  # it died after its commit: that night has been
            return
        self.crashing.clear_dead_leases()  # it may have died giving its leases back
        self._compare(report, scope)

    @rule(edits=edits, let_go=st.booleans(), scope=scopes)
    def refresh_without_crash(self, edits: list[Edit], let_go: bool, scope: Scope) -> None:
        self._edit(edits)
        self._compare(self.crashing.refresh(scope=scope), scope)
        if let_go and self.held:
            self._release(None)

    @precondition(lambda self: self.held)
    @rule(death=deaths)
    def crash_during_release(self, death: FaultInjector) -> None:
        self._release(death)

    @precondition(lambda self: (self.twin.tables.version(layout.manifest_table(CATALOGUE)) or 0) > 1)
    @rule(death=st.none() | deaths)
    def roll_back(self, death: FaultInjector | None) -> None:
        before = committed_run_ids(self.crashing.tables)
        with suppress(InjectedFault, OptionError):  # refused where all releases show the same
            self.crashing.rollback(death)
        self.crashing.clear_dead_leases()
        if committed_run_ids(self.crashing.tables) != before:
            self.twin.rollback()

    @invariant()
    def store_is_consistent(self) -> None:
        assert_store_consistent(self.crashing.store, self.crashing.tables)
        assert self.poller.missing_objects == []

    def _edit(self, edits: list[Edit]) -> None:
        for edit in edits:
            edit(self)

    def _compare(self, report: JsonObject, scope: Scope) -> None:
        expected = self.twin.refresh(scope=scope)
        assert report["held"] == expected["held"]
        if report["held"]:
            self.held = HeldBatches(report["run_id"], expected["run_id"], report["held"])
        assert_slots_accounted_for(report)
        self._compare_stores()

    def _compare_stores(self) -> None:
        assert published_slots(self.crashing.tables) == published_slots(self.twin.tables)
        assert recorded_outcomes(self.crashing.tables) == recorded_outcomes(self.twin.tables)

    def _release(self, death: FaultInjector | None) -> None:
        """Let the held batch go; a person whose store died gives the command once more."""
        held, self.held = self.held, None
        if held is None or not all(
            runs.is_run_open(world.store, runs.load_run(world.store, run_id))
            for world, run_id in ((self.crashing, held.live), (self.twin, held.twin))
        ):
            return  # a newer run has taken its place
        with suppress(InjectedFault):
            self.crashing.release(held.live, held.checks, death)
        self.crashing.clear_dead_leases()
        with suppress(OptionError):  # it was closed before it died
            self.crashing.release(held.live, held.checks)
        self.twin.release(held.twin, held.checks)
        self._compare_stores()


def assert_store_survives_crashes(
    new_store_url: StoreUrlFactory, examples: int, steps: int, *, derandomize: bool
) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=derandomize,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
        print_blob=True,
    )
    run_state_machine_as_test(partial(CrashStateMachine, new_store_url), settings=profile)


@pytest.mark.slow
def test_a_shop_whose_store_dies_at_any_time_shows_what_it_would_have_shown(new_store_url: StoreUrlFactory) -> None:
    assert_store_survives_crashes(new_store_url, 6, 6, derandomize=True)


@pytest.mark.long(seconds=110)
@pytest.mark.timeout(3000)
@ON_LOCAL_AND_LONG_S3_STORES
def test_a_shop_whose_store_dies_at_any_time_shows_what_it_would_have_shown_for_months(
    new_store_url: StoreUrlFactory,
) -> None:
    # The same examples every time: a landing must not hang on luck. To explore, use larger numbers, not derandomized.
    # In a bucket, where a night takes many times as long, there are fewer days of the same kinds.
    in_a_bucket = new_store_url(Path()).startswith("s3:")
    assert_store_survives_crashes(new_store_url, 6 if in_a_bucket else 20, 6 if in_a_bucket else 10, derandomize=True)
