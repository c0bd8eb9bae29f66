"""A job is run under the policy in force, and again under each one that comes into force meanwhile."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalogs.errors import PolicyChanged
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob
from flows.run.job_policy import choose_policy, current_person, require_policy_of_job, run_under_policy_in_force
from tasks.runs.policy_in_force import PolicyChoice
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.sample_recipe import RECIPE
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

DEFAULT = built_in_policy("default@1")
STRICT = DEFAULT.model_copy(update={"version": 7})


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    made = StoreScenario(tmp_path)
    made.release("r1", {"shirt/front": "red"})
    put_in_force(made, 1, DEFAULT)
    return made


def put_in_force(scenario: StoreScenario, number: int, policy: Any) -> None:
    record = PolicyRecord(number, policy, "strict.yaml", "ada", scenario.store.now(), "as meant")
    assert PolicyRecords(scenario.store, CATALOGUE).claim(record)


def job(policy: Any = DEFAULT) -> RefreshJob:
    return RefreshJob("catalogue.csv", "store", CATALOGUE, RECIPE, policy)


def test_a_run_whose_policy_was_replaced_is_run_again_under_the_new_one_also_where_it_named_the_old(
    scenario: StoreScenario,
) -> None:
    ran: list[tuple[str, bool, int]] = []

    def run_job(job: RefreshJob, choice: PolicyChoice, warnings: Sequence[str]) -> dict[str, Any]:
        ran.append((job.policy.digest, choice.is_named, len(warnings)))
        if len(ran) == 1:
            put_in_force(scenario, 2, STRICT)
            raise PolicyChanged("policy 2 came into force")
        return {"warnings": list(warnings)}

    report = run_under_policy_in_force(scenario.store, scenario.tables, job(), choose_policy(job(), "default"), run_job)
    assert ran == [(DEFAULT.digest, True, 0), (STRICT.digest, False, 1)]
    assert report["warnings"] == ["Started again under the policy in force. policy 2 came into force"]


def test_a_policy_that_changed_while_a_run_waited_for_its_lease_is_told(scenario: StoreScenario) -> None:
    unnamed = choose_policy(job(), None)
    assert require_policy_of_job(scenario.store, scenario.tables, job(), unnamed).record.number == 1
    put_in_force(scenario, 2, STRICT)
    with pytest.raises(PolicyChanged, match="Policy 2"):
        require_policy_of_job(scenario.store, scenario.tables, job(), unnamed)


def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert current_person() == "ada"

    def no_user() -> str:
        raise KeyError("getpwuid(): uid not found: 1000")

    monkeypatch.setattr("getpass.getuser", no_user)
    assert current_person() == "unknown"
