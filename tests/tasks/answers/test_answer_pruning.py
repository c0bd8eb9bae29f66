"""Pruning: what no image needs leaves the snapshot, is kept in the archive, and nothing else goes."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pyarrow as pa
import pytest

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answer_rows import answers_to_rows
from infra.interfaces import ObjectStore
from infra.stores.memory import MemoryStore
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import read_all_answers, read_answers, write_answer
from tasks.answers.answer_pruning import AnswerReferences, prune_answers
from tasks.answers.answer_snapshots import claim_snapshot, read_answer_snapshot
from tests.fixtures.given_answers import CATALOGUE, START, give, given, image

LATER = START + timedelta(days=400)
PIXELS = "ab" * 32
FOURTH: dict[str, object] = {"request_key": image(4).request_key}


def named(store: ObjectStore, *rows: dict[str, object]) -> AnswerReferences:
    references = AnswerReferences(read_answer_snapshot(store, CATALOGUE))
    schema = pa.schema([("request_key", pa.binary()), ("sku", pa.string()), ("pixel_sha", pa.binary())])
    references.add(pa.Table.from_pylist(list(rows), schema=schema))
    return references


def prune(store: ObjectStore, references: AnswerReferences, *runs: str, young: datetime = LATER) -> int:
    return prune_answers(store, CATALOGUE, references, references.kept_rows(runs, young))


def test_only_answers_about_named_requests_and_young_ones_stay() -> None:
    store = MemoryStore("pruned")
    answers = give(store, 40, images=20)
    fold_answers(store, CATALOGUE, above=0)
    kept = [each for each in answers if each.image is not None and each.image.request_key == image(4).request_key]
    assert prune(store, named(store, FOURTH), young=answers[-3].when) == 40 - len(kept) - 2
    assert read_answers(store, CATALOGUE) == [*kept, *answers[-2:]]
    assert read_all_answers(store, CATALOGUE) == answers
    assert prune(store, named(store, FOURTH), young=answers[-3].when) == 0


@pytest.mark.parametrize(
    ("answer", "row", "run"),
    [
        (replace(given(0), kind=AnswerKind.RETRY, prompt="a red mug"), {"sku": "sku-0"}, ""),
        (
            replace(given(0), kind=AnswerKind.RETRY, prompt="a red mug", details={"skus": ["other"]}),
            {"sku": "other"},
            "",
        ),
        (
            Answer(
                AnswerKind.CHANNEL, "ada", START,
                details={"channel": "ebay", "given": True, "pixel_shas": [PIXELS], "skus": ["mug"]},
            ),
            {"pixel_sha": bytes.fromhex(PIXELS)},
            "",
        ),
        (Answer(AnswerKind.READMISSION, "ada", START, details={"skus": ["mug"]}), {"sku": "mug"}, ""),
        (Answer(AnswerKind.RELEASE, "ada", START, details={"run_id": "r1", "checks": []}), {}, "r1"),
    ],
    ids=["edited prompt", "edited prompt shown elsewhere", "channel", "readmission", "held batch"],
)  # fmt: skip
def test_other_kinds_stay_for_as_long_as_what_they_are_about(answer: Answer, row: dict[str, object], run: str) -> None:
    store = MemoryStore(f"pruned-{uuid4().hex}")
    answer = write_answer(store, CATALOGUE, answer)
    fold_answers(store, CATALOGUE, above=0)
    assert prune(store, named(store, row), run) == 0
    assert prune(store, named(store), "another-run") == 1
    assert read_answers(store, CATALOGUE) == []
    assert read_all_answers(store, CATALOGUE) == [answer]


def test_with_an_edited_prompt_stays_whatever_else_was_said_of_its_request() -> None:
    store = MemoryStore("pruned-edits")
    edited = write_answer(store, CATALOGUE, replace(given(0), kind=AnswerKind.RETRY, prompt="a red mug"))
    undone = write_answer(
        store, CATALOGUE, replace(given(3), image=edited.image, kind=AnswerKind.UNDO, undoes=edited.token)
    )
    fold_answers(store, CATALOGUE, above=0)
    assert prune(store, named(store, {"sku": "sku-0"})) == 0, "an edit without its undo would be in force again"
    assert read_answers(store, CATALOGUE) == [edited, undone]
    assert prune(store, named(store, {"sku": "another"})) == 2


@pytest.mark.parametrize("fold_killed_at", [16, 17, 20])
def test_a_kill_at_any_moment_loses_no_answer_that_is_needed(fold_killed_at: int) -> None:
    """The fold before it was killed too: after its claim, among the archives, before its objects went."""
    moment, died = 1, True
    while died:
        store = MemoryStore(f"killed-prune-{fold_killed_at}-{moment}")
        answers = give(store, 10, images=10)
        with suppress(InjectedFault):
            fold_answers(FaultyStore(store, FaultInjector(fold_killed_at)), CATALOGUE, above=0)
        assert read_answer_snapshot(store, CATALOGUE).number == 1
        injector = FaultInjector(moment)
        with suppress(InjectedFault):
            prune(FaultyStore(store, injector), named(store, FOURTH))
        assert set(read_answers(store, CATALOGUE)) >= set(answers[4:6])
        fold_answers(store, CATALOGUE, above=0)
        prune(store, named(store, FOURTH))
        assert read_answers(store, CATALOGUE) == answers[4:6]
        assert read_all_answers(store, CATALOGUE) == answers
        died, moment = injector.has_failed, moment + 1
    assert moment > 3


def test_beside_another_fold_it_does_nothing() -> None:
    store = MemoryStore("prune-beside-fold")
    give(store, 10)
    fold_answers(store, CATALOGUE, above=0)
    references = named(store)
    give(store, 10, 10)
    fold_answers(store, CATALOGUE, above=0)
    assert prune(store, references) == 0
    assert len(read_answers(store, CATALOGUE)) == 20


def test_what_a_killed_fold_left_is_archived_and_does_not_come_back_by_the_next_fold() -> None:
    store = MemoryStore("pruned-after-a-kill")
    answers = give(store, 3)
    folded = read_answer_snapshot(store, CATALOGUE).with_added(answers_to_rows(answers))
    assert claim_snapshot(store, CATALOGUE, folded)  # and it is killed before it archives them
    assert prune(store, named(store)) == 3
    assert fold_answers(store, CATALOGUE, above=0) == 0
    assert (read_answers(store, CATALOGUE), read_all_answers(store, CATALOGUE)) == ([], answers)
