"""Scores of past runs are evaluated under another policy; what is not stored is not guessed."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.thresholds import Thresholds
from catalogs.verdict import PASS, Verdict
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.parquet_objects import write_table
from tasks.policies.stored_scores import StoredScores
from tests.fixtures.run_rows import RUN_ID, attempt_row, make_request, planned_slot_row, write_plan, write_records
from tests.fixtures.store_scenarios import finish_digest_of, request_key_of

ONLY_BLUR = built_in_policy().model_copy(
    update={"image": (ImageRule(score="blur.foreground", reason="blurred", block_below=5, again=True),)}
)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    store = open_store(str(tmp_path))
    write_plan(store, [], [make_request("red", attempts_allowed=3), make_request("blue"), make_request("gun")])
    rows = [
        attempt_row("red", 0, "BLOCK", scores='{"blur.foreground": 4.99999}'),
        attempt_row("red", 1, scores='{"blur.foreground": 5.0}'),
        attempt_row("blue", 0, scores='{"blur.foreground": 9}', errors='{"pixels": "it took too long"}'),
        attempt_row("gun", 0, "BLOCK", made="failed"),
        attempt_row("gun", 1, "BLOCK", made="failed", errors='{"set-aside": "3 engines died"}'),
    ]
    write_records(store, {"s": rows})
    return store


def asked(*rows: tuple[str, int]) -> pa.Table:
    return pa.table(
        {
            "slot_id": [slot_id(word, "front", "a", 0) for word, _ in rows],
            "request_key": [request_key_of(word) for word, _ in rows],
            "finish_digest": [finish_digest_of(word) for word, _ in rows],
            "attempt": pa.array([number for _, number in rows], pa.int16()),
        }
    )


def measured(store: ObjectStore, policy: Policy = ONLY_BLUR, *runs: str) -> StoredScores:
    def judge(prompt: str) -> Verdict:
        return Verdict("BLOCK", ("words.weapons",)) if prompt == "gun" else PASS

    found = StoredScores(store, policy, judge)
    found.load(runs or [RUN_ID])
    return found


def test_each_attempt_is_decided_by_its_own_scores_as_they_were_measured(store: ObjectStore) -> None:
    first, second = measured(store).find_attempts(asked(("red", 0), ("red", 1)))
    assert first is not None
    assert second is not None
    assert first.verdict == Verdict("BLOCK", ("blurred",), retryable=True)
    assert (second.verdict, second.attempts_allowed) == (PASS, 3)


def test_a_scanner_that_failed_then_has_failed_still(store: ObjectStore) -> None:
    (answer,) = measured(store).find_attempts(asked(("blue", 0)))
    assert answer is not None
    assert (answer.verdict.decision, answer.verdict.reasons) == ("REVIEW", ("scanner-failed.pixels",))


def test_the_verdict_on_a_prompt_counts_for_its_images_and_by_itself(store: ObjectStore) -> None:
    found = measured(store)
    (answer,) = found.find_attempts(asked(("gun", 0)))
    assert answer is not None
    assert answer.verdict.reasons == ("engine-failed", "words.weapons")
    (aside,) = found.find_attempts(asked(("gun", 1)))
    assert aside is not None
    assert aside.verdict.reasons == ("set-aside", "words.weapons")
    verdicts = found.find_prompts(asked(("gun", 0), ("red", 0), ("pink", 0)))
    assert [verdict.decision if verdict else None for verdict in verdicts] == ["BLOCK", "PASS", None]


def test_what_was_swept_or_written_without_its_scanners_is_unknown(store: ObjectStore) -> None:
    assert measured(store).find_attempts(asked(("red", 2), ("pink", 0))) == [None, None]
    assert measured(store, ONLY_BLUR, "no-such-run").find_attempts(asked(("red", 0))) == [None]
    key = layout.RunFiles(RUN_ID).record("s")
    table = pa.Table.from_pylist([attempt_row("red", 0)]).drop_columns(["scanners", "errors"])
    write_table(store, key, table)
    assert measured(store).find_attempts(asked(("red", 0))) == [None]


def test_the_newest_run_that_measured_an_attempt_is_heard(store: ObjectStore) -> None:
    rows = pa.Table.from_pylist([attempt_row("red", 0, scores='{"blur.foreground": 8}')])
    write_table(store, layout.RunFiles("run-2").record("s"), rows)
    for info in list(store.list(layout.RunFiles(RUN_ID).requests_prefix)):
        store.write(info.key.replace(RUN_ID, "run-2"), store.read(info.key))
    (answer,) = measured(store, ONLY_BLUR, RUN_ID, "run-2").find_attempts(asked(("red", 0)))
    assert answer is not None
    assert answer.verdict == PASS


def test_a_scanner_that_failed_on_a_later_night_says_nothing_of_what_was_measured_before(store: ObjectStore) -> None:
    failed = {"scores": "{}", "errors": '{"pixels": "it is away"}'}
    rows = [attempt_row("red", 1, **failed), attempt_row("blue", 0, **failed), attempt_row("red", 0, made="failed")]
    write_table(store, layout.RunFiles("run-2").record("s"), pa.Table.from_pylist(rows))
    for info in list(store.list(layout.RunFiles(RUN_ID).requests_prefix)):
        store.write(info.key.replace(RUN_ID, "run-2"), store.read(info.key))
    answers = measured(store, ONLY_BLUR, RUN_ID, "run-2").find_attempts(asked(("red", 1), ("blue", 0), ("red", 0)))
    reasons = [answer.verdict.reasons if answer else None for answer in answers]
    assert reasons == [(), ("scanner-failed.pixels",), ("blurred",)]


def test_a_shard_of_which_no_image_was_started_says_nothing(store: ObjectStore) -> None:
    write_records(store, {"s": []})
    assert measured(store).find_attempts(asked(("red", 0))) == [None]


LAX_BLUR = ONLY_BLUR.model_copy(
    update={
        "image": (
            ImageRule(
                score="blur.foreground",
                reason="blurred",
                block_below=5,
                categories={"lax": Thresholds(block_below=None)},
            ),
        )
    }
)


def decisions_for(store: ObjectStore, categories: tuple[str, ...], asked_for: tuple[str, ...]) -> list[str | None]:
    """Store one blurred image that slots of these categories share, and return the verdict for each slot asked for."""
    slots = [planned_slot_row(f"{category}/front", "red", category=category) for category in categories]
    write_plan(store, slots, [make_request("red", category=categories[0])])
    write_records(store, {"s": [attempt_row("red", 0, scores='{"blur.foreground": 4}')]})
    rows = asked(*[("red", 0)] * len(asked_for))
    ids = pa.array([slot_id(sku, "front", "a", 0) for sku in asked_for], pa.binary())
    found = measured(store, LAX_BLUR).find_attempts(rows.set_column(0, "slot_id", ids))
    return [attempt.verdict.decision if attempt else None for attempt in found]


@pytest.mark.parametrize("order", [("lax", "strict"), ("strict", "lax")])
def test_a_shared_image_is_judged_by_the_category_of_each_slot(tmp_path: Path, order: tuple[str, str]) -> None:
    """A2: a policy judged both by the category of the row that came first."""
    store = open_store(str(tmp_path))
    assert decisions_for(store, order, ("lax", "strict")) == ["PASS", "BLOCK"]


def test_a_slot_whose_category_is_not_stored_gets_the_worst_verdict(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert decisions_for(store, ("lax", "strict"), ("renamed", "lax")) == ["BLOCK", "PASS"]
    store.delete([layout.RunFiles(RUN_ID).slots])
    assert [
        found.verdict.decision for found in measured(store, LAX_BLUR).find_attempts(asked(("red", 0))) if found
    ] == ["PASS"], "where no slots are stored, the request's own category judges"
