"""Statistics: who overturned which gate how often, at which score, how surely, and how fast."""

from dataclasses import replace

import pytest

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.answers.answer_statistics import MAX_SECONDS, ScoreLimit, summarize_answers
from catalogs.answers.answered_scores import score_details
from tests.fixtures.given_answers import START, image

ACCEPT, REFUSE, RETRY, UNDO = AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY, AnswerKind.UNDO
BLUR = ScoreLimit("blurred", "blur.foreground", "below", 10.0)


def said(number: int, kind: AnswerKind, *reasons: str, state: str = "review", **others: object) -> Answer:
    target = replace(image(number), state=state, reasons=reasons)
    fields = {"who": "ada", "seconds": 2.0} | others
    return Answer(kind, when=START, image=target, token=f"{number:06}", **fields)  # type: ignore[arg-type]


def test_a_gate_is_overturned_where_people_accept_what_it_kept_back() -> None:
    answers = [said(n, ACCEPT, "blurred") for n in range(6)] + [said(n, REFUSE, "blurred", "cropped") for n in (6, 7)]
    answers += [
        said(8, RETRY, "cropped", state="blocked"),
        said(9, REFUSE, state="publish"),
        said(10, ACCEPT, state="publish"),
    ]
    found = summarize_answers(answers)
    assert (found["answers"], found["images"], found["conflicts"]) == (11, 11, 0)
    assert (found["overturned"]["images"], found["overturned"]["count"]) == (9, 6)
    blurred, cropped = found["gates"]
    assert (blurred["reason"], blurred["images"], blurred["rate"]) == ("blurred", 8, 0.75)
    assert (round(blurred["low"], 3), round(blurred["high"], 3)) == (0.409, 0.929)
    assert (cropped["reason"], cropped["count"], cropped["retried"]) == ("cropped", 0, 1)
    assert (found["samples"]["images"], found["samples"]["rate"]) == (2, 0.5)


def test_a_threshold_is_shown_with_the_scores_on_both_sides_of_people_s_answers() -> None:
    def scored(number: int, kind: AnswerKind, value: float) -> Answer:
        return said(number, kind, "blurred", details=score_details({"blur.foreground": value}, "mugs"))

    answers = [scored(1, ACCEPT, 9.0), scored(2, ACCEPT, 8.0), scored(3, REFUSE, 4.0), scored(4, REFUSE, 12.0)]
    [line] = summarize_answers([*answers, said(5, ACCEPT, "blurred")], [BLUR, replace(BLUR, reason="never")])["limits"]
    assert (line["images"], line["count"], line["limit"]) == (3, 2, 10.0)
    assert (line["accepted_median"], line["refused_median"]) == (8.5, 4.0)


def test_a_threshold_of_a_category_counts_its_own_images_and_the_general_one_all_others() -> None:
    def scored(number: int, kind: AnswerKind, category: str) -> Answer:
        return said(number, kind, "blurred", details=score_details({"blur.foreground": 2.0}, category))

    answers = [scored(1, ACCEPT, "rings"), scored(2, REFUSE, "mugs"), scored(3, REFUSE, ""), scored(4, ACCEPT, "rings")]
    limits = [replace(BLUR, others=frozenset({"rings"})), replace(BLUR, limit=4.0, category="rings")]
    found = summarize_answers(answers, limits)["limits"]
    assert [(line["category"], line["limit"], line["images"], line["count"]) for line in found] == [
        ("", 10.0, 2, 0), ("rings", 4.0, 2, 2),
    ]  # fmt: skip


def test_an_image_on_which_people_differ_counts_for_no_gate() -> None:
    answers = [said(1, ACCEPT, "blurred"), replace(said(1, REFUSE, "blurred", who="ben"), token="000002")]  # noqa: S106
    found = summarize_answers(answers)
    assert (found["conflicts"], found["gates"], found["agreement"]["images"]) == (1, [], 1)


def test_the_pace_leaves_out_pauses_and_undos() -> None:
    answers = [said(n, ACCEPT, seconds=float(n)) for n in range(1, 12)] + [said(12, ACCEPT, seconds=MAX_SECONDS + 1)]
    answers += [said(13, UNDO, undoes="000012"), said(14, REFUSE, reason="deformed", who="ben", seconds=None)]
    found = summarize_answers(answers)
    assert found["seconds"]["answers"] == 11
    assert (found["seconds"]["median"], found["seconds"]["p90"]) == (6.0, 10.0)
    assert [person["who"] for person in found["seconds"]["people"]] == ["ada", "ben"]
    assert (found["undone"], found["refusals"][0]["reason"]) == (1, "deformed")


def test_without_answers_nothing_is_claimed() -> None:
    found = summarize_answers([])
    assert (found["images"], found["overturned"]["rate"], found["known"]["rate"]) == (0, None, None)
    assert found["agreement"]["kappa"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("side", "value", "outside"), [("below", 9.0, True), ("below", 10.0, False), ("above", 11.0, True)]
)
def test_a_score_at_its_limit_is_within(side: str, value: float, outside: bool) -> None:
    assert replace(BLUR, side=side).is_outside(value) == outside  # type: ignore[arg-type]
