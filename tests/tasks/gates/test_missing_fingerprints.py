"""A7: a live image that no file under `codes/` describes gets a fingerprint before a batch is compared with it."""

from pathlib import Path

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.table_schemas import FINGERPRINTS, RECORDS
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.staged_product import measure_staged_product
from infra.stores.parquet_objects import read_table, write_table
from tasks.gates.missing_fingerprints import RestoredFingerprints, find_fingerprints, restore_fingerprints
from tasks.gates.near_duplicates import PublishedFingerprints
from tasks.gates.staged_products import find_product_alpha
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.kept_shop import KeptShop
from tests.fixtures.run_rows import attempt_row, fingerprint_of
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, jpeg_of

NOTHING = pa.array([], pa.binary())


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop of a mug and a hat, of which only the hat has a fingerprint under `codes/`."""
    shop = StoreScenario(tmp_path)
    shop.release("r0", {"mug/front": "red", "hat/front": "blue"})
    shop.write_fingerprints("r0", {"hat/front": "blue"})
    return shop


def shown(scenario: StoreScenario) -> PublishedFingerprints:
    return PublishedFingerprints(scenario.store, scenario.tables, CATALOGUE, NOTHING)


def restore(scenario: StoreScenario) -> tuple[RestoredFingerprints, list[dict[str, object]]]:
    before = set(scenario.keys(layout.fingerprints_prefix(CATALOGUE)))
    found = restore_fingerprints(scenario.store, scenario.tables, CATALOGUE, shown(scenario).missing)
    (written,) = set(scenario.keys(layout.fingerprints_prefix(CATALOGUE))) - before
    return found, read_table(scenario.store, written, FINGERPRINTS).to_pylist()


def pixels_of(word: str) -> bytes:
    return bytes.fromhex(pixel_sha(decode(jpeg_of(word))))


def test_a_live_image_without_fingerprint_is_known_by_its_slot(scenario: StoreScenario) -> None:
    (mug,) = [row for row in scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist() if row["sku"] == "mug"]
    assert shown(scenario).missing.to_pylist() == [mug["slot_id"]]
    assert len(PublishedFingerprints(scenario.store, scenario.tables, CATALOGUE, shown(scenario).missing).missing) == 0


def test_a_fingerprint_comes_from_the_record_of_the_run_that_made_the_image(scenario: StoreScenario) -> None:
    record = pa.Table.from_pylist([attempt_row("red", finished_sha=pixels_of("red"))], schema=RECORDS)
    write_table(scenario.store, layout.RunFiles("r0").record("s"), record)
    found, (row,) = restore(scenario)
    assert found == RestoredFingerprints(recorded=1)
    assert (row["sku"], row["fingerprint"], row["pixel_sha"]) == ("mug", fingerprint_of("red 0"), pixels_of("red"))
    assert len(shown(scenario).missing) == 0
    assert len(shown(scenario)) == 2


def test_a_record_of_other_pixels_is_not_believed_and_the_published_file_is_measured(scenario: StoreScenario) -> None:
    record = pa.Table.from_pylist([attempt_row("red")], schema=RECORDS)
    write_table(scenario.store, layout.RunFiles("r0").record("s"), record)
    found, (row,) = restore(scenario)
    assert found == RestoredFingerprints(measured=1)
    assert row["fingerprint"] == pdq(decode(jpeg_of("red")))[0]
    (warning,) = found.warnings()
    assert warning.startswith("1 × a live image had no fingerprint under codes/: restored before the duplicates")


def test_an_image_whose_file_is_gone_is_compared_by_its_pixels_alone(scenario: StoreScenario) -> None:
    (mug,) = [row for row in scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist() if row["sku"] == "mug"]
    scenario.store.delete([mug["object"]])
    found, (row,) = restore(scenario)
    assert (found, row["fingerprint"], row["pixel_sha"]) == (RestoredFingerprints(lost=1), None, pixels_of("red"))
    assert len(shown(scenario).missing) == 0, "it is not looked for every night"
    assert found.warnings()[0].startswith("1 × a live image has no fingerprint and its file is gone")


def test_of_a_product_on_a_stage_the_product_is_measured_and_not_the_stage(tmp_path: Path) -> None:
    shop = KeptShop(tmp_path)
    shop.keep("r1", {"shirt/front": 1, "mug/front": 2}, stage=drawn_stage(1, 300, 220))
    rows = {row["sku"]: row for row in find_fingerprints(shop.store, [shop.live_row(place) for place in shop.pictures])}
    pixels = decode(shop.store.read(shop.published_key("shirt/front")))
    alpha = find_product_alpha(shop.store, shop.live_row("shirt/front")["kept"])
    assert alpha is not None
    found = measure_staged_product(pixels, alpha)
    assert found is not None
    assert (rows["shirt"]["fingerprint"], rows["shirt"]["looks"]) == (found[0], found[2].values)
    assert rows["shirt"]["fingerprint"] != pdq(pixels)[0]
    shop.store.delete([shop.mask_key("mug/front")])
    [lost] = find_fingerprints(shop.store, [shop.live_row("mug/front")])
    assert (lost["fingerprint"], lost["crop"]) == (None, None), "the frame's would be the stage's"
