"""What goes of a held batch and what is kept back, whatever people have answered and named."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.runs.held_selection import WHOLE, HeldSelection, published_skus, select_released
from catalogs.table_schemas import DECISIONS
from tests.fixtures.run_rows import decision_row

WHEN = datetime(2026, 11, 30, tzinfo=UTC)
SKUS = ("cup", "jug", "pot")


def batch_of(*states: str) -> pa.Table:
    rows = [decision_row(f"{sku}/front", sku, state) for sku, state in zip(SKUS, states, strict=False)]
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def answer_on(row: dict[str, Any], kind: AnswerKind, who: str = "ada") -> Answer:
    image = ImageTarget(row["request_key"], row["image_key"], row["finish_digest"], row["finished_sha"])
    reason = "colour" if kind == AnswerKind.REFUSE else ""
    return Answer(kind, who, WHEN, image=image, reason=reason, token=f"{who}-{kind}")


def standing_on(decisions: pa.Table, kinds: dict[str, AnswerKind]) -> StandingAnswers:
    return StandingAnswers(answer_on(row, kinds[row["sku"]]) for row in decisions.to_pylist() if row["sku"] in kinds)


def states_of(decisions: pa.Table) -> dict[str, tuple[str, str, list[str]]]:
    return {row["sku"]: (row["state"], row["verdict"], row["reasons"]) for row in decisions.to_pylist()}


def test_a_whole_batch_without_answers_is_the_batch_itself() -> None:
    decisions = batch_of("publish", "review", "blocked")
    part = select_released(decisions, StandingAnswers(), WHOLE)
    assert part.is_whole
    assert part.decisions is decisions


def test_each_answer_has_its_own_end() -> None:
    decisions = batch_of("publish", "publish", "publish")
    kinds = {"cup": AnswerKind.ACCEPT, "jug": AnswerKind.REFUSE, "pot": AnswerKind.RETRY}
    part = select_released(decisions, standing_on(decisions, kinds), WHOLE)
    assert states_of(part.decisions) == {
        "cup": ("publish", "PASS", []),
        "jug": ("blocked", "BLOCK", ["person.colour"]),
        "pot": ("blocked", "BLOCK", ["person.another-attempt"]),
    }
    assert (part.waiting, part.refused) == (0, 2)
    tokens = dict(zip(SKUS, part.decisions["answer"].to_pylist(), strict=True))
    assert tokens == {"cup": "ada-accept", "jug": "ada-refuse", "pot": None}  # another attempt is still owed


def test_people_who_differ_keep_the_image_waiting() -> None:
    decisions = batch_of("publish")
    row = decisions.to_pylist()[0]
    both = StandingAnswers([answer_on(row, AnswerKind.ACCEPT, "ada"), answer_on(row, AnswerKind.REFUSE, "bob")])
    part = select_released(decisions, both, WHOLE)
    assert states_of(part.decisions) == {"cup": ("review", "REVIEW", ["people-differ"])}


def test_only_what_was_accepted_goes_where_a_person_says_so() -> None:
    decisions = batch_of("publish", "publish", "blocked")
    accepted = standing_on(decisions, {"jug": AnswerKind.ACCEPT})
    part = select_released(decisions, accepted, HeldSelection(accepted_only=True))
    assert published_skus(part.decisions) == ["jug"]


def test_an_answer_on_other_pixels_says_nothing_of_these() -> None:
    decisions = batch_of("publish")
    other = {**decisions.to_pylist()[0], "finished_sha": b"x" * 32}
    part = select_released(decisions, StandingAnswers([answer_on(other, AnswerKind.REFUSE)]), WHOLE)
    assert published_skus(part.decisions) == ["cup"]


STATES = st.sampled_from(["publish", "review", "blocked", "failed", "deferred"])
KINDS = st.sampled_from([AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY])
SOME_SKUS = st.frozensets(st.sampled_from(SKUS))
SELECTIONS = st.builds(HeldSelection, only=SOME_SKUS, without=SOME_SKUS, accepted_only=st.booleans())


@given(
    states=st.lists(STATES, min_size=3, max_size=3),
    kinds=st.dictionaries(st.sampled_from(SKUS), KINDS),
    selection=SELECTIONS,
)
def test_no_slot_is_lost_and_nothing_is_published_that_was_not_to_be(
    states: list[str], kinds: dict[str, AnswerKind], selection: HeldSelection
) -> None:
    decisions = batch_of(*states)
    part = select_released(decisions, standing_on(decisions, kinds), selection)
    before, after = decisions.to_pylist(), part.decisions.to_pylist()
    assert [row["slot_id"] for row in after] == [row["slot_id"] for row in before]
    moved = Counter(new["state"] for old, new in zip(before, after, strict=True) if old["state"] != new["state"])
    assert moved == Counter({"review": part.waiting, "blocked": part.refused})
    for old, new in zip(before, after, strict=True):
        if new["state"] == "publish":
            assert old["state"] == "publish"
            assert kinds.get(old["sku"]) in (None, AnswerKind.ACCEPT)
            assert old["sku"] not in selection.without
            assert not selection.only or old["sku"] in selection.only
            assert not selection.accepted_only or kinds.get(old["sku"]) == AnswerKind.ACCEPT
        if old["state"] == "publish" and kinds.get(old["sku"]) == AnswerKind.REFUSE:
            assert new["reasons"] == ["person.colour"]
