"""Figures of the gates in words: each rate with how many it is of and its interval, and names that stay text."""

from dataclasses import replace

from catalogs.answers.answer import AnswerKind, AnswerPurpose
from catalogs.answers.answer_statistics import ScoreLimit, summarize_answers
from catalogs.answers.answered_scores import score_details
from flows.web.review.gate_view import MAX_LINES, view_gates
from tests.fixtures.given_answers import given, image

LIMITS = (ScoreLimit("blurred", "blur.foreground", "below", 7.0),)


def accepted(number: int, score: float = 6.0, **changes: object) -> object:
    answer = replace(given(number), image=image(number), kind=AnswerKind.ACCEPT)
    return replace(answer, details=score_details({"blur.foreground": score}, "mugs"), **changes)


def refused(number: int, reason: str, score: float = 4.0) -> object:
    return replace(accepted(number, score), kind=AnswerKind.REFUSE, reason=reason)


def test_each_rate_stands_with_how_many_it_is_of_and_its_interval() -> None:
    answers = [accepted(0), accepted(1), accepted(2), refused(3, "wrong-product"), refused(4, "")]
    view = view_gates(summarize_answers(answers, LIMITS))  # type: ignore[arg-type]
    assert (view.answers, view.images) == (5, 5)
    (gate,) = view.gates
    assert (gate.name, gate.cells) == ("Blurred", ("0",))
    assert gate.rate == ("5", "60 %", "23 % to 88 %", 60.0, 23.07, 88.24)
    (limit,) = view.limits
    assert (limit.name, limit.cells) == ("blur.foreground below 7", ("6", "4"))
    own = [replace(LIMITS[0], category="mugs")]
    assert view_gates(summarize_answers(answers, own)).limits[0].name == "blur.foreground below 7, mugs"  # type: ignore[arg-type]
    assert [(line.name, line.cells, line.rate.share) for line in view.refusals] == [
        ("other", ("1",), "50 %"), ("wrong product", ("1",), "50 %"),
    ]  # fmt: skip
    assert view.facts[0] == ("Seconds an answer", "2.5, nine of ten within 2.5")


def test_a_table_has_an_end_however_many_reasons_and_thresholds_a_policy_has() -> None:
    reasons = tuple(f"rule-{number}" for number in range(MAX_LINES + 5))
    answer = replace(accepted(0), image=replace(image(0), reasons=reasons))  # type: ignore[type-var]
    limits = [replace(LIMITS[0], reason=reason) for reason in reasons]
    view = view_gates(summarize_answers([answer], limits))  # type: ignore[list-item]
    assert (len(view.gates), len(view.limits)) == (MAX_LINES, MAX_LINES)


def test_a_known_answer_that_somebody_missed_stands_beside_how_fast_they_are() -> None:
    known = {"purpose": AnswerPurpose.KNOWN, "image": image(0), "who": "cleo"}
    answers = [
        accepted(0), accepted(1, image=image(0)), replace(given(2), **known, kind=AnswerKind.REFUSE, reason="colour"),
    ]  # fmt: skip
    view = view_gates(summarize_answers(answers))  # type: ignore[arg-type]
    assert [line.rate.share for line in view.totals] == ["100 %", "–", "100 %", "100 %"]
    people = {line.name: (line.cells, line.rate.of, line.rate.share) for line in view.people}
    assert people == {
        "ada": (("1", "2.5", "2.5"), "0", "–"),
        "ben": (("1", "2.5", "2.5"), "0", "–"),
        "cleo": (("1", "2.5", "2.5"), "1", "100 %"),
    }


def test_names_of_ten_thousand_characters_are_cut_and_their_direction_is_visible() -> None:
    view = view_gates(summarize_answers([accepted(0, who="\u202e" + "x" * 10_000)]))  # type: ignore[list-item]
    assert len(view.people[0].name) < 100
    assert "\u202e" not in view.people[0].name


def test_without_answers_there_is_nothing_to_say() -> None:
    view = view_gates(summarize_answers([], LIMITS))
    assert (view.answers, view.gates, view.limits, view.refusals, view.people) == (0, (), (), (), ())
    assert {line.rate.share for line in view.totals} == {"–"}
