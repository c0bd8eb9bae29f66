"""The images of a held batch, by page and by slot, each beside what it would replace."""

from pathlib import Path

import pyarrow as pa

from catalogs import layout
from catalogs.table_schemas import DECISIONS
from infra.stores.parquet_objects import write_table
from tasks.runs import run_state as runs
from tasks.runs.held_images import HeldImages
from tests.fixtures.run_rows import RUN_ID, decision_row
from tests.fixtures.store_scenarios import StoreScenario


def test_images_come_by_sku_with_the_live_one_beside_them(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r0", {"jug/front": "blue"})
    (live,) = shop.tables.read(layout.manifest_table("shoes")).to_pylist()
    shop.write_run_folder(RUN_ID, is_open=True)
    rows = [
        decision_row("pot/front", "green"),
        decision_row("jug/front", "red", live_file_sha=live["file_sha"]),
        decision_row("cup/front", "pink", "review"),
    ]
    write_table(shop.store, layout.RunFiles(RUN_ID).batch, pa.Table.from_pylist(rows, schema=DECISIONS))
    images = HeldImages(shop.store, shop.tables, runs.load_run(shop.store, RUN_ID))
    assert (len(images), images.replacing) == (2, 1)
    first, second = images.page(0, 10)
    assert [first.sku, second.sku] == ["jug", "pot"]
    assert first.source("live") == (live["object"], live["file_sha"])
    assert (second.source("live"), second.source("other")) == (("", b""), ("", b""))
    assert images.page(1, 1) == [second]
    assert images.find([bytes.fromhex(first.slot), b"no slot"]) == [first]
    assert first.target.key == (rows[1]["image_key"], rows[1]["finish_digest"], rows[1]["finished_sha"])
