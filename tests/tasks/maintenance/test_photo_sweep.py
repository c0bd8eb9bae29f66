"""Photos and masks go when nothing names them any more, a day old, and never beside a run that plans."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.photos.kept_request import KeptRequest, KeptResult
from catalogs.table_schemas import REQUESTS
from infra.photos.photo_index import PHOTO_INDEX, save_index
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultyStore
from tests.fixtures.interleaving import ActsAt
from tests.fixtures.store_scenarios import StoreScenario, asked_about, request_key_of, review_row, run_sweep, swept

CUTTERS = (("plain-ground", "1"),)
DIGEST = KeptRequest("white", (), CUTTERS, {}).cutters_digest


def sha(label: str) -> str:
    return request_key_of(label).hex()


def keep(shop: StoreScenario, *labels: str) -> set[str]:
    """Write photos with a mask and its scores; return the keys."""
    keys = {
        key
        for label in labels
        for key in (
            layout.source_photo(sha(label), "jpg"),
            layout.cutout_mask(sha(label), DIGEST),
            layout.cutout_scores(sha(label), DIGEST),
        )
    }
    for key in keys:
        shop.store.write(key, b"x")
    return keys


def photos(shop: StoreScenario) -> set[str]:
    return shop.keys(layout.SOURCES) | shop.keys(layout.CUTOUTS)


def result(label: str) -> str:
    return KeptResult("white", sha(label), "fit", "plain-ground", "1", {}, {}, DIGEST).text


def release(shop: StoreScenario, run_id: str, label: str) -> None:
    shop.release(run_id, {"shirt/front": label}, mode="white", photo_sha=bytes.fromhex(sha(label)), kept=result(label))


def plan(shop: StoreScenario, run_id: str, *labels: str, whole: bool = True) -> None:
    text = KeptRequest("white", tuple(map(sha, labels)), CUTTERS, {}).text
    row = {"request_key": request_key_of("r"), "attempts_allowed": 1, "verdict": "PASS", "reasons": [], "kept": text}
    write_table(shop.store, layout.RunFiles(run_id).requests("000"), pa.Table.from_pylist([row], REQUESTS))
    if whole:
        write_json(shop.store, layout.RunFiles(run_id).plan, {})


def index(shop: StoreScenario, catalogue: str, *labels: str) -> None:
    rows: list[dict[str, Any]] = [
        {"reference": label, "version": "v", "sha256": bytes.fromhex(sha(label)), "looked_at": datetime.now(UTC)}
        for label in labels
    ]
    save_index(shop.store, layout.photo_index(catalogue), pa.Table.from_pylist(rows, PHOTO_INDEX))


def test_each_that_names_a_photo_keeps_it_and_the_rest_goes_after_a_day(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    named = ("live", "asked", "planned", "outcome", "indexed", "other")
    kept = keep(shop, *named)
    keep(shop, "gone", "replaced")
    release(shop, "r1", "replaced")
    shop.backdate(40)
    release(shop, "r2", "live")
    shop.write_run_folder("open", is_open=True)
    plan(shop, "open", "planned")
    plan(shop, "o1", "outcome")
    shop.commit_outcome("o1", "hat/front", "red", "review")
    asked_about(shop, "q1", review_row("asked", "sample", 9) | {"kept": result("asked")})
    index(shop, "shoes", "indexed")
    index(shop, "never-released", "other")
    shop.backdate(2)
    young = keep(shop, "young")
    assert swept(shop, keep_releases=2).get("sources") == 1
    assert photos(shop) == kept | young | keep(shop, "replaced"), "an older release that is kept shows it"
    shop.backdate(2)
    found = swept(shop, keep_releases=1, keep_days=0)
    assert (found["sources"], found["cutouts"]) == (2, 4)
    assert photos(shop) == kept
    assert "sources" not in swept(shop, keep_releases=1, keep_days=0)


def test_a_dry_run_counts_the_same_and_deletes_nothing(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    there = keep(shop, "gone")
    shop.backdate(2)
    assert swept(shop, dry_run=True) == {"sources": 1, "cutouts": 2}
    assert photos(shop) == there
    assert swept(shop) == {"sources": 1, "cutouts": 2}
    assert photos(shop) == set()


def test_a_mask_by_cutters_that_no_row_names_goes_while_its_photo_stays(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    kept = keep(shop, "live")
    shop.store.write(layout.cutout_mask(sha("live"), "ef" * 32), b"x")
    release(shop, "r1", "live")
    shop.backdate(2)
    assert swept(shop) == {"cutouts": 1}
    assert photos(shop) == kept


def test_beside_a_run_that_plans_no_photo_goes(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    there = keep(shop, "gone")
    shop.backdate(2)
    shop.write_run_folder("r9", is_open=True)
    assert "photos are left alone: a run may be planning to use them" in run_sweep(shop).notes
    assert photos(shop) == there


@pytest.mark.parametrize("names_it", ["plan", "index", "kept again", "planning"])
def test_what_is_named_after_the_listing_stays(tmp_path: Path, names_it: str) -> None:
    shop = StoreScenario(tmp_path)
    wanted, others = keep(shop, "wanted"), keep(shop, "gone")
    shop.backdate(2)

    def begin() -> None:
        if names_it == "index":
            index(shop, "shoes", "wanted")
        elif names_it == "kept again":
            keep(shop, "wanted")
        else:
            shop.write_run_folder("r9", is_open=True)
            plan(shop, "r9", "wanted", whole=names_it == "plan")

    result = run_sweep(shop, store=FaultyStore(shop.store, ActsAt(f"list {layout.CUTOUTS}", begin)))
    if names_it == "planning":
        assert "a run is planning, so the rest of the photos is left for the next sweep" in result.notes
        assert photos(shop) == wanted | others
    else:
        assert photos(shop) == wanted


def test_an_outcomes_table_that_cannot_be_read_keeps_every_photo(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    release(shop, "r1", "live")
    there = keep(shop, "gone")
    shop.commit_outcome("o1", "shirt/front", "red", "review")
    for path in (tmp_path / "outcomes" / "shoes").glob("*.parquet"):
        path.unlink()
    shop.backdate(20)
    assert any("left alone" in note for note in run_sweep(shop).notes)
    assert photos(shop) == there


def test_a_photo_index_that_cannot_be_read_keeps_every_photo_until_a_refresh_replaces_it(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    kept = keep(shop, "indexed")
    shop.store.write(layout.photo_index("other"), b"torn")
    shop.backdate(20)
    notes = run_sweep(shop).notes
    assert photos(shop) == kept
    [note] = [note for note in notes if "photo-index" in note]
    assert note.startswith("photos are left alone, since photo-index/other.parquet cannot be read")
    index(shop, "other")
    run_sweep(shop)
    assert photos(shop) == set()
