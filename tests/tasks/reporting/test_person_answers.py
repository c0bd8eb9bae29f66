"""What people said of a SKU is found, whether it has an object of its own or was folded, once and in its order."""

from dataclasses import replace

import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import write_answer
from tasks.reporting.person_answers import SkuReferences, read_answers_about
from tests.fixtures.given_answers import START, image

MUG = SkuReferences("mug", {image(0).request_key}, {"r1"})
HOME = "home"


def approval(number: int, sku: str, *, given: bool = True) -> dict[str, object]:
    at = f"2026-11-{1 + number // 24:02}T{number % 24:02}:00:00+00:00"
    document: dict[str, object] = {"channel": "amazon-main", "given": given, "pixel_shas": ["ab"], "skus": [sku]}
    return document | {"by": "ann", "at": at, "reason": f"seen {number}"}


def approve(store: ObjectStore, number: int, sku: str, *, given: bool = True) -> None:
    key = layout.person_decision(HOME, f"{number:04}", layout.CHANNEL_APPROVAL)
    write_json(store, key, approval(number, sku, given=given))


def test_answers_of_earlier_versions_are_told_with_who_when_and_why() -> None:
    store = MemoryStore("told")
    approve(store, 2, "mug", given=False)
    approve(store, 1, "mug")
    approve(store, 3, "lamp")
    readmission = {"skus": ["lamp", "mug"], "by": "bob", "at": "2026-12-01T00:00:00+00:00", "reason": "it was good"}
    write_json(store, layout.person_decision(HOME, "r9", layout.READMISSION), readmission)
    held = {"run_id": "r1", "accepted": ["retired-share"], "reason": "as meant", "by": "ann", "at": "2026-11-01"}
    write_json(store, layout.person_decision(HOME, "r1", "release"), held)
    told = read_answers_about(store, HOME, MUG)
    assert [(answer["kind"], answer["given"], answer["by"], answer["reason"]) for answer in told] == [
        ("release", True, "ann", "as meant"),
        ("approval", True, "ann", "seen 1"),
        ("approval", False, "ann", "seen 2"),
        ("readmission", True, "bob", "it was good"),
    ]
    other = replace(MUG, run_ids={"r2"})
    assert "release" not in {answer["kind"] for answer in read_answers_about(store, HOME, other)}


@pytest.mark.parametrize("folded", [False, True])
def test_folded_answers_are_told_too_and_only_once(folded: bool) -> None:
    store = MemoryStore(f"told-folded-{folded}")
    for number in range(10):
        approve(store, number, "mug" if number % 2 else "lamp")
    earlier = {"documents": {"0011": approval(11, "mug"), "0001": approval(1, "mug")}}
    write_json(store, layout.approval_archive(HOME, 1), earlier)
    if folded:
        assert fold_answers(store, HOME, above=5) == 10
        approve(store, 1, "mug")  # a fold that was killed before it deleted this one
    told = read_answers_about(store, HOME, MUG)
    assert [answer["reason"] for answer in told] == [f"seen {number}" for number in (1, 3, 5, 7, 9, 11)]


@pytest.mark.parametrize("folded", [False, True])
def test_answers_about_its_images_say_whether_they_count(folded: bool) -> None:
    """The image is shown by another SKU too, and was answered there."""
    store = MemoryStore(f"told-images-{folded}")
    shown = replace(image(0), sku="red mug")
    first = write_answer(store, HOME, Answer(AnswerKind.ACCEPT, "ann", START, "", shown))
    write_answer(store, HOME, Answer(AnswerKind.UNDO, "ann", START, "", shown, undoes=first.token))
    write_answer(store, HOME, Answer(AnswerKind.ACCEPT, "ann", START, "fine", shown, seconds=2.0))
    write_answer(store, HOME, Answer(AnswerKind.REFUSE, "ben", START, "no", shown, "deformed"))
    write_answer(store, HOME, Answer(AnswerKind.REFUSE, "ben", START, "no", image(2), "deformed"))
    if folded:
        assert fold_answers(store, HOME, above=0) == 5
    told = read_answers_about(store, HOME, MUG)
    assert [(answer["kind"], answer["counts"], answer["conflict"], answer["refusal"]) for answer in told] == [
        ("accept", False, True, ""),
        ("undo", False, True, ""),
        ("accept", True, True, ""),
        ("refuse", True, True, "deformed"),
    ]
    assert {answer["sku"] for answer in told} == {"red mug"}
