"""A held batch goes on while people accept its images, and is planned anew for whatever else they say."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.answers.answer import ImageTarget
from catalogs.table_schemas import DECISIONS
from infra.stores.parquet_objects import write_table
from tasks.runs import run_state as runs
from tasks.runs.held_answers import only_accepts_held_images
from tasks.runs.held_releases import accept_checks
from tests.fixtures.answered_images import ACCEPT, REFUSE, RETRY, answer, image_in, readmission, undo
from tests.fixtures.run_rows import RUN_ID, decision_row
from tests.fixtures.store_scenarios import StoreScenario

CUP, JUG = decision_row("cup/front", "cup"), decision_row("jug/front", "jug")
POT = decision_row("pot/front", "pot", "review")


@pytest.fixture
def shop(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.write_run_folder(RUN_ID, is_open=True)
    write_table(shop.store, layout.RunFiles(RUN_ID).batch, pa.Table.from_pylist([CUP, JUG, POT], DECISIONS))
    return shop


def goes_on(shop: StoreScenario, since: str = "", *, is_held: bool = True) -> bool:
    run = runs.load_run(shop.store, RUN_ID)
    if is_held:
        runs.hold_run(shop.store, run, ["look-before-live"], [])
    return only_accepts_held_images(shop.store, run, since)


def test_accepted_images_of_the_batch_let_it_go_on_and_a_run_that_nobody_holds_is_none(shop: StoreScenario) -> None:
    for row in (CUP, JUG):
        answer(shop.store, image_in(row), ACCEPT)
    assert not goes_on(shop, is_held=False)
    assert goes_on(shop)


@pytest.mark.parametrize(
    "say",
    [
        lambda store: answer(store, image_in(JUG), REFUSE, reason="colour"),
        lambda store: answer(store, image_in(JUG), RETRY),
        lambda store: undo(store, answer(store, image_in(JUG), ACCEPT)),
        lambda store: readmission(store, "jug"),
        lambda store: answer(store, image_in(POT), ACCEPT),
        lambda store: answer(store, image_in(JUG, pixel_sha=b"others"), ACCEPT),
        lambda store: answer(store, ImageTarget(JUG["request_key"]), ACCEPT),
    ],
    ids=["refused", "another attempt", "undone", "readmitted", "of what waits", "other pixels", "a prompt"],
)
def test_any_other_word_asks_for_a_new_plan_unless_the_old_one_knew_it(
    shop: StoreScenario, say: Callable[..., object]
) -> None:
    answer(shop.store, image_in(CUP), ACCEPT)
    say(shop.store)
    assert not goes_on(shop)
    assert goes_on(shop, since="9"), "no answer is later"


def test_what_no_plan_takes_changes_nothing(shop: StoreScenario) -> None:
    accept_checks(shop.store, runs.load_run(shop.store, RUN_ID), ["rejected-share"], "seen", "ada")
    assert goes_on(shop)
