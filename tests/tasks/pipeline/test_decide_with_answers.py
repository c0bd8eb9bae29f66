"""What people said of images decides their slots, whatever the gates say: for every slot, and these pixels alone."""

from pathlib import Path
from typing import Any

import pytest

from catalogs.models.weights import ModelProvenance
from catalogs.policy.schema import built_in_policy
from infra.imaging.codecs import decode, pixel_sha
from tasks.pipeline.decide import DecisionResult, decide
from tests.fixtures.answered_images import ACCEPT, REFUSE, RETRY, answer, image_in, readmission, undo
from tests.fixtures.run_rows import (
    RUN_ID,
    Row,
    attempt_row,
    fingerprint_of,
    make_request,
    planned_slot_row,
    write_plan,
    write_records,
)
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, jpeg_of

MAKERS = {"stub": ModelProvenance("stub@0", "card/2", "fp32")}
WAITING = attempt_row("one", 0, "REVIEW")
BLOCKED = attempt_row("one", 0, "BLOCK")
PASSING = attempt_row("one", 0)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def decided(scenario: StoreScenario, *made: Row, skus: tuple[str, ...] = ("mug",), allowed: int = 1) -> DecisionResult:
    """Decide one slot of each SKU, which share the request "one"."""
    slots = [planned_slot_row(f"{sku}/front", "one", attempts_allowed=allowed) for sku in skus]
    write_plan(scenario.store, slots, [make_request("one", attempts_allowed=allowed)])
    write_records(scenario.store, {"0-000000": made})
    return decide(scenario.store, scenario.tables, CATALOGUE, RUN_ID, built_in_policy(), MAKERS)


def rows_of(found: DecisionResult) -> list[dict[str, Any]]:
    assert found.batch is not None
    return list(found.batch.to_pylist())


def states(found: DecisionResult) -> list[tuple[str, list[str], str | None]]:
    return [(row["state"], row["reasons"], row["answer"]) for row in rows_of(found)]


@pytest.mark.parametrize("row", [WAITING, BLOCKED], ids=["review", "block"])
def test_what_a_person_accepted_is_published_in_every_slot_that_shows_it(scenario: StoreScenario, row: Row) -> None:
    token = answer(scenario.store, image_in(row), ACCEPT).token
    assert states(decided(scenario, row, skus=("mug", "cup", "jug"))) == [("publish", [], token)] * 3


def test_what_a_person_refused_is_blocked_for_their_reason_though_it_passes(scenario: StoreScenario) -> None:
    token = answer(scenario.store, image_in(PASSING), REFUSE, reason="deformed").token
    assert (
        states(decided(scenario, PASSING, skus=("mug", "cup"), allowed=3))
        == [("blocked", ["person.deformed"], token)] * 2
    )


def test_an_answer_that_was_taken_back_leaves_the_image_to_the_gates(scenario: StoreScenario) -> None:
    undo(scenario.store, answer(scenario.store, image_in(WAITING), ACCEPT))
    assert states(decided(scenario, WAITING)) == [("review", ["blurred"], None)]


def test_other_pixels_under_the_same_key_are_asked_about_again(scenario: StoreScenario) -> None:
    answer(scenario.store, image_in(WAITING), ACCEPT)
    made_anew = WAITING | {"finished_sha": fingerprint_of("made anew on another machine")}
    assert states(decided(scenario, made_anew)) == [("review", ["blurred"], None)]


def test_people_who_differ_hold_the_image_until_one_ends_it(scenario: StoreScenario) -> None:
    first = answer(scenario.store, image_in(WAITING), ACCEPT)
    second = answer(scenario.store, image_in(WAITING), REFUSE, who="ben", reason="colour")
    conflict = "+".join(sorted((first.token, second.token)))
    assert states(decided(scenario, WAITING)) == [("review", ["people-differ"], conflict)]
    end = answer(scenario.store, image_in(WAITING), ACCEPT, who="cleo", resolves=True)
    assert states(decided(scenario, WAITING)) == [("publish", [], end.token)]


@pytest.mark.parametrize("allowed", [1, 3])
def test_another_attempt_is_made_once_and_judged_as_usual(scenario: StoreScenario, allowed: int) -> None:
    answer(scenario.store, image_in(WAITING), RETRY)
    asked = decided(scenario, WAITING, allowed=allowed)
    assert asked.batch is None
    assert [item.attempt for item in asked.retry_items] == [1]
    assert states(decided(scenario, WAITING, attempt_row("one", 1), allowed=allowed)) == [("publish", [], None)]
    refused = decided(scenario, WAITING, attempt_row("one", 1, "BLOCK"), allowed=allowed)
    assert states(refused) == [("blocked", ["blurred"], None)]
    assert rows_of(refused)[0]["attempt"] == 1


def test_of_several_attempts_the_one_that_was_accepted_is_published(scenario: StoreScenario) -> None:
    second = attempt_row("one", 1, "REVIEW")
    token = answer(scenario.store, image_in(second), ACCEPT).token
    (row,) = rows_of(decided(scenario, PASSING, second, allowed=2))
    assert (row["attempt"], row["answer"]) == (1, token)


def test_what_was_refused_in_another_finish_and_passes_now_waits_for_a_person(scenario: StoreScenario) -> None:
    before = image_in(PASSING, finish_digest="the finish of last year", pixel_sha=b"q" * 32)
    refusal = answer(scenario.store, before, REFUSE, reason="background")
    assert states(decided(scenario, PASSING)) == [("review", ["person-refused-before"], None)]
    undo(scenario.store, refusal)
    assert states(decided(scenario, PASSING)) == [("publish", [], None)]


def test_what_was_accepted_in_another_finish_is_asked_about_again(scenario: StoreScenario) -> None:
    answer(scenario.store, image_in(WAITING, finish_digest="another", pixel_sha=b"q" * 32), ACCEPT)
    assert states(decided(scenario, WAITING)) == [("review", ["blurred"], None)]


def test_a_readmission_lifts_a_refusal_in_the_slots_of_its_sku_alone(scenario: StoreScenario) -> None:
    refusal = answer(scenario.store, image_in(PASSING), REFUSE, reason="deformed")
    readmission(scenario.store, "mug")
    assert states(decided(scenario, PASSING, skus=("cup", "mug"))) == [
        ("blocked", ["person.deformed"], refusal.token), ("publish", [], None),
    ]  # fmt: skip
    later = answer(scenario.store, image_in(PASSING), REFUSE, reason="deformed")
    assert states(decided(scenario, PASSING, skus=("mug",))) == [("blocked", ["person.deformed"], later.token)]


def pixels_of(word: str) -> bytes:
    return bytes.fromhex(pixel_sha(decode(jpeg_of(word))))


def test_an_accepted_likeness_holds_for_the_picture_that_was_named_and_for_no_other(scenario: StoreScenario) -> None:
    scenario.release("r0", {"hat/front": "red"})
    scenario.write_fingerprints("r0", {"hat/front": "red"})
    copy = attempt_row("one", appearance="red")
    assert states(decided(scenario, copy)) == [("blocked", ["duplicate-near"], None)]
    blind = answer(scenario.store, image_in(copy), ACCEPT)
    (row,) = rows_of(decided(scenario, copy))
    assert (row["state"], row["reasons"], row["answer"]) == ("review", ["duplicate-near"], blind.token), "asked again"
    assert row["collides_with"] == pixels_of("red")
    seen = answer(scenario.store, image_in(copy, collides_with=row["collides_with"]), ACCEPT)
    (row,) = rows_of(decided(scenario, copy))
    assert (row["state"], row["answer"], row["collides_with"]) == ("publish", seen.token, pixels_of("red"))
    scenario.release("r1", {"hat/front": "red", "cap/front": "blue"})
    scenario.write_fingerprints("r1", {"cap/front": "blue"})
    both = attempt_row("one", appearance="blue")
    (row,) = rows_of(decided(scenario, both))
    assert (row["state"], row["collides_with"]) == ("review", pixels_of("blue"))


def test_a_picture_that_nobody_could_see_is_not_answered(scenario: StoreScenario) -> None:
    answer(scenario.store, image_in(WAITING), ACCEPT)
    failed = attempt_row("one", 0, "BLOCK", made="failed", reasons=["engine-failed"], finished_sha=b"")
    assert states(decided(scenario, failed)) == [("failed", ["engine-failed"], None)]
