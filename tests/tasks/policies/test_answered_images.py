"""Answered images: their scores come from the answer, or else from a review index; a conflict is no evidence."""

import json
from dataclasses import replace

import pyarrow as pa

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from catalogs.answers.answered_scores import score_details
from catalogs.policy.answer_calibration import AnsweredImage
from catalogs.policy.schema import built_in_policy
from catalogs.table_schemas import REVIEW_INDEX
from infra.stores.memory import MemoryStore
from infra.stores.parquet_objects import write_table
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import put_answer
from tasks.policies.answered_images import read_answer_statistics, read_answered_images
from tests.fixtures.given_answers import CATALOGUE, given, image


def test_scores_come_from_the_answer_or_from_the_index() -> None:
    store = MemoryStore("answered-images")
    scored = replace(given(0), kind=AnswerKind.ACCEPT, details=score_details({"blur.foreground": 8.0}, "mugs"))
    indexed, unknown = (replace(given(n), kind=AnswerKind.REFUSE, image=image(n)) for n in (1, 2))
    differing = [
        replace(given(3), image=image(3), kind=AnswerKind.ACCEPT),
        replace(given(4), image=image(3), kind=AnswerKind.REFUSE),
    ]
    sample = replace(given(5), kind=AnswerKind.ACCEPT, image=replace(image(5), state="publish", reasons=()))
    for answer in [scored, indexed, unknown, *differing, replace(sample, details=scored.details)]:
        put_answer(store, CATALOGUE, answer)
    row = {"image_key": image(1).image_key, "finish_digest": image(1).finish_digest}
    row |= {"scores": json.dumps({"blur.foreground": 3})}
    write_table(store, layout.review_index(CATALOGUE, "r1"), pa.Table.from_pylist([row], schema=REVIEW_INDEX))
    wanted = [
        AnsweredImage(True, {"blur.foreground": 8.0}, ("blurred",), "mugs"),
        AnsweredImage(False, {"blur.foreground": 3.0}, ("blurred",)),
        AnsweredImage(True, {"blur.foreground": 8.0}, category="mugs"),
    ]
    assert read_answered_images(store, CATALOGUE) == wanted
    fold_answers(store, CATALOGUE, above=0)
    assert read_answered_images(store, CATALOGUE) == wanted
    assert read_answered_images(store, CATALOGUE, "2026-02") == []


def test_statistics_are_of_the_months_since_one() -> None:
    store = MemoryStore("answer-statistics")
    for number in range(10):
        put_answer(store, CATALOGUE, given(number, images=100))
    fold_answers(store, CATALOGUE, above=0)
    put_answer(store, CATALOGUE, given(45 * 24 * 60, images=10**6))
    found = read_answer_statistics(store, CATALOGUE, built_in_policy())
    assert (found["catalogue"], found["since"], found["answers"]) == (CATALOGUE, None, 11)
    assert read_answer_statistics(store, CATALOGUE, built_in_policy(), "2026-02")["answers"] == 1
