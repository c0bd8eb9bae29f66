"""A store that dies at any moment costs a moment: the release ends as if nobody had died.

Every death here happens inside a living process, so the dead run's leases are taken away by hand (`World.bury`); real
kills, where the next process sees by itself that the holder is dead, are in `test_kills.py`.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import tasks.pipeline.audit
from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.audit_suite import AuditSuite, built_in_audit_suite
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import Scope
from flows.run.observers import NullObserver
from infra.errors import LeaseHeld
from infra.stores.parquet_objects import read_row_groups
from infra.testing.faulty_store import FaultInjector, InjectedFault
from tasks.runs import run_state as runs
from tests.fixtures.crash_harness import (
    CATALOGUE,
    REDONE_A_KILL,
    Content,
    Reader,
    World,
    assert_sums,
    assert_whole,
    awkward_rows,
    committed_runs,
    plain_rows,
    refused,
    released,
    row,
)
from tests.flows.conftest import ON_DISK_AND_IN_A_BUCKET, NewStore

When = Literal["before", "after"]
WHENS: tuple[When, When] = ("before", "after")

STEPS = {"file": 12, "s3": 704}
"""From one death to the next: four tests share one in 3 operations on a disk, and one in 176 of them in a bucket, where
a night takes many times as long. Every kind of operation has its moment below, in both."""


class DeathAtWord(FaultInjector):
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


@pytest.fixture(autouse=True, scope="module")
def short_audit() -> Iterator[None]:
    """Audit by the checks that tell worlds apart: the whole suite has tests of its own, and takes longer than a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.pipeline.audit, "built_in_audit_suite", _short)
        yield


@cache
def _short(name: str) -> AuditSuite:
    kept = ("batch-complete", "slots-sum", "rows-sum", "retired-share")
    suite = built_in_audit_suite(name)
    totals = tuple(check for check in suite.totals if check.name in kept)
    assert len(totals) == len(kept)
    return suite.model_copy(update={"slots": (), "published": (), "reasons": (), "totals": totals})


# One death at every moment of one refresh


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world where nobody died."""
    world = small_world(tmp_path_factory.mktemp("undisturbed"))
    world.refresh()
    return world


def small_world(folder: Path, place: str | None = None) -> World:
    """24 slots in shards of 4, with every fate that a slot can have."""
    return World(folder, awkward_rows() + plain_rows(9), shop=place)


def die_and_refresh(world: World, mortality: FaultInjector) -> Content:
    """Refresh until the store dies, then once more in a store that lives.

    It is the same run that goes on, if its plan was whole and nothing was committed.
    """
    with suppress(InjectedFault):
        world.refresh(mortality)
    world.bury()
    opened = [Path(info.key).stem for info in world.store.list(layout.open_runs_prefix(CATALOGUE))]
    committed = [commit.metadata.get("token") for commit in world.tables.history(layout.manifest_table(CATALOGUE))]
    goes_on = [run for run in opened if world.store.exists(layout.run_file(run, "plan.json")) and run not in committed]
    report = world.refresh()
    assert goes_on in ([], [report["run_id"]])
    return report


def assert_as(world: World, undisturbed: World, report: Content, deaths: int = 1) -> None:
    assert released(world.tables) == released(undisturbed.tables)
    nights = len(committed_runs(world.tables))
    # Killed after its commit, a run is a night; the command given again is the next, which tries failed ones again.
    spent = {key: (state, attempts + (nights - 1) * (state == "failed"), *rest)
             for key, (state, attempts, *rest) in refused(undisturbed.tables).items()}  # fmt: skip
    assert refused(world.tables) == spent
    assert_sums(report)
    assert_whole(world.store, world.tables)
    assert list(world.store.list(layout.open_runs_prefix())) == []
    assert set(world.painted) == set(undisturbed.painted)
    assert world.redone <= deaths * REDONE_A_KILL


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


@pytest.mark.parametrize(("word", "nth"), MOMENTS, ids=lambda value: str(value))
@ON_DISK_AND_IN_A_BUCKET
def test_a_store_that_dies_in_one_of_a_refreshs_moments_costs_that_moment(
    tmp_path: Path, new_store: NewStore, undisturbed: World, word: str, nth: int
) -> None:
    # Both sides of every commit; elsewhere they take turns.
    turns = WHENS if "merge" in word else (WHENS[nth % 2],)
    for when in turns:
        folder = tmp_path / when
        world, mortality = small_world(folder, new_store(folder)), DeathAtWord(word, when, nth)
        report = die_and_refresh(world, mortality)
        assert mortality.has_failed, f"no operation {nth} of {word!r}"
        assert_as(world, undisturbed, report)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("remainder", range(4))
@ON_DISK_AND_IN_A_BUCKET
def test_a_store_that_dies_at_any_operation_costs_that_operation(
    tmp_path: Path, new_store: NewStore, undisturbed: World, when: When, remainder: int
) -> None:
    number, died = remainder + 1, True
    while died:
        folder = tmp_path / str(number)
        world, mortality = small_world(folder, new_store(folder)), FaultInjector(number, when)
        report = die_and_refresh(world, mortality)
        assert_as(world, undisturbed, report)
        died = mortality.has_failed
        shutil.rmtree(world.folder)
        number += STEPS[world.url.partition(":")[0]]
    assert number > 250


@ON_DISK_AND_IN_A_BUCKET
def test_ten_deaths_in_a_row_still_end_in_the_same_release(
    tmp_path: Path, new_store: NewStore, undisturbed: World
) -> None:
    world = small_world(tmp_path / "world", new_store(tmp_path))
    for number in range(20, 220, 20):
        with suppress(InjectedFault):
            world.refresh(FaultInjector(number, WHENS[number // 20 % 2]))
        world.bury()
    assert_as(world, undisturbed, world.refresh(), deaths=10)


@ON_DISK_AND_IN_A_BUCKET
def test_a_store_that_is_away_stops_the_painting_at_once(tmp_path: Path, new_store: NewStore) -> None:
    world = World(tmp_path / "world", plain_rows(120), shop=new_store(tmp_path))
    world.settings = world.settings.model_copy(update={"shard_size": 128})
    with pytest.raises(InjectedFault):
        world.refresh(DeathAtWord("write staging", "before", 5))
    assert len(world.painted) <= 5 + REDONE_A_KILL


class CtrlC(NullObserver):
    """Somebody who interrupts the run when its first shard is done."""

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:  # noqa: ARG002
        """Interrupt."""
        raise KeyboardInterrupt


@ON_DISK_AND_IN_A_BUCKET
def test_an_interrupted_run_decides_on_nothing_that_it_did_not_measure(tmp_path: Path, new_store: NewStore) -> None:
    world = World(tmp_path / "world", plain_rows(90), processes=True, shop=new_store(tmp_path))
    world.settings = world.settings.model_copy(update={"shard_size": 16, "in_flight": 6, "screeners": 1})
    with pytest.raises(KeyboardInterrupt):
        world.refresh(watch=CtrlC())
    (run,) = [Path(info.key).stem for info in world.store.list(layout.open_runs_prefix(CATALOGUE))]
    for record in read_row_groups(world.store, layout.run_records_prefix(run)):
        assert record["reasons"].to_pylist() == [[]] * record.num_rows
    assert len(list(world.store.list(layout.run_records_prefix(run)))) < 8
    report = world.refresh()
    assert (report["run_id"], report["slots"]["published"], report["slots"]["review"]) == (run, 120, 0)


# A recipe that is edited between a kill and the resume


@ON_DISK_AND_IN_A_BUCKET
def test_an_edited_recipe_supersedes_the_killed_run_and_keeps_its_pictures(tmp_path: Path, new_store: NewStore) -> None:
    world = World(tmp_path / "world", plain_rows(24), shop=new_store(tmp_path))
    with suppress(InjectedFault):
        world.refresh(DeathAtWord("batch.parquet", "before", 2))
    world.bury()
    before = dict(world.painted)
    (killed,) = [info.key for info in world.store.list(layout.open_runs_prefix(CATALOGUE))]
    world.recipe["categories"]["mugs"]["template"] = "Photograph of the great mug {{ title }}, {{ phrase }}"
    report = world.refresh()
    mugs = [each for each in world.rows if each["category"] == "mugs"]
    assert len(before) == report["slots"]["published"] == 32
    assert (report["images"]["reused"], report["images"]["generated"]) == (32 - len(mugs), len(mugs))
    assert world.redone == 0
    closed = json.loads(world.store.read(layout.run_file(Path(killed).stem, "closed.json")))
    assert closed["state"] == "superseded"
    assert Path(killed).stem not in committed_runs(world.tables)
    assert list(world.store.list(layout.open_runs_prefix(CATALOGUE))) == []
    twin = World(tmp_path / "twin", world.rows, world.recipe)
    twin.refresh()
    assert released(world.tables) == released(twin.tables)


@ON_DISK_AND_IN_A_BUCKET
def test_a_release_that_moved_between_a_kill_and_the_resume_is_planned_anew(
    tmp_path: Path, new_store: NewStore
) -> None:
    live = World(tmp_path / "live", plain_rows(6), shop=new_store(tmp_path))
    worlds = live, twin = live, World(tmp_path / "twin", plain_rows(6))
    for title in ("Oxford Shirt", "Camp Shirt"):
        for world in worlds:
            world.rows[0]["title"] = title
            world.refresh()
    for world in worlds:
        world.rows[0]["title"] = "Sailor Shirt"
    with suppress(InjectedFault):
        live.refresh(DeathAtWord("merge into manifest", "before"))
    live.bury()
    for world in worlds:
        world.rollback()
    reports = [world.refresh() for world in worlds]
    # The killed run was planned against the Camp Shirt, which is no longer what the shop shows.
    assert [report["slots"]["published"] for report in reports] == [1, 1]
    assert [report["slots"]["superseded"] for report in reports] == [0, 0]
    assert reports[0]["images"]["generated"] == 0
    assert released(live.tables) == released(twin.tables)


@ON_DISK_AND_IN_A_BUCKET
def test_nothing_of_a_plan_that_was_never_whole_is_taken_for_the_next_one(tmp_path: Path, new_store: NewStore) -> None:
    world = World(tmp_path / "world", plain_rows(6), shop=new_store(tmp_path))
    with suppress(InjectedFault):
        world.refresh(DeathAtWord("plan.json", "before", 2))
    world.bury()
    world.refresh(scope="partial")
    report = world.refresh()
    assert (report["slots"]["unchanged"], report["slots"]["superseded"], report["images"]["attempts"]) == (8, 0, 0)
    assert_sums(report)


# Two at once


class Meanwhile(NullObserver):
    """Lets something else happen while a run is between its plan and its commit."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens: list[Callable[[], None]] = [happens]

    def on_stage(self, name: str) -> None:
        """Let it happen, once, before the batch is decided."""
        if name == "decide" and self._happens:
            self._happens.pop()()


@ON_DISK_AND_IN_A_BUCKET
def test_a_partial_run_beside_a_full_one_keeps_its_pictures_and_a_second_full_one_is_refused(
    tmp_path: Path, new_store: NewStore
) -> None:
    world = small_world(tmp_path / "world", new_store(tmp_path))
    other = World(tmp_path / "other", world.rows, shop=world.url)
    moved = [each | {"title": f"{each['title']} in red"} for each in world.rows[-3:]]
    beside = World(tmp_path / "beside", [*moved, row("extra", "Extra Thing")], shop=other.shop)
    reports: list[Content] = []
    shown: dict[str, tuple[object, ...]] = {}

    def happens() -> None:
        reports.append(beside.refresh(scope="partial"))
        shown.update(released(beside.tables))
        with pytest.raises(LeaseHeld, match=f"'full run of {CATALOGUE}' \\(process {os.getpid()} on "):
            other.refresh(wait=False)

    behind = world.refresh(watch=Meanwhile(happens))
    (report,) = reports
    assert (report["slots"]["published"], report["slots"]["superseded"]) == (5, 0)
    assert (behind["slots"]["superseded"], behind["slots"]["published"]) == (4, 13)
    assert_sums(behind)
    now = released(world.tables)
    assert len(now) == 18
    assert {slot: now[slot] for slot in shown} == shown
    after = world.refresh()
    assert (after["slots"]["changed"], after["slots"]["retired"], after["held"]) == (4, 1, ["retired-share"])
    assert_whole(world.store, world.tables)


# Everything at once


TITLES = ("Oxford Shirt", "Camp Shirt", "Yoga Ball", "Chelsea Boot", "Bread Box", "Toy Revolver", "Naked Flame Candle")
NOTES = ("", "", "[second-try]", "[blank]", "[copycat]", "[blurred]", "[poison]")
VIEWS = ("", "front", "front;side", "front;side;back")
TEMPLATES = ("Photograph of {{ title }}, {{ phrase }} {{ note }}", "A picture of {{ title }}, {{ phrase }} {{ note }}")
MUGS = ("Photograph of the mug {{ title }}, {{ phrase }} {{ note }}", "A mug, {{ title }}, {{ phrase }} {{ note }}")

Edit = Callable[["Shop"], None]


def retitle(place: int, title: str) -> Edit:
    return lambda shop: shop.row(place).update(title=title)


def annotate(place: int, note: str) -> Edit:
    return lambda shop: shop.row(place).update(note=note)


def choose_views(place: int, views: str) -> Edit:
    return lambda shop: shop.row(place).update(views=views)


def add(title: str, category: str) -> Edit:
    return lambda shop: shop.rows.append(row(f"added-{len(shop.rows)}-{title}", title, category))


def drop(place: int) -> Edit:
    return lambda shop: shop.rows.remove(shop.row(place)) if len(shop.rows) > 3 else None


def change_templates(default: str, mugs: str) -> Edit:
    def edit(shop: "Shop") -> None:
        shop.recipe["defaults"]["template"] = default
        shop.recipe["categories"]["mugs"]["template"] = mugs

    return edit


def change_finish(quality: int) -> Edit:
    return lambda shop: shop.recipe.update(finish={"quality": quality})


def change_policy(word: Literal["BLOCK", "REVIEW"]) -> Edit:
    def edit(shop: "Shop") -> None:
        policy = built_in_policy()
        duplicates = policy.duplicates.model_copy(update={"exact_other_sku": word})
        shop.live.policy = shop.twin.policy = policy.model_copy(update={"duplicates": duplicates})

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
deaths = st.builds(FaultInjector, st.integers(1, 160), st.sampled_from(WHENS)) | st.builds(
    DeathAtWord, st.sampled_from([word for word, _ in MOMENTS]), st.sampled_from(WHENS), st.integers(1, 4)
)
scopes = st.sampled_from(["full", "full", "partial"])


@dataclass
class Held:
    """A batch that waits for a person, in both worlds."""

    live: str
    twin: str
    checks: list[str]


class Shop(RuleBasedStateMachine):
    """A shop whose store dies now and then, beside a twin that lives through the same days and never dies."""

    def __init__(self, new_store: NewStore) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="packshot-crashes-"))
        self.rows = [*awkward_rows()[:1], row("copied", "Twin Bag", "bags", "[copycat]"), *plain_rows(4)]
        self.live = World(self.folder / "live", self.rows, shop=new_store(self.folder))
        self.twin = World(self.folder / "twin", self.rows)
        self.recipe = self.twin.recipe = self.live.recipe
        self.held: Held | None = None
        self.reader = Reader(self.live.url, pause=0.01)
        self.reader.__enter__()

    def teardown(self) -> None:
        self.reader.__exit__()
        history = self.twin.tables.history(layout.manifest_table(CATALOGUE))
        self.reader.assert_saw_only([released(self.twin.tables, commit.version) for commit in history])
        shutil.rmtree(self.folder)

    def row(self, place: int) -> dict[str, str]:
        """Return one of the catalogue's rows."""
        return self.rows[place % len(self.rows)]

    @rule(edits=edits, death=deaths, scope=scopes)
    def die_in_a_night(self, edits: list[Edit], death: FaultInjector, scope: Scope) -> None:
        self._edit(edits)
        before = committed_runs(self.live.tables)
        try:
            report = self.live.refresh(death, scope)
        except InjectedFault:
            self.live.bury()
            if committed_runs(self.live.tables) != before:
                self.twin.refresh(scope=scope)  # it died after its commit: that night has been
            return
        self.live.bury()  # it may have died giving its leases back
        self._compare(report, scope)

    @rule(edits=edits, let_go=st.booleans(), scope=scopes)
    def live_through_a_night(self, edits: list[Edit], let_go: bool, scope: Scope) -> None:
        self._edit(edits)
        self._compare(self.live.refresh(scope=scope), scope)
        if let_go and self.held:
            self._release(None)

    @precondition(lambda self: self.held)
    @rule(death=deaths)
    def die_letting_a_batch_go(self, death: FaultInjector) -> None:
        self._release(death)

    @precondition(lambda self: (self.twin.tables.version(layout.manifest_table(CATALOGUE)) or 0) > 1)
    @rule(death=st.none() | deaths)
    def roll_back(self, death: FaultInjector | None) -> None:
        before = committed_runs(self.live.tables)
        with suppress(InjectedFault):
            self.live.rollback(death)
        self.live.bury()
        if committed_runs(self.live.tables) != before:
            self.twin.rollback()

    @invariant()
    def nothing_is_missing_or_doubled(self) -> None:
        assert_whole(self.live.store, self.live.tables)
        assert self.reader.faults == []

    def _edit(self, edits: list[Edit]) -> None:
        for edit in edits:
            edit(self)

    def _compare(self, report: Content, scope: Scope) -> None:
        expected = self.twin.refresh(scope=scope)
        assert report["held"] == expected["held"]
        if report["held"]:
            self.held = Held(report["run_id"], expected["run_id"], report["held"])
        assert_sums(report)
        self._compare_stores()

    def _compare_stores(self) -> None:
        assert released(self.live.tables) == released(self.twin.tables)
        assert refused(self.live.tables) == refused(self.twin.tables)

    def _release(self, death: FaultInjector | None) -> None:
        """Let the held batch go; a person whose store died gives the command once more."""
        held, self.held = self.held, None
        if held is None or not all(
            runs.is_run_open(world.store, runs.load_run(world.store, run_id))
            for world, run_id in ((self.live, held.live), (self.twin, held.twin))
        ):
            return  # a newer run has taken its place
        with suppress(InjectedFault):
            self.live.release(held.live, held.checks, death)
        self.live.bury()
        with suppress(OptionError):  # it was closed before it died
            self.live.release(held.live, held.checks)
        self.twin.release(held.twin, held.checks)
        self._compare_stores()


def assert_the_shop_survives(new_store: NewStore, examples: int, steps: int, *, derandomize: bool) -> None:
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
    run_state_machine_as_test(partial(Shop, new_store), settings=profile)


def test_a_shop_whose_store_dies_at_any_time_shows_what_it_would_have_shown(new_store: NewStore) -> None:
    assert_the_shop_survives(new_store, 6, 6, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@ON_DISK_AND_IN_A_BUCKET
def test_a_shop_whose_store_dies_at_any_time_shows_what_it_would_have_shown_for_months(new_store: NewStore) -> None:
    # The same examples every time: a landing must not hang on luck. To explore, use larger numbers, not derandomized.
    # In a bucket, where a night takes many times as long, there are fewer days of the same kinds.
    in_a_bucket = new_store(Path()).startswith("s3:")
    assert_the_shop_survives(new_store, 6 if in_a_bucket else 20, 6 if in_a_bucket else 10, derandomize=True)
