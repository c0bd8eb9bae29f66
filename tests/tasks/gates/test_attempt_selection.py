"""The attempt that stands for each request: the first that passes, unless it resembles another image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.photos.kept_request import KeptResult
from catalogs.policy.schema import built_in_policy
from catalogs.runs.attempts import attempt_histories
from catalogs.runs.judged_requests import JudgedRequest, SlotGroup
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.attempt_selection import AttemptSelector, StayingSlots
from tasks.gates.near_duplicates import PublishedFingerprints
from tests.fixtures.run_rows import RUN_ID, attempt_row, write_records
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, request_key_of


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def key_of(label: str) -> JudgedRequest:
    return JudgedRequest(request_key_of(label), finish_digest_of(label))


def selector_of(scenario: StoreScenario, *rows: dict[str, Any]) -> AttemptSelector:
    write_records(scenario.store, {"shard": rows})
    by_pair = attempt_histories(read_row_groups(scenario.store, layout.RunFiles(RUN_ID).records_prefix))
    histories = {JudgedRequest(*pair): history for pair, history in by_pair.items()}
    published = PublishedFingerprints(scenario.store, scenario.tables, CATALOGUE, pa.array([], pa.binary()))
    groups = {key: SlotGroup({f"sku of {number}"}) for number, key in enumerate(histories)}
    return AttemptSelector(histories, groups, lambda _: published, built_in_policy())


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


def test_attempts_of_two_skus_that_keep_the_same_photo_are_not_compared(scenario: StoreScenario) -> None:
    def keeping(label: str, photo: str) -> dict[str, Any]:
        kept = KeptResult("stage", photo, "only-photo", "plain-ground", "1", {}, {}, stage=label)
        return attempt_row(label, appearance="same", kept=kept.text)

    selected, _ = selector_of(scenario, keeping("one", "ab" * 32), keeping("two", "ab" * 32)).select_attempts({})
    assert [item.verdict.decision for item in selected.values()] == ["PASS", "PASS"]
    selected, retryable = selector_of(scenario, keeping("one", "ab" * 32), keeping("two", "cd" * 32)).select_attempts(
        {}
    )
    assert [selected[key].verdict.reasons for key in retryable] == [("duplicate-near",)]


def test_an_attempt_that_does_not_pass_is_not_compared(scenario: StoreScenario) -> None:
    selected, _ = selector_of(scenario, attempt_row("one", verdict="REVIEW")).select_attempts({})
    assert selected[key_of("one")].distinctness is None
    assert selected[key_of("one")].verdict.reasons == ("blurred",)


def test_one_image_that_two_categories_select_is_one_candidate_with_all_their_skus(scenario: StoreScenario) -> None:
    selector = selector_of(scenario, attempt_row("one", appearance="same"), attempt_row("two", appearance="same"))
    first, second = selector.histories
    lax = first._replace(category="lax")
    histories = {**selector.histories, lax: selector.histories[first]}
    groups = {**selector.groups, lax: SlotGroup(selector.groups[second].skus)}
    selected, _ = replace(selector, histories=histories, groups=groups).select_attempts({})
    refused = [item.verdict.reasons for item in selected.values() if item.verdict.decision != "PASS"]
    assert set(refused) == {("view-not-distinct",)}, "they share a SKU through the other category"


def test_an_image_that_stays_is_asked_for_until_none_is_added(scenario: StoreScenario) -> None:
    selector = selector_of(scenario, attempt_row("one", verdict="REVIEW"), attempt_row("two"))
    one, two = key_of("one"), key_of("two")
    groups = {one: SlotGroup({"a"}, live=[b"1"]), two: SlotGroup({"b"}, live=[b"2"], refused=[b"3"])}
    asked: list[StayingSlots] = []

    def open_published(staying: StayingSlots) -> PublishedFingerprints:
        asked.append(staying)
        return PublishedFingerprints(scenario.store, scenario.tables, CATALOGUE, pa.array([], pa.binary()))

    selected, _ = replace(selector, groups=groups, open_published=open_published).select_attempts({})
    assert asked == [{b"1", b"3"}]
    assert selected[two].verdict.decision == "PASS"
