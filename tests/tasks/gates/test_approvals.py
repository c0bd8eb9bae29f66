"""Recorded approvals of a catalogue's images, and what they change in an image's eligibility."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.policy.channels import ChannelEligibility
from catalogs.table_schemas import MANIFEST
from infra.stores.json_objects import write_json
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import put_answer
from tasks.gates.approvals import RecordedApprovals, apply_approvals, apply_approvals_to_rows, read_approvals
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

SHA = b"\1" * 32
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
WAITING = ChannelEligibility(("shopify",), ("showroom:needs-a-person",))


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def record(scenario: StoreScenario, token: str, channel: str, *, given: bool) -> None:
    details = {"channel": channel, "given": given, "pixel_shas": [SHA.hex()], "skus": ["mug"]}
    put_answer(scenario.store, CATALOGUE, Answer(AnswerKind.CHANNEL, "ada", WHEN, "seen", details=details, token=token))


def test_the_newest_answer_counts_for_each_channel(scenario: StoreScenario) -> None:
    record(scenario, "20260101T000000-a", "showroom", given=True)
    record(scenario, "20260102T000000-b", "showroom", given=False)
    record(scenario, "20260101T000000-c", "amazon-main", given=True)
    fold_answers(scenario.store, CATALOGUE, above=1)
    assert read_approvals(scenario.store, CATALOGUE) == {SHA.hex(): {"showroom": False, "amazon-main": True}}
    record(scenario, "20260103T000000-d", "showroom", given=True)
    assert read_approvals(scenario.store, CATALOGUE) == {SHA.hex(): {"showroom": True, "amazon-main": True}}


def test_approvals_of_earlier_versions_count_by_their_time(scenario: StoreScenario) -> None:
    """Those that were folded then stand in a snapshot of their own, the others in objects of another shape."""
    snapshot = {"answers": {SHA.hex(): {"showroom": ["20260102T000000-b", True], "ebay": ["20260102T000000-b", True]}}}
    write_json(scenario.store, layout.approval_snapshot(CATALOGUE, 3), snapshot | {"documents": {}})
    record(scenario, "20260101T000000-a", "showroom", given=False)
    earlier = {"channel": "ebay", "given": False, "pixel_shas": [SHA.hex()]}
    key = layout.person_decision(CATALOGUE, "20260103T000000-c", layout.CHANNEL_APPROVAL)
    write_json(scenario.store, key, earlier)
    assert read_approvals(scenario.store, CATALOGUE) == {SHA.hex(): {"showroom": True, "ebay": False}}


def test_of_two_answers_the_later_token_counts_whichever_is_read_first() -> None:
    recorded = RecordedApprovals()
    recorded.add("aa", "showroom", "20260102", False)
    recorded.add("aa", "showroom", "20260101", True)
    assert (recorded.approvals, recorded.newest_token) == ({"aa": {"showroom": False}}, "20260102")
    assert RecordedApprovals().newest_token == ""


def test_an_approval_changes_only_the_channel_and_the_pixels_that_it_names() -> None:
    approvals = {SHA.hex(): {"showroom": True, "ebay": True}}
    assert apply_approvals(WAITING, SHA, approvals) == ChannelEligibility(("shopify", "showroom"), ())
    assert apply_approvals(WAITING, b"\2" * 32, approvals) == WAITING
    assert apply_approvals(WAITING, SHA, {SHA.hex(): {"showroom": False}}) == WAITING


def manifest_rows(*eligibility: ChannelEligibility) -> pa.Table:
    rows = [{"sku": f"s{number}", "pixel_sha": SHA, **each.row_columns} for number, each in enumerate(eligibility)]
    return pa.Table.from_pylist(rows, schema=MANIFEST)


def test_rows_of_an_earlier_time_get_the_answers_that_stand_now() -> None:
    """A12: a rollback showed an image as usable on amazon-main whose approval had been taken back since."""
    approved = ChannelEligibility(("shopify", "showroom"), ())
    rows = manifest_rows(WAITING, approved)
    given = apply_approvals_to_rows(rows, {SHA.hex(): {"showroom": True}})
    assert [ChannelEligibility.from_row(row) for row in given.to_pylist()] == [approved, approved]
    taken = apply_approvals_to_rows(rows, {SHA.hex(): {"showroom": False}})
    assert [ChannelEligibility.from_row(row) for row in taken.to_pylist()] == [WAITING, WAITING]
    other = apply_approvals_to_rows(rows, {SHA.hex(): {"ebay": True}})
    assert other.equals(rows), "they were never evaluated for that channel"
    assert apply_approvals_to_rows(rows, {"02" * 32: {"showroom": False}}).equals(rows)
    assert apply_approvals_to_rows(rows, {}).equals(rows)
