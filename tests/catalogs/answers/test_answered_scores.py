"""Scores are kept with an answer, and whatever else stands in their place is no score."""

from dataclasses import replace

from catalogs.answers.answered_scores import category_of, score_details, scores_of
from tests.fixtures.given_answers import given


def test_scores_and_category_are_kept_with_an_answer() -> None:
    answer = replace(given(1), details=score_details({"blur": 3.5, "broken": float("nan")}, "mugs"))
    assert scores_of(answer) == {"blur": 3.5}
    assert answer.details == {"scores": {"blur": 3.5}, "category": "mugs"}, "JSON knows no such number"
    assert category_of(answer) == "mugs"


def test_what_is_no_score_is_left_out() -> None:
    for details in (None, {"scores": "none"}, {"scores": {"blur": "high", "edge": float("inf")}, "category": 7}):
        assert scores_of(replace(given(1), details=details)) == {}
        assert category_of(replace(given(1), details=details)) == ""
