"""Apply selection: what can be decided now, what is left and why, and when two selections ask for the same run."""

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from infra.stores.json_objects import read_json, write_json
from tasks.reviews.apply_selection import ApplySelection, select_answered
from tests.fixtures.night_harness import CATALOGUE
from tests.fixtures.waiting_shop import ACCEPT, REFUSE, RETRY, WaitingShop


def select(shop: WaitingShop) -> ApplySelection:
    return select_answered(shop.store, shop.tables, CATALOGUE)


def test_what_was_answered_is_selected_with_what_it_may_replace(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.say(REFUSE, "bag-1", reason="colour")
    selection = select(shop)
    assert selection.counts() == {"accepted": 1, "refused": 1, "differing": 0, "undone": 0}
    assert {slot.live_file_sha for slot in selection.slots} == {None}
    assert (selection.live, selection.base_version) == (1, shop.tables.version(layout.manifest_table(CATALOGUE)))
    accepted = next(slot for slot in selection.slots if slot.accepted_record is not None)
    assert accepted.answered.outcome["sku"] == "bag-0"


def test_without_a_new_answer_nothing_is_read_beyond_outcomes_and_answers(shop: WaitingShop) -> None:
    selection = select(shop)
    assert (selection.slots, selection.base_version, selection.recipe) == ([], None, None)


def test_a_slot_whose_run_folder_is_gone_is_left(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    run = shop.outcomes()["bag-0"]["run_id"]
    shop.store.delete([info.key for info in shop.store.list(layout.RunFiles(run).records_prefix)])
    selection = select(shop)
    assert (selection.slots, dict(selection.left)) == ([], {"no-record": ["bag-0"]})


def test_an_accepted_image_of_which_only_other_bytes_are_kept_is_left(shop: WaitingShop) -> None:
    image = shop.target("bag-0")
    names = (image.image_key.hex(), image.finish_digest)
    shop.store.delete([layout.finished_image(*names)])
    shop.store.write(layout.review_image(CATALOGUE, *names), b"of a stranger")
    shop.say(ACCEPT, "bag-0")
    assert dict(select(shop).left) == {"image-lost": ["bag-0"]}


def test_a_slot_whose_finish_the_newest_recipe_does_not_have_is_left(shop: WaitingShop) -> None:
    shop.rows = shop.rows[1:]  # bag-0 keeps its outcome of the first night, which a partial run does not end
    shop.recipe["finish"] = {"quality": 80}
    shop.rows.append({**shop.rows[0], "sku": "bag-new", "title": "Evening Bag of another finish"})
    shop.night("partial")
    for sku in ("bag-0", "bag-new"):
        shop.say(ACCEPT, sku)
    selection = select(shop)
    assert [slot.answered.outcome["sku"] for slot in selection.slots] == ["bag-new"]
    assert dict(selection.left) == {"recipe-moved": ["bag-0"]}


def test_an_attempt_that_a_person_asked_for_keeps_the_slots_of_its_request_for_the_refresh(shop: WaitingShop) -> None:
    shop.say(RETRY, "bag-0")
    assert dict(select(shop).left) == {"retry": ["bag-0"]}


def test_the_fingerprint_moves_with_answers_and_policy_and_with_nothing_else(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    first = select(shop).fingerprint(shop.policy)
    assert select(shop).fingerprint(shop.policy) == first
    assert select(shop).fingerprint(built_in_policy()) != first
    shop.say(ACCEPT, "bag-1")
    assert select(shop).fingerprint(shop.policy) != first


def test_an_older_recipe_that_gives_the_model_other_weights_leaves_its_slots(shop: WaitingShop) -> None:
    run = shop.outcomes()["bag-0"]["run_id"]
    shop.rows.append({**shop.rows[0], "sku": "bag-new", "title": "Evening Bag of tomorrow"})
    shop.night("partial")
    key = layout.RunFiles(run).recipe
    recipe = read_json(shop.store, key)
    recipe["models"]["stub"]["precision"] = "bf16"
    write_json(shop.store, key, recipe)
    for sku in ("bag-0", "bag-new"):
        shop.say(ACCEPT, sku)
    assert dict(select(shop).left) == {"recipe-moved": ["bag-0"]}
