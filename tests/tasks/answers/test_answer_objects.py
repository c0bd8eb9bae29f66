"""Objects of single answers: found by their names, and refused where they hold something else."""

import pytest

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from infra.errors import DocumentUnreadable
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from tasks.answers.answer_objects import list_answer_keys, read_answer_objects
from tests.fixtures.given_answers import CATALOGUE, give


def test_answers_of_every_version_are_found_and_nothing_else() -> None:
    store = MemoryStore("answer-objects")
    [answer] = give(store, 1)
    write_json(store, layout.person_decision(CATALOGUE, "r1", layout.HELD_RELEASE), {"accepted": ["x"], "run_id": "r1"})
    write_json(store, layout.person_decision(CATALOGUE, "r1", "somebody-else-s"), {})
    store.write(f"{layout.person_decisions_prefix(CATALOGUE)}notes-answer.txt", b"")
    store.write(f"{layout.person_decisions_prefix(CATALOGUE)}notes-answer", b"")
    keys = list_answer_keys(store, CATALOGUE)
    found = {each.key: each.answer for each in read_answer_objects(store, [*keys, "decisions/shoes/gone-answer.json"])}
    assert len(found) == 2
    assert found[layout.person_decision(CATALOGUE, answer.token, layout.ANSWER)] == answer
    assert found[layout.person_decision(CATALOGUE, "r1", layout.HELD_RELEASE)].kind == AnswerKind.RELEASE


def test_a_planted_answer_is_named_and_never_left_out() -> None:
    store, key = MemoryStore("planted-answer"), layout.person_decision(CATALOGUE, "t", layout.ANSWER)
    write_json(store, key, {"kind": "accept", "who": "eve", "when": "2026-01-01T00:00:00+00:00"})
    with pytest.raises(DocumentUnreadable, match=key):
        list(read_answer_objects(store, [key]))
