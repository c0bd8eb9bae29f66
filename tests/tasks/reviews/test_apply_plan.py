"""Apply plan: its files are those of a refresh, judged by the policy in force, and ask for no engine."""

from dataclasses import replace

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.table_schemas import RECORDS, REQUESTS, SLOTS
from infra.stores.parquet_objects import read_table
from tasks.pipeline.stored_plan import load_plan
from tasks.reviews.apply_plan import write_apply_plan
from tasks.reviews.apply_selection import select_answered
from tests.fixtures.night_harness import CATALOGUE
from tests.fixtures.waiting_shop import ACCEPT, REFUSE, WaitingShop


def test_its_files_are_those_of_a_plan_whose_every_attempt_is_made(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.say(REFUSE, "bag-1", reason="colour")
    selection = select_answered(shop.store, shop.tables, CATALOGUE)
    plan = write_apply_plan(shop.store, "the-run", selection, shop.policy)
    assert load_plan(shop.store, "the-run") == plan
    assert (plan.images, plan.shards, plan.slots.decided_anew, plan.slots.requests) == (0, [], 2, 2)
    assert plan.answers == {"accepted": 1, "refused": 1}
    files = layout.RunFiles("the-run")
    slots = read_table(shop.store, files.slots, SLOTS).to_pylist()
    assert {(row["sku"], row["kind"], row["attempts_allowed"]) for row in slots} == {
        ("bag-0", "waiting", 1),
        ("bag-1", "waiting", 1),
    }
    requests = read_table(shop.store, files.requests("answers"), REQUESTS).to_pylist()
    assert {row["request_key"] for row in requests} == {row["request_key"] for row in slots}
    records = read_table(shop.store, files.record("answers"), RECORDS).to_pylist()
    assert [(row["verdict"], row["again"]) for row in records] == [("REVIEW", False)] * 2


def test_what_an_answered_image_keeps_of_a_photo_goes_with_its_request_and_its_record(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    selection = select_answered(shop.store, shop.tables, CATALOGUE)
    (slot,) = selection.slots
    slot.run.requests[slot.key]["kept"] = '{"mode":"white"}'
    slot.records[0]["kept"] = '{"photo":"ab"}'
    write_apply_plan(shop.store, "the-run", selection, shop.policy)
    files = layout.RunFiles("the-run")
    assert read_table(shop.store, files.requests("answers"), REQUESTS)["kept"].to_pylist() == ['{"mode":"white"}']
    assert read_table(shop.store, files.record("answers"), RECORDS)["kept"].to_pylist() == ['{"photo":"ab"}']


def test_attempts_are_judged_by_the_policy_in_force_and_not_by_the_one_that_queued_them(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    selection = select_answered(shop.store, shop.tables, CATALOGUE)
    write_apply_plan(shop.store, "the-run", selection, built_in_policy())
    (record,) = read_table(shop.store, layout.RunFiles("the-run").record("answers"), RECORDS).to_pylist()
    assert (record["verdict"], record["reasons"], record["again"]) == ("BLOCK", ["blurred"], False)


def test_an_accepted_image_is_staged_again_from_its_copy(shop: WaitingShop) -> None:
    image = shop.target("bag-0")
    staged = layout.finished_image(image.image_key.hex(), image.finish_digest)
    as_staged = shop.store.read(staged)
    shop.store.delete([staged])
    shop.say(ACCEPT, "bag-0")
    selection = select_answered(shop.store, shop.tables, CATALOGUE)
    write_apply_plan(shop.store, "the-run", selection, shop.policy)
    assert shop.store.read(staged) == as_staged


def test_a_copy_with_other_bytes_than_those_that_were_judged_is_not_staged(shop: WaitingShop) -> None:
    image = shop.target("bag-0")
    place = image.image_key.hex(), image.finish_digest
    shop.say(ACCEPT, "bag-0")
    selection = select_answered(shop.store, shop.tables, CATALOGUE)
    shop.store.delete([layout.finished_image(*place)])
    shop.store.write(layout.review_image(CATALOGUE, *place), b"planted since it was selected")
    write_apply_plan(shop.store, "the-run", selection, shop.policy)
    assert not shop.store.exists(layout.finished_image(*place))


def test_the_request_of_several_slots_allows_the_attempts_that_any_of_their_runs_has_made(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    selection = select_answered(shop.store, shop.tables, CATALOGUE)
    (slot,) = selection.slots
    for record in slot.records:
        record.update(again=True, engine_seconds=7.0)  # as the run that paid for them has recorded it
    twice = [*slot.records, {**slot.records[0], "attempt": 1}]
    of_later_run = replace(slot, run=replace(slot.run, records={slot.key: twice}))
    selection.slots = [slot, of_later_run]
    assert write_apply_plan(shop.store, "the-run", selection, shop.policy).slots.requests == 1
    files = layout.RunFiles("the-run")
    requests = read_table(shop.store, files.requests("answers"), REQUESTS)
    assert (requests["attempts_allowed"].to_pylist(), requests.num_rows) == ([2], 1)
    records = read_table(shop.store, files.record("answers"), RECORDS).to_pylist()
    assert [(row["attempt"], row["again"], row["engine_seconds"]) for row in records] == [(0, False, 0), (1, False, 0)]
