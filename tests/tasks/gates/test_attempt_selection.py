"""The attempt that stands for each request: the first that passes, unless it resembles another image."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.policy.schema import built_in_policy
from catalogs.runs.attempts import RequestFinishKey, attempt_histories
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.attempt_selection import AttemptSelector
from tasks.gates.near_duplicates import PublishedFingerprints
from tests.fixtures.run_rows import RUN_ID, attempt_row, write_records
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, request_key_of


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def key_of(label: str) -> RequestFinishKey:
    return request_key_of(label), finish_digest_of(label)


def selector_of(scenario: StoreScenario, *rows: dict[str, Any]) -> AttemptSelector:
    write_records(scenario.store, {"shard": rows})
    histories = attempt_histories(read_row_groups(scenario.store, layout.RunFiles(RUN_ID).records_prefix))
    published = PublishedFingerprints(scenario.store, scenario.tables, CATALOGUE, pa.array([], pa.binary()))
    skus = {key: (f"sku of {number}",) for number, key in enumerate(histories)}
    return AttemptSelector(histories, skus, published, built_in_policy())


def test_the_first_passing_attempt_is_selected_unless_it_is_excluded(scenario: StoreScenario) -> None:
    rows = (attempt_row("one", 0, "BLOCK"), attempt_row("one", 1), attempt_row("one", 2))
    selector = selector_of(scenario, *rows)
    selected, retryable = selector.select_attempts({})
    assert (selected[key_of("one")].attempt.attempt, retryable) == (1, [])
    assert (selected[key_of("one")].verdict.decision, selected[key_of("one")].attempts_spent) == ("PASS", 3)
    selected, _ = selector.select_attempts({key_of("one"): {1}})
    assert selected[key_of("one")].attempt.attempt == 2


def test_a_near_duplicate_of_another_sku_is_refused_and_may_be_retried(scenario: StoreScenario) -> None:
    rows = (attempt_row("one", appearance="same"), attempt_row("two", appearance="same"), attempt_row("three"))
    selected, retryable = selector_of(scenario, *rows).select_attempts({})
    assert selected[key_of("three")].verdict.decision == "PASS"
    assert retryable
    assert all(selected[key].verdict.decision == "BLOCK" for key in retryable)


def test_an_attempt_that_does_not_pass_is_not_compared(scenario: StoreScenario) -> None:
    selected, _ = selector_of(scenario, attempt_row("one", verdict="REVIEW")).select_attempts({})
    assert selected[key_of("one")].distinctness is None
    assert selected[key_of("one")].verdict.reasons == ("blurred",)
