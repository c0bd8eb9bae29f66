"""Recorded slots: what a run has kept of a waiting slot is found by its outcome, or it is said that it is gone."""

import pyarrow as pa

from catalogs import layout
from catalogs.table_schemas import WITHDRAWALS
from infra.stores.parquet_objects import write_table
from tasks.reviews.recorded_slots import read_recorded_slots
from tests.fixtures.waiting_shop import WaitingShop


def test_slot_request_and_attempts_are_those_of_the_run_that_judged_it(shop: WaitingShop) -> None:
    outcome = shop.outcomes()["bag-1"]
    run = read_recorded_slots(shop.store, [outcome]).run_of(outcome)
    assert run is not None
    key = (outcome["request_key"], outcome["finish_digest"])
    assert run.slots[outcome["slot_id"]]["sku"] == "bag-1"
    assert "Evening Bag 1" in run.requests[key]["prompt"]
    assert [row["image_key"] for row in run.records[key]] == [outcome["image_key"]]
    assert run.recipe.catalogue == "world"
    assert len(run.slots) == len(run.requests) == 1  # of the run's other slots nothing is kept in memory


def test_a_run_whose_folder_is_gone_has_nothing(shop: WaitingShop) -> None:
    outcome = shop.outcomes()["bag-1"]
    shop.store.delete([info.key for info in shop.store.list(layout.RunFiles(outcome["run_id"]).prefix)])
    assert read_recorded_slots(shop.store, [outcome]).run_of(outcome) is None


def test_an_outcome_of_another_request_than_the_run_judged_has_nothing(shop: WaitingShop) -> None:
    outcome = {**shop.outcomes()["bag-1"], "request_key": b"?" * 32}
    assert read_recorded_slots(shop.store, [outcome]).run_of(outcome) is None


def test_of_an_image_that_a_policy_withdrew_the_run_that_measured_it_is_read(shop: WaitingShop) -> None:
    outcome = shop.outcomes()["bag-1"]
    row = dict.fromkeys(WITHDRAWALS.names) | {"slot_id": outcome["slot_id"], "run_id": outcome["run_id"]}
    withdrawals = pa.Table.from_pylist([row], WITHDRAWALS)
    write_table(shop.store, layout.RunFiles("of-the-policy").withdrawals, withdrawals)
    withdrawn = {**outcome, "run_id": "of-the-policy"}
    run = read_recorded_slots(shop.store, [withdrawn]).run_of(withdrawn)
    assert run is not None
    assert run.run_id == outcome["run_id"]
