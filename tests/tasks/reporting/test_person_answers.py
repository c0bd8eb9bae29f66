"""What people said of a SKU is found, whether it has an object of its own or was folded, once and in its order."""

from uuid import uuid4

from catalogs import layout
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.json_objects import write_json
from tasks.gates.approval_folding import FOLD_ABOVE, fold_answers
from tasks.reporting.person_answers import read_answers_about


def approve(store: ObjectStore, number: int, sku: str, *, given: bool = True) -> None:
    at = f"2026-11-{1 + number // 24:02}T{number % 24:02}:00:00+00:00"
    document = {"channel": "amazon-main", "given": given, "pixel_shas": ["ab"], "skus": [sku]}
    document |= {"by": "ann", "at": at, "reason": f"seen {number}"}
    write_json(store, layout.person_decision("home", f"{number:04}", layout.CHANNEL_APPROVAL), document)


def test_answers_about_a_sku_are_told_with_who_when_and_why() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    approve(store, 2, "mug", given=False)
    approve(store, 1, "mug")
    approve(store, 3, "lamp")
    readmission = {"skus": ["lamp", "mug"], "by": "bob", "at": "2026-12-01T00:00:00+00:00", "reason": "it was good"}
    write_json(store, layout.person_decision("home", "r9", layout.READMISSION), readmission)
    held = {"run_id": "r1", "accepted": ["retired-share"], "reason": "as meant", "by": "ann", "at": "2026-11-01"}
    write_json(store, layout.person_decision("home", "r1", "release"), held)
    told = read_answers_about(store, "home", "mug")
    assert [(answer["kind"], answer["given"], answer["by"], answer["reason"]) for answer in told] == [
        ("approval", True, "ann", "seen 1"),
        ("approval", False, "ann", "seen 2"),
        ("readmission", True, "bob", "it was good"),
    ]


def test_folded_answers_are_told_too_and_only_once() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    for number in range(FOLD_ABOVE + 1):
        approve(store, number, "mug" if number % 2 else "lamp")
    before = read_answers_about(store, "home", "mug")
    assert fold_answers(store, "home") == FOLD_ABOVE + 1
    approve(store, 1, "mug")  # a fold that was killed before it deleted this one
    assert read_answers_about(store, "home", "mug") == before
    assert len(before) == (FOLD_ABOVE + 1) // 2
