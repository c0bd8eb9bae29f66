"""What is taken back is purged from a CDN until it has said so: failures stay pending, and nothing is forgotten."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from infra.cdn_purge import PurgeAnswer
from infra.interfaces import ObjectInfo
from infra.stores.json_objects import read_json
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.amendments.rollback import rollback
from tasks.maintenance.purges import (
    MAX_ANSWERS,
    MAX_KEYS_A_RECORD,
    find_objects_taken_back,
    find_old_purges,
    record_amendment_purges,
    record_purge,
    send_purges,
)
from tests.fixtures.store_scenarios import StoreScenario, swept


class Cdn:
    """Answers as it is told to, and remembers what it was asked to forget."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.purged: list[str] = []

    def send(self, store: str, keys: Sequence[str]) -> PurgeAnswer:
        assert store.startswith("file://")
        succeeded = self.answers.pop(0) if self.answers else True
        self.purged += keys if succeeded else []
        return PurgeAnswer(succeeded, "gone" if succeeded else "503")


def records(shop: StoreScenario) -> list[dict[str, Any]]:
    return [read_json(shop.store, key) for key in sorted(shop.keys(layout.PURGES))]


class VanishingStore(FaultyStore):
    """A store in which another sweep deletes each object right after it was listed."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        infos = list(super().list(prefix))
        self.delete([info.key for info in infos])
        return iter(infos)


def shop_that_went_back(folder: Path) -> tuple[StoreScenario, set[str]]:
    """Return a shop whose second release was taken back, and the objects that are no longer shown."""
    shop = StoreScenario(folder)
    shop.release("r1", {"shirt/front": "one", "hat/front": "same"})
    shop.release("r2", {"shirt/front": "two"})
    shown = set(shop.published_objects().values())
    rollback(shop.store, shop.tables, "shoes", 1)
    return shop, shown - set(shop.published_objects().values())


def test_records_that_another_sweep_deletes_meanwhile_are_passed_over(tmp_path: Path) -> None:
    shop, _ = shop_that_went_back(tmp_path)
    for find in (lambda store: list(find_old_purges(store, shop.store.now())), lambda store: send_purges(store, Cdn())):
        record_amendment_purges(shop.store, shop.tables, "shoes", shop.store.now() - timedelta(days=30))
        assert find(VanishingStore(shop.store, FaultInjector())) == []  # type: ignore[arg-type, no-untyped-call]
        assert records(shop) == []


def test_what_a_rollback_took_out_of_sight_is_purged_once(tmp_path: Path) -> None:
    shop, gone = shop_that_went_back(tmp_path)
    cdn = Cdn()
    for _ in range(2):
        record_amendment_purges(shop.store, shop.tables, "shoes", shop.store.now() - timedelta(days=30))
        assert send_purges(shop.store, cdn) == []  # type: ignore[arg-type]
    assert cdn.purged == sorted(gone)
    (record,) = records(shop)
    assert (record["state"], record["answers"][-1]["answer"]) == ("done", "gone")


def test_a_failure_is_a_warning_and_is_sent_again_until_it_succeeds(tmp_path: Path) -> None:
    shop, gone = shop_that_went_back(tmp_path)
    cdn = Cdn(*[False] * (MAX_ANSWERS + 2))
    record_amendment_purges(shop.store, shop.tables, "shoes", shop.store.now() - timedelta(days=30))
    for _ in range(MAX_ANSWERS + 2):
        (warning,) = send_purges(shop.store, cdn)  # type: ignore[arg-type]
        assert warning.startswith("1 objects may still be shown by the CDN: 503; see purges/shoes/")
    assert len(records(shop)[0]["answers"]) == MAX_ANSWERS
    assert send_purges(shop.store, cdn) == []  # type: ignore[arg-type]
    assert cdn.purged == sorted(gone)


def test_without_a_command_or_webhook_what_is_pending_is_named(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    record_purge(shop.store, "shoes", ["published/shoes/x.jpg"], "sweep")
    (warning,) = send_purges(shop.store, None)
    assert "neither PACKSHOT_PURGE_COMMAND nor PACKSHOT_PURGE_WEBHOOK is set" in warning


def test_many_keys_are_several_records_and_none_is_an_answered_one(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    record_purge(shop.store, "shoes", [f"published/shoes/{n}.jpg" for n in range(MAX_KEYS_A_RECORD + 1)], "sweep")
    record_purge(shop.store, "shoes", [], "r9")
    assert sorted((len(record["keys"]), record["state"]) for record in records(shop)) == [
        (0, "done"),
        (1, "pending"),
        (MAX_KEYS_A_RECORD, "pending"),
    ]


def test_answered_records_go_after_their_days_and_pending_ones_never(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    for number, cdn in enumerate([Cdn(), Cdn(False)]):
        record_purge(shop.store, "shoes", [f"published/shoes/{number}.jpg"], f"r{number}")
        send_purges(shop.store, cdn)  # type: ignore[arg-type]
    assert list(find_old_purges(shop.store, shop.store.now() - timedelta(days=30))) == []
    shop.backdate(31, layout.PURGES)
    assert swept(shop) == {"purges": 1}
    assert [record["state"] for record in records(shop)] == ["pending"]


@pytest.mark.parametrize("again", [False, True])
def test_an_object_that_the_same_commit_shows_elsewhere_is_not_taken_back(tmp_path: Path, again: bool) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"shirt/front": "one"})
    shop.release("r2", {"shirt/front": "two" if not again else "one"}, model="other@0")
    assert len(find_objects_taken_back(shop.tables, "shoes", 2)) == (0 if again else 1)
