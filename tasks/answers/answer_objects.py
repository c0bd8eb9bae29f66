"""Answer objects: the answers that have an object of their own, those of earlier versions included.

Inputs: a store and a catalogue. Outputs: each answer with the key of its object. An answer has an object from when it
is given until it is folded (`tasks.answers.answer_folding`), so there are a few hundred at most, read side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from catalogs import layout
from catalogs.answers.answer import Answer, parse_answer
from catalogs.answers.earlier_answers import EARLIER_KINDS, parse_earlier_answer
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json
from infra.stores.stored_documents import reading


@dataclass(frozen=True)
class AnswerObject:
    """An answer, and the key of its object."""

    key: str
    answer: Answer


def list_answer_keys(store: ObjectStore, catalogue: str) -> list[str]:
    """Return the keys of the answers that have an object of their own, by one listing."""
    return [info.key for info in store.list(layout.person_decisions_prefix(catalogue)) if _name(info.key)]


def read_answer_objects(store: ObjectStore, keys: list[str]) -> Iterator[AnswerObject]:
    """Yield the answers under these keys; those that were folded since they were listed are left out."""
    for key, document in zip(keys, concurrent_map(store, partial(find_json, store), keys), strict=True):
        if document is not None:
            name = _name(key)
            token = key.rsplit("/", 1)[1].removesuffix(f"-{name}.json")
            with reading(key, "an answer"):
                if name == layout.ANSWER:
                    yield AnswerObject(key, parse_answer(document, token))
                else:
                    yield AnswerObject(key, parse_earlier_answer(document, name, token))


def _name(key: str) -> str:
    """Return what an answer's key ends with; nothing for a key that is none of an answer's."""
    name = key.rpartition("-")[2].removesuffix(".json")
    return name if key.endswith(".json") and (name == layout.ANSWER or name in EARLIER_KINDS) else ""
