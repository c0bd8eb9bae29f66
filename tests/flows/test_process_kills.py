"""Real processes, really killed: nothing is lost, nothing is doubled, nobody is left behind."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from catalogs import layout
from infra.errors import LeaseHeld
from infra.settings import Settings
from tests.fixtures.crash_harness import (
    CATALOGUE,
    MAX_REGENERATED_PER_KILL,
    CrashHarness,
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
from tests.fixtures.object_stores import (
    ON_LOCAL_AND_LONG_S3_STORES,
    ON_LOCAL_AND_SLOW_S3_STORES,
    StoreUrlFactory,
    on_local_and_s3_stores,
)
from tests.fixtures.waiting import eventually
from tests.flows.killable_refresh import GENERATED_LOG, write_description
from tests.paths import ROOT

PROCESS_MARKER_VARIABLE = "KILLED_WORLD"
"""An environment variable that every process of a run inherits, however deep and whoever its parent became."""

EXIT_TIMEOUT_SECONDS = 10.0
"""Until everybody must have noticed that the run is dead; each looks twice a second, on a machine that may be busy."""

POLL_SECONDS = 0.01

KILLS_PER_RUN = {"file": 12, "s3": 6}
"""How often one run is killed: half as often in a bucket, where each start takes longer, at the same moments."""


def living_processes(folder: Path) -> list[str]:
    """Return every living process of a world's runs."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get(PROCESS_MARKER_VARIABLE) == str(folder)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


class KillableProcess:
    """One process of a world, in a process group of its own."""

    def __init__(self, harness: CrashHarness, command: list[str], **environment: str) -> None:
        self.folder = harness.folder
        self.errors = self.folder / "errors.txt"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment, PROCESS_MARKER_VARIABLE: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def wait_until(self, moment: Callable[[], bool]) -> bool:
        """Wait for a moment; False where the process ended before it came."""
        while self.process.poll() is None:
            if moment():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def send_signal(self, number: signal.Signals, *, group: bool) -> int:
        """Send a signal to the whole group or to the one process, and return its exit code. Nobody may be left."""
        (os.killpg if group else os.kill)(self.process.pid, number)
        self.process.communicate(timeout=60)
        assert eventually(lambda: not living_processes(self.folder), EXIT_TIMEOUT_SECONDS), living_processes(
            self.folder
        )
        return int(self.process.returncode)

    def report(self, *codes: int) -> JsonObject:
        """Return the report of a run that came to its end."""
        out, _ = self.process.communicate(timeout=300)
        assert self.process.returncode in (codes or (0,)), self.errors.read_text()
        assert eventually(lambda: not living_processes(self.folder), EXIT_TIMEOUT_SECONDS), living_processes(
            self.folder
        )
        report: JsonObject = json.loads(out)
        return report


def start_refresh(harness: CrashHarness, *options: str) -> KillableProcess:
    write_description(harness)
    return KillableProcess(
        harness, [sys.executable, "-m", "tests.flows.killable_refresh", str(harness.folder), *options]
    )


def generated_keys(harness: CrashHarness) -> Counter[str]:
    log = harness.folder / GENERATED_LOG
    return Counter(log.read_text("ascii").split() if log.exists() else [])


def make_harness(store: str, folder: Path, shard_size: int, plain: int, stub_seconds: float) -> CrashHarness:
    settings = Settings(shard_size=shard_size, in_flight=4, stub_seconds=stub_seconds)
    return CrashHarness(folder, plain_rows(plain) + edge_case_rows(), settings=settings, url_override=store)


@pytest.fixture
def harness(tmp_path: Path, new_store_url: StoreUrlFactory) -> Iterator[CrashHarness]:
    """A shop of 20 shards of 5 images."""
    made = make_harness(new_store_url(tmp_path), tmp_path / "shop", 5, 54, 0.03)
    yield made
    end(made.folder)


@pytest.fixture
def large_harness(tmp_path: Path, new_store_url: StoreUrlFactory) -> Iterator[CrashHarness]:
    """A shop of 20 shards of 16 images."""
    made = make_harness(new_store_url(tmp_path), tmp_path / "shop", 16, 225, 0.02)
    yield made
    end(made.folder)


def end(folder: Path) -> None:
    for line in living_processes(folder):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(line.split()[0])).kill()


def there(harness: CrashHarness, place: str, count: int = 1) -> Callable[[], bool]:
    """Return a moment: so many objects below a place in the store."""
    store = harness.store
    return lambda: sum(1 for _ in store.list(f"{place}/")) >= count


def painting(harness: CrashHarness, images: int) -> Callable[[], bool]:
    """Return a moment: so many images more than now have been begun."""
    log, line = harness.folder / GENERATED_LOG, 65
    before = log.stat().st_size if log.exists() else 0
    return lambda: log.exists() and log.stat().st_size >= before + images * line


MOMENTS: dict[str, Callable[[CrashHarness], Callable[[], bool]]] = {
    "it is open": lambda world: there(world, f"open/{CATALOGUE}"),
    "some is planned": lambda world: there(world, "runs", 5),
    "the first are painted": lambda world: painting(world, 10),
    "many are painted": lambda world: painting(world, 40),
    "some are screened": lambda world: there(world, "scores", 60),
    "the last are painted": lambda world: painting(world, 20),
    "objects are published": lambda world: there(world, f"published/{CATALOGUE}", 20),
    "it is released": lambda world: there(world, f"manifest/{CATALOGUE}/_delta_log", 2),
}


def kill_at(harness: CrashHarness, moment: str, delay: float, *, group: bool) -> bool:
    """Start a run and kill it a little after a moment; False where it came to its end before."""
    victim = start_refresh(harness, "--no-wait")
    if not victim.wait_until(MOMENTS[moment](harness)):
        victim.report()
        return False
    time.sleep(delay)
    if victim.process.poll() is not None:
        victim.report()
        return False
    assert victim.send_signal(signal.SIGKILL, group=group) == -signal.SIGKILL
    return True


def assert_as_undisturbed(
    harness: CrashHarness, twin: CrashHarness, report: JsonObject, kills: int, reader: ManifestPoller
) -> None:
    """Compare what came of a killed run with a world where nobody died."""
    for _ in committed_run_ids(harness.tables):
        twin.refresh()  # a run that was killed after its commit was a night, and the next command another one
    assert published_slots(harness.tables) == published_slots(twin.tables)
    assert recorded_outcomes(harness.tables) == recorded_outcomes(twin.tables)
    assert_slots_accounted_for(report)
    assert_store_consistent(harness.store, harness.tables)
    counts = generated_keys(harness)
    assert set(counts) == set(twin.generated)
    assert counts.total() - len(counts) <= kills * MAX_REGENERATED_PER_KILL
    assert list(harness.store.list(layout.open_runs_prefix())) == []
    reader.assert_saw_only_whole_releases([published_slots(twin.tables)])


def undisturbed(harness: CrashHarness, folder: Path) -> CrashHarness:
    """Return a world with the same catalogue in which images cost no time."""
    return CrashHarness(folder, harness.rows, harness.recipe, settings=Settings(shard_size=harness.settings.shard_size))


@pytest.mark.slow
@on_local_and_s3_stores(pytest.mark.long(seconds=60))
def test_a_run_that_is_killed_four_times_ends_as_an_undisturbed_one(harness: CrashHarness, tmp_path: Path) -> None:
    moments = ("some is planned", "many are painted", "the last are painted", "it is released")
    chance = random.Random(20261122)
    with ManifestPoller(harness.url, poll_seconds=0.05) as reader:
        killed = [
            kill_at(harness, moment, chance.uniform(0, 0.2), group=bool(number % 2))
            for number, moment in enumerate(moments)
        ]
        report = start_refresh(harness, "--no-wait").report()
    assert sum(killed) >= 3, f"the moments passed unseen: {killed}"
    assert_as_undisturbed(harness, undisturbed(harness, tmp_path / "twin"), report, sum(killed), reader)


@pytest.mark.long(seconds=100)
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2])
@ON_LOCAL_AND_LONG_S3_STORES
def test_a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(
    large_harness: CrashHarness, tmp_path: Path, seed: int
) -> None:
    chance, kills, names = random.Random(seed), 0, list(MOMENTS)
    count = KILLS_PER_RUN[large_harness.url.partition(":")[0]]
    with ManifestPoller(large_harness.url) as reader:
        for number in range(count):
            # Work goes on from kill to kill: moments near the end, drawn early, would leave nothing to kill.
            moment = chance.choice(names[6:] if number >= 0.7 * count else names[:6])
            kills += kill_at(large_harness, moment, chance.uniform(0, 0.4), group=chance.random() < 0.5)
        report = start_refresh(large_harness, "--no-wait").report()
    assert kills >= count / 2
    assert_as_undisturbed(large_harness, undisturbed(large_harness, tmp_path / "twin"), report, kills, reader)


# Several at once


@pytest.mark.slow
@ON_LOCAL_AND_LONG_S3_STORES
def test_processes_side_by_side_wait_or_are_refused_or_let_each_others_pictures_be(
    harness: CrashHarness, tmp_path: Path
) -> None:
    partial, other = (
        CrashHarness(tmp_path / name, harness.rows, url_override=harness.url) for name in ("partial", "other")
    )
    moved = [each | {"title": f"{each['title']} in red"} for each in harness.rows[:6]]
    partial.rows = [*moved, *[catalogue_row(f"extra-{number}", f"Extra Thing {number}") for number in range(3)]]
    first = start_refresh(harness)
    assert first.wait_until(painting(harness, 1))
    first.process.send_signal(signal.SIGSTOP)  # so that the others come between its plan and its commit
    try:
        # A partial run needs no leave; a full one is told who has it, or waits for it.
        beside = partial.refresh(scope="partial")
        with pytest.raises(LeaseHeld, match=rf"'full run of {CATALOGUE}' \(process {first.process.pid} on "):
            other.refresh(wait=False)
    finally:
        first.process.send_signal(signal.SIGCONT)
    assert (beside["slots"]["published"], beside["slots"]["superseded"]) == (11, 0)
    after = other.refresh()
    behind = first.report()
    assert_slots_accounted_for(behind)
    assert behind["slots"]["superseded"] == 8
    assert_slots_accounted_for(after)
    assert (after["slots"]["changed"], after["slots"]["retired"]) == (8, 3)
    assert_store_consistent(harness.store, harness.tables)
    twin = undisturbed(harness, tmp_path / "twin")
    twin.refresh()
    assert published_slots(harness.tables) == published_slots(twin.tables)


@pytest.mark.slow
@ON_LOCAL_AND_LONG_S3_STORES
def test_a_run_that_slept_past_its_lease_finds_out_and_lets_be(harness: CrashHarness, tmp_path: Path) -> None:
    harness.settings = harness.settings.model_copy(update={"lease_seconds": 2.0})
    first = start_refresh(harness)
    assert first.wait_until(painting(harness, 1))
    first.process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    (slept,) = [Path(info.key).stem for info in harness.store.list(layout.open_runs_prefix(CATALOGUE))]
    before = generated_keys(harness).total()
    successor = CrashHarness(
        tmp_path / "successor", harness.rows, url_override=harness.url, settings=Settings(shard_size=5)
    )
    successor.recipe["defaults"]["template"] = "A picture of {{ title }}, {{ phrase }} {{ note }}"
    report = successor.refresh(wait=False)
    first.process.send_signal(signal.SIGCONT)
    first.process.communicate(timeout=120)
    assert first.process.returncode == 1
    assert "was taken over by" in first.errors.read_text()
    in_hand = harness.settings.in_flight * harness.settings.shard_size
    assert generated_keys(harness).total() - before <= in_hand, "it painted on, for nobody"
    assert slept not in committed_run_ids(harness.tables)
    assert_slots_accounted_for(report)
    assert_store_consistent(harness.store, harness.tables)
    twin = undisturbed(harness, tmp_path / "twin")
    twin.recipe = successor.recipe
    twin.refresh()
    assert published_slots(harness.tables) == published_slots(twin.tables)
    assert recorded_outcomes(harness.tables) == recorded_outcomes(twin.tables)


# The command itself, with Prefect


def command(harness: CrashHarness, *options: str) -> KillableProcess:
    """Start `packshot refresh` on a world's catalogue."""
    recipe = harness.folder / "recipe.json"
    source = harness.job().source
    recipe.write_text(json.dumps(harness.recipe), "utf-8")
    program = [sys.executable, "-c", "from flows.cli import main; main()", "refresh", source, "--store", harness.url]
    settings = {"PACKSHOT_SHARD_SIZE": "5", "PACKSHOT_STUB_SECONDS": "0.05"}
    return KillableProcess(harness, [*program, "--recipe", str(recipe), "--json", *options], **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new_store_url", "group"),
    [
        pytest.param("disk", True, id="disk-group"),
        pytest.param("disk", False, id="disk-process", marks=pytest.mark.long(seconds=25)),
        # Who is told to end has nothing to do with where the store is.
        pytest.param("s3", True, id="s3-group", marks=pytest.mark.long(seconds=40)),
    ],
    indirect=["new_store_url"],
)
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["SIGINT", "SIGTERM", "SIGKILL"],
)
def test_a_command_that_is_ended_leaves_nobody_behind_and_the_next_goes_on_at_once(
    harness: CrashHarness, tmp_path: Path, number: signal.Signals, code: int, group: bool
) -> None:
    first = command(harness)
    assert first.wait_until(there(harness, "staging", 40))
    assert first.send_signal(number, group=group) == code
    (opened,) = [Path(info.key).stem for info in harness.store.list(layout.open_runs_prefix(CATALOGUE))]
    report = command(harness, "--no-wait").report(1)  # 1: a slot has failed, the poisoned one
    assert report["run_id"] == opened
    twin = undisturbed(harness, tmp_path / "twin")
    twin.refresh()
    assert published_slots(harness.tables) == published_slots(twin.tables)
    assert recorded_outcomes(harness.tables) == recorded_outcomes(twin.tables)
    assert_slots_accounted_for(report)
    assert_store_consistent(harness.store, harness.tables)


@pytest.mark.slow
@ON_LOCAL_AND_SLOW_S3_STORES
def test_a_second_command_that_may_not_wait_is_told_who_holds_the_catalogue(
    harness: CrashHarness, tmp_path: Path
) -> None:
    first = command(harness)
    assert first.wait_until(there(harness, "staging", 10))
    first.process.send_signal(signal.SIGSTOP)
    other = CrashHarness(tmp_path / "other", harness.rows, url_override=harness.url)
    second = command(other, "--no-wait")
    second.process.communicate(timeout=120)
    assert second.process.returncode == 3
    said = second.errors.read_text()
    assert f"'full run of {CATALOGUE}' (process {first.process.pid} on " in said
    assert "Traceback" not in said
    assert first.send_signal(signal.SIGKILL, group=True) == -signal.SIGKILL
