"""A3: the policy in force is a numbered fact of the store: runs take it, and none brings its own."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError, PolicyChanged
from catalogs.policy.schema import Policy, built_in_policy
from infra.stores.json_objects import write_json
from tasks.runs.fencing import fence_run
from tasks.runs.policy_in_force import PolicyChoice, find_policy_to_use, record_policy
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario
from tests.tasks.runs.test_commit_guard import run_of

DEFAULT = built_in_policy()
STRICT = DEFAULT.model_copy(update={"version": 7})
UNNAMED = PolicyChoice(DEFAULT, "default", is_named=False)
NAMED = PolicyChoice(STRICT, "strict.yaml", is_named=True)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def settle(scenario: StoreScenario, choice: PolicyChoice) -> tuple[int, str, str]:
    found = find_policy_to_use(scenario.store, scenario.tables, CATALOGUE, choice, "ada")
    record_policy(scenario.store, CATALOGUE, found)
    assert PolicyRecords(scenario.store, CATALOGUE).in_force() == found.record
    return found.record.number, found.policy.digest, found.record.file


def freeze(scenario: StoreScenario, run_id: str, policy: Policy) -> None:
    write_json(scenario.store, layout.RunFiles(run_id).policy, policy.model_dump(mode="json"))


def test_the_first_run_records_number_1_with_who_when_and_why(scenario: StoreScenario) -> None:
    assert settle(scenario, UNNAMED) == (1, DEFAULT.digest, "default")
    record = PolicyRecords(scenario.store, CATALOGUE).read(1)
    assert (record.person, record.reason, record.at <= scenario.store.now()) == ("ada", "first run", True)


def test_without_a_policy_the_one_in_force_is_taken_and_another_one_is_refused(scenario: StoreScenario) -> None:
    settle(scenario, NAMED)
    scenario.release("r1", {"shirt/front": "red"})
    assert settle(scenario, UNNAMED) == (1, STRICT.digest, "strict.yaml")
    assert settle(scenario, NAMED) == (1, STRICT.digest, "strict.yaml")
    other = PolicyChoice(DEFAULT, "mild.yaml", is_named=True)
    with pytest.raises(OptionError) as refused:
        settle(scenario, other)
    for word in ("mild.yaml", DEFAULT.digest[:12], "policy 1", STRICT.digest[:12], "packshot policy apply mild.yaml"):
        assert word in str(refused.value)
    assert PolicyRecords(scenario.store, CATALOGUE).latest_number() == 1


def test_before_anything_is_live_a_named_policy_comes_into_force_by_itself(scenario: StoreScenario) -> None:
    settle(scenario, UNNAMED)
    fence_run(scenario.store, scenario.tables, run_of("killed"))
    assert settle(scenario, NAMED) == (2, STRICT.digest, "strict.yaml")


def test_a_store_without_records_continues_with_the_policy_of_its_newest_run(scenario: StoreScenario) -> None:
    scenario.release("r1", {"shirt/front": "red"})
    scenario.release("r2", {"shirt/front": "blue"})
    scenario.release("rollback", {"shirt/front": "red"})
    freeze(scenario, "r1", DEFAULT)
    freeze(scenario, "r2", STRICT)
    assert settle(scenario, UNNAMED) == (1, STRICT.digest, layout.RunFiles("r2").policy)


def test_a_store_whose_runs_kept_no_policy_continues_with_the_first_built_in_one(scenario: StoreScenario) -> None:
    scenario.release("r1", {"shirt/front": "red"})
    newest = PolicyChoice(STRICT, "default@9", is_named=False)
    assert settle(scenario, newest) == (1, built_in_policy("default").digest, "default")


def test_a_store_without_records_takes_a_policy_that_is_named(scenario: StoreScenario) -> None:
    scenario.release("r1", {"shirt/front": "red"})
    freeze(scenario, "r1", DEFAULT)
    assert settle(scenario, NAMED) == (1, STRICT.digest, "strict.yaml")


def test_a_dry_run_says_the_same_and_records_nothing(scenario: StoreScenario) -> None:
    found = find_policy_to_use(scenario.store, scenario.tables, CATALOGUE, NAMED, "ada")
    assert (found.record.number, found.policy, found.is_recorded) == (1, STRICT, False)
    assert PolicyRecords(scenario.store, CATALOGUE).latest_number() == 0


def test_of_two_first_runs_one_records_and_the_other_is_sent_back_to_take_its_policy(scenario: StoreScenario) -> None:
    late = find_policy_to_use(scenario.store, scenario.tables, CATALOGUE, UNNAMED, "bob")
    settle(scenario, NAMED)
    with pytest.raises(PolicyChanged, match="recorded policy 1 first"):
        record_policy(scenario.store, CATALOGUE, late)
    assert settle(scenario, UNNAMED) == (1, STRICT.digest, "strict.yaml")


def test_what_decides_no_image_may_differ_from_the_policy_in_force(scenario: StoreScenario) -> None:
    settle(scenario, NAMED)
    scenario.release("r1", {"shirt/front": "red"})
    patient = PolicyChoice(STRICT.model_copy(update={"review_days": 90}), "patient.yaml", is_named=True)
    found = find_policy_to_use(scenario.store, scenario.tables, CATALOGUE, patient, "ada")
    assert (found.policy.review_days, found.record.number, found.is_recorded) == (90, 1, True)
