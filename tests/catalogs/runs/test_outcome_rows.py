"""What a run remembers of a refusal, given what was remembered before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalogs.runs.outcome_rows import OutcomeWriter, keep_while_deferred
from tests.fixtures.run_rows import decision_row

NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)
WRITER = OutcomeWriter("r2", "policy 2", 30, NOW)
ONE_NIGHT = timedelta(hours=20)


def decision(state: str, *reasons: str, **changes: Any) -> Any:
    values = {
        "reasons": list(reasons) or ["blurred"],
        "collides_with": None,
        "sentence": None,
        "answer": None,
        "finished_sha": None,
        "kind": "waiting",
        **changes,
    }
    return decision_row("shirt/front", "red", state, **values)


def outcome(state: str, *reasons: str, **changes: Any) -> Any:
    row = OutcomeWriter("r1", "policy 1", 30, NOW - timedelta(days=3)).refuse(decision(state, *reasons), None)
    return {**row, **changes}


def test_a_refusal_of_the_image_has_no_next_try() -> None:
    row = WRITER.refuse(decision("blocked", "blank"), None)
    assert (row["tries"], row["retry_at"], row["collides_with"]) == (None, None, None)
    assert (row["policy_digest"], row["run_id"], row["decided_at"]) == ("policy 2", "r2", NOW)


@pytest.mark.parametrize(
    ("before", "tries"),
    [
        (None, 1),
        (outcome("review", "scanner-failed.pixels"), 2),
        (outcome("failed", "engine-failed", tries=4), 5),
        (outcome("failed", "engine-failed", tries=None, attempts=2), 3),
        (outcome("blocked", "blank"), 1),
    ],
)
def test_a5_a_fault_of_our_own_counts_its_tries(before: Any, tries: int) -> None:
    row = WRITER.refuse(decision("review", "scanner-failed.pixels"), before)
    assert row["tries"] == tries
    assert row["retry_at"] is not None
    assert row["retry_at"] >= NOW + ONE_NIGHT


def test_a5_a_collision_names_the_other_pictures_pixels() -> None:
    row = WRITER.refuse(decision("blocked", "duplicate-exact", collides_with=b"p" * 32), None)
    assert (row["collides_with"], row["tries"], row["retry_at"]) == (b"p" * 32, None, None)


def test_a_review_of_the_same_image_keeps_its_age_and_one_of_a_new_slot_does_not() -> None:
    before = outcome("review")
    assert WRITER.refuse(decision("review"), before)["decided_at"] == before["decided_at"]
    assert WRITER.refuse(decision("review", kind="changed"), before)["decided_at"] == NOW
    assert WRITER.refuse(decision("review", image_key=b"other"), before)["decided_at"] == NOW


def test_a13_a_deferred_slot_keeps_what_is_known_of_it() -> None:
    before = outcome("review", attempts=2)
    assert keep_while_deferred(decision("deferred", "over-budget", attempts_spent=1), before) == before
    kept = keep_while_deferred(decision("deferred", "over-budget", attempts_spent=3, source_digest=b"new"), before)
    assert kept == {**before, "attempts": 3, "source_digest": b"new"}


def test_a13_the_digest_of_another_finish_is_not_taken_over() -> None:
    """Taken over, the review of the older finish would hold back the newer one, which nobody has looked at."""
    before = outcome("review")
    row = decision("deferred", "over-budget", finish_digest="square", source_digest=b"new")
    assert keep_while_deferred(row, before) == before


@pytest.mark.parametrize(
    ("row", "tries", "retry_at"),
    [
        (outcome("failed", "engine-failed", tries=None, retry_at=None, attempts=3), 3, NOW + ONE_NIGHT + timedelta(1)),
        (outcome("review", "scanner-failed.pixels", tries=None, retry_at=None), 1, NOW + ONE_NIGHT),
        (outcome("blocked", "duplicate-near"), None, NOW + ONE_NIGHT),
        (outcome("blocked", "duplicate-near", collides_with=b"p"), None, None),
        (outcome("blocked", "blank"), None, None),
    ],
)
def test_a5_rows_of_older_versions_get_the_time_of_their_next_try(
    row: Any, tries: int | None, retry_at: datetime | None
) -> None:
    assert WRITER.adopt(row) == {**row, "tries": tries, "retry_at": retry_at}
    assert WRITER.adopt(WRITER.adopt(row)) == WRITER.adopt(row)
