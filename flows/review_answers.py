"""Review answers: list what waits and answer it, as a command does, in a store that can keep two writers apart.

Inputs: a store, a catalogue, SKUs or filters, what a person says. Outputs: the waiting items; the answers, with every
SKU that each of them covers. Nothing is written unless every SKU and every option is good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from catalogs.answers.answer import Answer
from catalogs.answers.person import Person, Scope, check_person_name
from catalogs.reviews.review_item import ReviewItem, ReviewKind
from flows.run.job_policy import current_person
from flows.wiring.open_store import prepare_for_writing
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.reviews.review_service import ReviewService
from tasks.reviews.sku_answers import (
    GivenAnswer,
    OpenItem,
    SkuAnswer,
    SkuChoice,
    answer_items,
    choose_items,
    list_answerable_items,
    undo_answers,
)
from tasks.runs.held_batches import list_held_batches
from tasks.runs.review_alarm import QueueLimits, held_alarms, queue_alarms


def find_late_answers(store: ObjectStore, catalogue: str, items: Sequence[ReviewItem], settings: Settings) -> list[str]:
    """Return what people are late with: the listed items by the limits of the settings, and held batches."""
    limits, now = QueueLimits(settings.review_max_waiting, settings.review_max_age_hours), store.now()
    asked = [item.asked_at or now for item in items if item.kind in (ReviewKind.REVIEW, ReviewKind.PROMPT)]
    return [*held_alarms(list_held_batches(store, catalogue), now), *queue_alarms(asked, limits, now)]


def person_named(name: str | None) -> str:
    """Return who answers: the name given, else the user of this computer. Raises `OptionError` for no name."""
    return check_person_name(name if name is not None else current_person(), "--as")


def give_answers(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    name: str,
    choice: SkuChoice,
    answer: SkuAnswer,
    settings: Settings,
) -> list[GivenAnswer]:
    """Check everything, then give one answer for each image that is meant.

    Whoever may write to the store may answer; what a gate blocked, and a conflict, need their own option.
    """
    answer.check()
    prepare_for_writing(store, tables, settings)
    items = choose_items(list_answerable_items(store, tables, catalogue), choice)
    scopes = {Scope.LOOK, Scope.ANSWER} | ({Scope.OVERRIDE} if choice.override or answer.resolves else set())
    service = ReviewService(store, tables, catalogue)
    return answer_items(service, Person(name, frozenset(scopes)), items, answer)


def take_back(
    store: ObjectStore, tables: TableStore, catalogue: str, name: str, skus: Sequence[str], settings: Settings
) -> list[Answer]:
    """Take a person's newest answers back, and return them."""
    prepare_for_writing(store, tables, settings)
    return undo_answers(store, catalogue, name, skus)


def describe_given(given: GivenAnswer) -> dict[str, Any]:
    """Return an answer as plain values: as it stands in the store, what it covers, and what differs from it."""
    written = {"token": given.answer.token, **given.answer.document(), "item": given.item.id}
    covered = {"slots": describe_slots(given.item), "already_given": not given.is_new}
    return written | covered | {"conflict": _describe_conflict(given.conflict)}


def describe_item(waiting: OpenItem, store_url: str) -> Mapping[str, Any]:
    """Return an item as plain values, with the address of its picture."""
    item = waiting.item
    return {
        "item": item.id,
        "kind": item.kind.value,
        "slots": describe_slots(item),
        "reasons": list(item.reasons),
        "category": item.category,
        "severity": item.severity,
        "asked_at": item.asked_at,
        "expires_at": item.expires_at,
        "prompt": item.prompt,
        "scores": dict(item.scores),
        "model": item.model_version or item.model,
        "picture": f"{store_url.rstrip('/')}/{item.object}" if item.object else None,
        "conflict": _describe_conflict(waiting.conflict),
    }


def describe_slots(item: ReviewItem) -> list[dict[str, Any]]:
    """Return the places in the shop that show an item, as plain values."""
    return [{**asdict(slot), "slot_id": slot.slot_id.hex()} for slot in item.slots]


def _describe_conflict(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return who said what, where people differ."""
    names = ("kind", "who", "when", "reason", "why", "prompt")
    documents = [answer.document() for answer in answers]
    return [{name: document[name] for name in names if name in document} for document in documents]
