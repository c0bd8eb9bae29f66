"""A batch does not publish against what people have said since it was decided, and publishes all the rest."""

from typing import Any

from infra.stores.memory import MemoryStore
from infra.stores.request_count import REQUESTS
from tasks.gates.later_answers import find_answered_otherwise
from tests.fixtures.answered_images import ACCEPT, REFUSE, RETRY, answer, image_in, readmission, undo
from tests.fixtures.run_rows import decision_row, make_release_batch


def forbidden(store: MemoryStore, *rows: dict[str, Any]) -> list[bytes]:
    found = find_answered_otherwise(store, make_release_batch(rows))
    return [row["slot_id"] for row in rows if (row["slot_id"], row["request_key"], row["finish_digest"]) in found]


MUG, CUP, HAT = decision_row("mug/front", "red"), decision_row("cup/front", "red"), decision_row("hat/front", "blue")


def test_a_later_refusal_another_attempt_and_a_conflict_forbid_every_slot_of_the_image() -> None:
    for kind, reason in ((REFUSE, "colour"), (RETRY, "")):
        store = MemoryStore(f"later-{kind}")
        answer(store, image_in(MUG), kind, reason=reason)
        assert forbidden(store, MUG, CUP, HAT) == [MUG["slot_id"], CUP["slot_id"]]
    answer(store, image_in(HAT), ACCEPT)
    assert forbidden(store, HAT) == []
    answer(store, image_in(HAT), REFUSE, "ben", reason="colour")
    assert forbidden(store, HAT) == [HAT["slot_id"]]


def test_an_acceptance_that_was_undone_since_forbids_what_it_let_pass() -> None:
    store = MemoryStore("undone")
    given = answer(store, image_in(MUG), ACCEPT)
    decided = MUG | {"answer": given.token}
    assert forbidden(store, decided) == []
    undo(store, given)
    assert forbidden(store, decided, CUP) == [MUG["slot_id"]]


def test_a_refusal_that_a_readmission_lifted_forbids_nothing_in_its_sku() -> None:
    store = MemoryStore("lifted")
    answer(store, image_in(MUG), REFUSE, reason="colour")
    readmission(store, "cup")
    assert forbidden(store, MUG, CUP) == [MUG["slot_id"]]


def test_other_pixels_are_not_spoken_of_and_a_batch_without_images_reads_nothing() -> None:
    store = MemoryStore("others")
    answer(store, image_in(MUG, pixel_sha=b"others"), REFUSE, reason="colour")
    assert forbidden(store, MUG) == []
    before = REQUESTS.since()
    assert forbidden(store, decision_row("mug/front", "red", "review")) == []
    assert REQUESTS.since(before) == dict.fromkeys(REQUESTS.since(before), 0)
