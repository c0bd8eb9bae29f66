"""What people accepted survives a policy that refuses it, unless the policy is applied against people."""

from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.errors import OptionError
from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.verdict import PASS
from flows.policy_changes import PolicyProposal, enforce_policy
from infra.settings import Settings
from tasks.answers.answer_log import read_standing_answers, write_answer
from tasks.policies.people_over_policies import find_acceptance, read_answers_on, take_back
from tasks.policies.reevaluate import reevaluate
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.run_rows import RUN_ID, attempt_row, make_request, write_plan, write_policy, write_records
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def blur(limit: float) -> Policy:
    rule = ImageRule(score="blur.foreground", reason="blurred", block_below=limit)
    return built_in_policy().model_copy(update={"image": (rule,), "version": 7})


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """Two live pictures, of which the one of the shirt is blurred."""
    shop = StoreScenario(tmp_path)
    write_plan(shop.store, [], [make_request(word) for word in ("red", "blue")])
    write_policy(shop.store)
    rows = [attempt_row("red", 0, scores='{"blur.foreground": 4}')]
    rows += [attempt_row("blue", 0, scores='{"blur.foreground": 9}')]
    write_records(shop.store, {"s": rows})
    shop.release(RUN_ID, {"shirt/front": "red", "hat/front": "blue"})
    return shop


def live_row(scenario: StoreScenario, sku: str) -> dict[str, Any]:
    rows = scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist()
    return next(row for row in rows if row["sku"] == sku)


def live_skus(scenario: StoreScenario) -> set[str]:
    return set(scenario.tables.read(layout.manifest_table(CATALOGUE))["sku"].to_pylist())


def say(scenario: StoreScenario, sku: str, kind: AnswerKind, pixels: bytes | None = None, who: str = "ada") -> Answer:
    row = live_row(scenario, sku)
    key = bytes.fromhex(scenario.image_key("red" if sku == "shirt" else "blue"))
    target = ImageTarget(row["request_key"], key, row["finish_digest"], pixels or row["pixel_sha"], sku=sku)
    reason = "other" if kind == AnswerKind.REFUSE else ""
    given = Answer(kind, who, scenario.store.now(), image=target, reason=reason)
    return write_answer(scenario.store, CATALOGUE, given)


def proposal(**changes: Any) -> PolicyProposal:
    return PolicyProposal(
        blur(7), "strict.yaml", "bob", "the shop asks for sharp images", ("withdrawn-share",), **changes
    )


def test_an_acceptance_is_found_by_image_finish_and_pixels(scenario: StoreScenario) -> None:
    row = live_row(scenario, "shirt")
    assert find_acceptance(row, StandingAnswers()) is None
    given = say(scenario, "shirt", AnswerKind.ACCEPT)
    say(scenario, "hat", AnswerKind.REFUSE)
    standing = read_answers_on(scenario.store, CATALOGUE, [row, live_row(scenario, "hat")])
    found = find_acceptance(row, standing)
    assert found is not None
    assert found.answer == given
    assert find_acceptance(live_row(scenario, "hat"), standing) is None
    assert find_acceptance(row | {"pixel_sha": b"x" * 32}, standing) is None
    assert len(read_answers_on(scenario.store, CATALOGUE, [])) == 0


def test_a_trial_counts_what_people_accepted_and_leaves_it(scenario: StoreScenario) -> None:
    say(scenario, "shirt", AnswerKind.ACCEPT)
    found = reevaluate(scenario.store, scenario.tables, CATALOGUE, blur(7), lambda _: PASS)
    assert found.withdrawals.num_rows == 0
    assert found.document()["people"] == {"accepted_that_fail": 1, "refused_that_pass": 0}
    assert found.policy_diff.matrix["PASS"] == {"PASS": 2, "REVIEW": 0, "BLOCK": 0}


def test_a_trial_counts_what_people_refused_and_the_policy_would_pass(scenario: StoreScenario) -> None:
    image = {"image_key": bytes.fromhex(scenario.image_key("blue")), "attempts": 1, "reasons": ["person.other"]}
    scenario.commit_outcome(RUN_ID, "cap/front", "blue", "blocked", answer="token", **image)
    found = reevaluate(scenario.store, scenario.tables, CATALOGUE, blur(1), lambda _: PASS)
    assert found.document()["people"] == {"accepted_that_fail": 0, "refused_that_pass": 1}
    assert found.policy_diff.matrix["BLOCK"]["BLOCK"] == 1


def test_applying_a_policy_leaves_what_people_accepted(scenario: StoreScenario) -> None:
    say(scenario, "shirt", AnswerKind.ACCEPT)
    done = enforce_policy(scenario.store, scenario.tables, CATALOGUE, proposal(), Settings())
    assert (live_skus(scenario), done["trial"]["people"]["accepted_that_fail"]) == ({"shirt", "hat"}, 1)
    record = PolicyRecords(scenario.store, CATALOGUE).in_force()
    assert record is not None
    assert not record.against_people


def test_against_people_it_takes_the_acceptance_back_and_says_so(scenario: StoreScenario) -> None:
    say(scenario, "shirt", AnswerKind.ACCEPT)
    enforce_policy(scenario.store, scenario.tables, CATALOGUE, proposal(against_people=True), Settings())
    assert live_skus(scenario) == {"hat"}
    assert len(read_standing_answers(scenario.store, CATALOGUE)) == 0
    record = PolicyRecords(scenario.store, CATALOGUE).in_force()
    assert record is not None
    assert (record.against_people, record.document()["against_people"]) == (True, True)


def test_against_people_needs_a_reason(scenario: StoreScenario) -> None:
    mute = PolicyProposal(blur(7), "strict.yaml", "bob", against_people=True)
    with pytest.raises(OptionError, match="--reason: say why what people accepted may be withdrawn"):
        enforce_policy(scenario.store, scenario.tables, CATALOGUE, mute, Settings())


def test_taking_back_the_same_acceptance_for_two_slots_is_one_answer(scenario: StoreScenario) -> None:
    say(scenario, "shirt", AnswerKind.ACCEPT)
    row = live_row(scenario, "shirt")
    acceptance = find_acceptance(row, read_answers_on(scenario.store, CATALOGUE, [row]))
    assert acceptance is not None
    (undo,) = take_back(scenario.store, CATALOGUE, [acceptance, acceptance], "bob", "sharp images only")
    assert (undo.kind, undo.who, undo.undoes) == (AnswerKind.UNDO, "bob", acceptance.answer.token)
    assert len(read_standing_answers(scenario.store, CATALOGUE)) == 0


def test_whatever_was_accepted_before_and_by_others_is_taken_back_too(scenario: StoreScenario) -> None:
    given = [say(scenario, "shirt", AnswerKind.ACCEPT, who=who) for who in ("ada", "ben", "ada")]
    other = say(scenario, "hat", AnswerKind.ACCEPT)
    taken = [answer.undoes for answer in take_back_shirt(scenario)]
    assert sorted(taken) == sorted(answer.token for answer in given)
    assert [each.answer.token for each in read_standing_answers(scenario.store, CATALOGUE)] == [other.token]
    assert take_back(scenario.store, CATALOGUE, [], "bob", "sharp images only") == []


def take_back_shirt(scenario: StoreScenario) -> list[Answer]:
    row = live_row(scenario, "shirt")
    acceptance = find_acceptance(row, read_answers_on(scenario.store, CATALOGUE, [row]))
    assert acceptance is not None
    return take_back(scenario.store, CATALOGUE, [acceptance], "bob", "sharp images only")


def test_what_was_undone_already_is_not_taken_back_again(scenario: StoreScenario) -> None:
    say(scenario, "shirt", AnswerKind.ACCEPT)
    assert len(take_back_shirt(scenario)) == 1
    later = say(scenario, "shirt", AnswerKind.ACCEPT)
    assert [answer.undoes for answer in take_back_shirt(scenario)] == [later.token]
