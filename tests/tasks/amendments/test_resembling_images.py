"""A rollback leaves out an image that another SKU shows the like of by now: no duplicate comes back."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.schema import built_in_policy
from catalogs.runs.manifest_diff import ManifestDiff
from catalogs.table_schemas import FINGERPRINTS, MANIFEST
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import write_table
from tasks.amendments.resembling_images import find_resembling_images
from tasks.amendments.rollback import rollback
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, request_key_of

POLICY = built_in_policy()


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop whose shirt was red, and whose hat is now: another request of the same pixels."""
    return shop_of(tmp_path, None, None)


def shop_of(folder: Path, shirt_photo: bytes | None, hat_photo: bytes | None) -> StoreScenario:
    shop = StoreScenario(folder)
    shop.release("r1", {"shirt/front": "red", "shoe/front": "green"}, photo_sha=shirt_photo)
    shop.release("r2", {"shirt/front": "pink", "shoe/front": "brown"})
    shop.release("r3", {"hat/front": "red"}, request_key=request_key_of("crimson"), photo_sha=hat_photo)
    live = shop.tables.read(layout.manifest_table(CATALOGUE))
    codes = pa.Table.from_pylist([{**row, "fingerprint": None, "crop": None} for row in live.to_pylist()], FINGERPRINTS)
    write_table(shop.store, layout.fingerprints(CATALOGUE, "r3"), codes)
    PolicyRecords(shop.store, CATALOGUE).claim(PolicyRecord(1, POLICY, "default", "ada", shop.store.now(), "first"))
    return shop


def test_an_image_that_another_sku_shows_by_now_is_left_out_and_named(scenario: StoreScenario) -> None:
    before = scenario.published_objects()
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1)
    shown = scenario.published_objects()
    assert (shown["shirt/front"], shown["hat/front"]) == (before["shirt/front"], before["hat/front"])
    assert shown["shoe/front"] != before["shoe/front"]
    assert (done.restored, done.left_out) == (1, 1)
    assert [(slot["sku"], slot["reasons"]) for slot in done.slots["left_out"]] == [("shirt", ["duplicate-exact"])]


def test_an_image_that_keeps_the_same_photo_as_another_sku_s_comes_back(tmp_path: Path) -> None:
    done = rollback(*_opened(shop_of(tmp_path / "same", b"photo", b"photo")), 1)
    assert (done.restored, done.left_out) == (2, 0)
    done = rollback(*_opened(shop_of(tmp_path / "other", b"photo", b"another")), 1)
    assert (done.restored, done.left_out) == (1, 1)


def _opened(shop: StoreScenario) -> tuple[ObjectStore, TableStore, str]:
    return shop.store, shop.tables, CATALOGUE


def test_what_goes_in_the_same_rollback_is_not_compared_with(scenario: StoreScenario) -> None:
    done = rollback(scenario.store, scenario.tables, CATALOGUE, 1, drop_new=True)
    assert (done.restored, done.left_out, done.dropped) == (2, 0, 1)


def test_without_a_policy_or_anything_to_restore_nothing_is_compared(scenario: StoreScenario) -> None:
    arguments = (scenario.store, scenario.tables, CATALOGUE)
    empty = MANIFEST.empty_table()
    rows = scenario.tables.read(layout.manifest_table(CATALOGUE))
    assert find_resembling_images(*arguments, ManifestDiff(restored=rows, lost=empty), None).num_rows == 0
    assert find_resembling_images(*arguments, ManifestDiff(restored=empty, lost=empty), POLICY).num_rows == 0
