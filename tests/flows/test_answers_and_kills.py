"""An answer outlives the process that takes it: real ones, really killed at each moment between key and release."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from infra.settings import Settings
from tasks.answers.answer_log import read_answers, write_answer
from tests.fixtures.crash_harness import (
    CATALOGUE,
    CrashHarness,
    assert_store_consistent,
    catalogue_row,
    plain_rows,
    published_slots,
)
from tests.flows.killable_refresh import write_description
from tests.flows.test_process_kills import KillableProcess, end, start_refresh, there

IMAGES = 6


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[CrashHarness]:
    """A shop with six blocked images, of which a person accepted five and refused one."""
    rows = [catalogue_row(f"bag-{number}", f"Evening Bag {number}", note="[blurred]") for number in range(IMAGES)]
    made = CrashHarness(tmp_path / "shop", [*rows, *plain_rows(2)], settings=Settings(shard_size=4, in_flight=2))
    made.recipe["tiers"]["standard"]["attempts"] = 1
    made.refresh()
    after = ""
    for row in made.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist():
        image = ImageTarget(
            row["request_key"], row["image_key"], row["finish_digest"], row["pixel_sha"], sku=row["sku"]
        )
        kind, reason = (AnswerKind.REFUSE, "colour") if row["sku"] == "bag-5" else (AnswerKind.ACCEPT, "")
        given = Answer(kind, "anna", made.store.now(), image=image, reason=reason)
        after = write_answer(made.store, CATALOGUE, given, after=after).token
    yield made
    end(made.folder)


def start_apply(shop: CrashHarness) -> KillableProcess:
    write_description(shop)
    return KillableProcess(shop, [sys.executable, "-m", "tests.flows.killable_apply", str(shop.folder)])


def count_of(shop: CrashHarness, prefix: str) -> int:
    return sum(1 for _ in shop.store.list(prefix))


Moment = Callable[[CrashHarness], Callable[[], bool]]
MOMENTS: dict[str, Moment] = {
    "it is open": lambda shop: there(shop, f"open/{CATALOGUE}"),
    "some is published": lambda shop: there(
        shop, f"published/{CATALOGUE}", count_of(shop, f"published/{CATALOGUE}/") + 2
    ),
    "it is released": lambda shop: there(
        shop, f"manifest/{CATALOGUE}/_delta_log", count_of(shop, f"manifest/{CATALOGUE}/_delta_log/") + 1
    ),
    "outcomes are recorded": lambda shop: there(
        shop, f"outcomes/{CATALOGUE}/_delta_log", count_of(shop, f"outcomes/{CATALOGUE}/_delta_log/") + 1
    ),
}


def kill_at(victim: KillableProcess, moment: Callable[[], bool]) -> bool:
    """Kill a process at a moment; False where it came to its end before."""
    if not victim.wait_until(moment):
        victim.report(0, 1)
        return False
    time.sleep(0.02)
    return victim.send_signal(signal.SIGKILL, group=True) == -signal.SIGKILL


def assert_taken_once(shop: CrashHarness, answers: list[Answer]) -> None:
    """Check that every answer is there and was taken by one release, and that nothing was generated for it."""
    assert read_answers(shop.store, CATALOGUE) == answers
    shown = {name.split("/")[0] for name in published_slots(shop.tables)}
    assert shown == {"plain-00", "plain-01", *(f"bag-{number}" for number in range(5))}
    (refused,) = shop.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist()
    assert (refused["sku"], refused["reasons"]) == ("bag-5", ["person.colour"])
    history = shop.tables.history(layout.manifest_table(CATALOGUE))
    releases = [commit for commit in history if commit.metadata.get("kind") == "release" and commit.changes_data]
    assert len(releases) == 2
    assert_store_consistent(shop.store, shop.tables)
    assert list(shop.store.list(layout.open_runs_prefix())) == []


STARTS: dict[str, Callable[[CrashHarness], KillableProcess]] = {"apply": start_apply, "refresh": start_refresh}


@pytest.mark.parametrize(
    ("start", "moment"),
    [
        pytest.param(
            start,
            moment,
            id=f"{name}: {moment}",
            marks=pytest.mark.slow if (name, moment) == ("apply", "it is released") else pytest.mark.long(seconds=30),
        )
        for name, start in STARTS.items()
        for moment in MOMENTS
    ],
)
def test_a_process_that_is_killed_with_an_answer_in_hand_loses_and_doubles_nothing(
    shop: CrashHarness, start: Callable[[CrashHarness], KillableProcess], moment: str
) -> None:
    answers: Any = read_answers(shop.store, CATALOGUE)
    painted = shop.generated.copy()
    killed = kill_at(start(shop), MOMENTS[moment](shop))
    start(shop).report(0, 1)
    assert killed or moment == "outcomes are recorded", "the moment passed unseen"
    assert_taken_once(shop, answers)
    assert shop.generated == painted
