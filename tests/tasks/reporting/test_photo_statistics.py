"""Kept products are counted by mode, photos refused by reason; a run without photos looks for no shared ones."""

from pathlib import Path

import pyarrow as pa

from catalogs.table_schemas import DECISIONS
from infra.testing.faulty_store import FaultInjector
from infra.testing.faulty_tables import FaultyTables
from tasks.reporting.photo_statistics import read_shared_photos, summarize_photos
from tests.fixtures.kept_products import kept_text
from tests.fixtures.kept_shop import KeptShop
from tests.fixtures.run_rows import decision_row, make_release_batch

PHOTO = "c" * 64


def batch(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=DECISIONS)


def test_published_slots_count_by_mode_and_all_others_by_what_is_wrong_with_their_photo() -> None:
    found = summarize_photos(
        batch(
            {"state": "publish", "reasons": [], "kept": kept_text(PHOTO)},
            {"state": "publish", "reasons": [], "kept": kept_text(PHOTO)},
            {"state": "publish", "reasons": [], "kept": kept_text(PHOTO, mode="scene")},
            {"state": "publish", "reasons": [], "kept": "broken"},
            {"state": "publish", "reasons": []},
            {"state": "review", "reasons": ["mask.disagreement", "blurred"], "kept": kept_text(PHOTO)},
            {"state": "blocked", "reasons": ["photo.missing"]},
            {"state": "blocked", "reasons": ["photo.missing", "photo.unreadable"]},
            {"state": "failed", "reasons": None},
        )
    )
    assert found == {
        "kept": {"scene": 1, "unknown": 1, "white": 2},
        "refused": {"photo.missing": 2, "mask.disagreement": 1, "photo.unreadable": 1},
        "notes": [],
    }


def test_a_batch_that_no_photo_has_to_do_with_says_nothing() -> None:
    rows = batch({"state": "publish", "reasons": []}, {"state": "review", "reasons": ["blurred"]})
    assert summarize_photos(rows) == {}
    assert summarize_photos(DECISIONS.empty_table()) == {}
    assert summarize_photos(rows.drop_columns(["kept"])) == {}, "a batch of an older version"


def test_what_is_said_of_several_slots_is_passed_on() -> None:
    found = summarize_photos(DECISIONS.empty_table(), ["photo abc is shared by 3 SKUs"])
    assert found == {"kept": {}, "refused": {}, "notes": ["photo abc is shared by 3 SKUs"]}


KEPT = {"kept": "{}"}


def test_a_photo_of_two_skus_in_the_release_is_found(tmp_path: Path) -> None:
    shop = KeptShop(tmp_path)
    shop.keep("r1", {"shirt/front": 1, "mug/front": 1, "hat/front": 2})
    found = read_shared_photos(shop.tables, make_release_batch([decision_row("shirt/front", "red") | KEPT]))
    photo = shop.pictures["mug/front"].kept.photo
    assert found.first == ((photo, ("mug", "shirt")),)


def test_a_run_without_photos_reads_no_manifest(tmp_path: Path) -> None:
    shop = KeptShop(tmp_path)
    shop.keep("r1", {"shirt/front": 1, "mug/front": 1})
    unread = FaultInjector()
    tables = FaultyTables(shop.tables, unread)
    assert read_shared_photos(tables, make_release_batch([decision_row("shirt/front", "red")])).count == 0  # type: ignore[arg-type]
    assert unread.operation_count == 0
