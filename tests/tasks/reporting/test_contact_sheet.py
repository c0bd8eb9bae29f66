"""The contact sheet: every state gets its part, a photo stands beside its result, no picture is a reason to fail."""

import hashlib
from collections import Counter
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.table_schemas import DECISIONS
from infra.imaging.codecs import decode
from infra.interfaces import ObjectStore
from infra.stores import open_store
from tasks.reporting.contact_sheet import THUMBNAIL_SIDE, build_contact_sheet
from tests.fixtures.kept_products import keep_photo, kept_text, rehearsal_photo

FINISH = "f" * 64


@pytest.fixture
def store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


def sha(*parts: object) -> bytes:
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()


def decision(sku: str, state: str, **values: Any) -> dict[str, Any]:
    return {
        "slot_id": sha("slot", sku)[:16],
        "sku": sku,
        "category": "mugs",
        "view": "front",
        "variant": "a",
        "index": 0,
        "state": state,
        "verdict": {"publish": "PASS", "review": "REVIEW"}.get(state, "BLOCK"),
        "reasons": [] if state == "publish" else ["blurred"],
        "attempt": 0,
        "request_key": sha("request", sku),
        "image_key": sha("image", sku),
        "finish_digest": FINISH,
        **values,
    }


def batch(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=DECISIONS)


def many(**counts: int) -> list[dict[str, Any]]:
    return [decision(f"{state}-{number}", state) for state, count in counts.items() for number in range(count)]


def stage(store: ObjectStore, sku: str, height: int = 600, width: int = 400) -> bytes:
    """Stage a finished file and return its sha256."""
    pixels = np.full((height, width, 3), 200, np.uint8)
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    store.write(layout.finished_image(sha("image", sku).hex(), FINISH), data)
    return hashlib.sha256(data).digest()


def test_every_state_gets_its_part_and_what_is_left_goes_to_the_others(store: ObjectStore) -> None:
    tiles = build_contact_sheet(store, batch(*many(publish=300, review=200, blocked=5, failed=2, deferred=50)), {}, 96)
    assert Counter(tile.state for tile in tiles) == {"failed": 2, "blocked": 5, "review": 45, "publish": 44}
    assert [tile.state for tile in tiles] == ["review"] * 45 + ["blocked"] * 5 + ["failed"] * 2 + ["publish"] * 44


@pytest.mark.parametrize("limit", [0, 1, 3, 7, 96])
def test_the_limit_is_kept(store: ObjectStore, limit: int) -> None:
    rows = many(publish=40, review=9, blocked=3, failed=1)
    assert len(build_contact_sheet(store, batch(*rows), {}, limit)) == min(limit, len(rows))


def test_the_choice_does_not_depend_on_the_batch_s_order(store: ObjectStore) -> None:
    rows = many(publish=80, review=40)
    first = build_contact_sheet(store, batch(*rows), {}, 20)
    assert build_contact_sheet(store, batch(*reversed(rows)), {}, 20) == first
    assert len({tile.sku for tile in first}) == 20


def test_a_rare_reason_is_shown_among_many_of_another(store: ObjectStore) -> None:
    rows = [*many(blocked=500), decision("GUN-1", "blocked", reasons=["words.weapons"], image_key=None, attempt=None)]
    tiles = build_contact_sheet(store, batch(*rows), {}, 4)
    assert ("words.weapons",) in {tile.reasons for tile in tiles}


def test_slots_that_share_a_picture_come_last(store: ObjectStore) -> None:
    shared = [decision(f"S-{size}", "publish", request_key=sha("one"), image_key=sha("one")) for size in range(50)]
    tiles = build_contact_sheet(store, batch(*shared, *many(publish=9)), {}, 10)
    assert sum(tile.sku.startswith("S-") for tile in tiles) == 1


def test_a_picture_becomes_a_thumbnail_with_its_prompt(store: ObjectStore) -> None:
    rows = batch(decision("MUG-1", "publish", file_sha=stage(store, "MUG-1")))
    (tile,) = build_contact_sheet(store, rows, {sha("request", "MUG-1"): "A mug."})
    assert decode(tile.jpeg).shape == (THUMBNAIL_SIDE, 171, 3)
    stage(store, "MUG-1", width=500)
    (exchanged,) = build_contact_sheet(store, rows, {})
    assert exchanged.jpeg == b"", "a picture that somebody exchanged after it was judged"
    assert (tile.prompt, tile.attempt, tile.reasons) == ("A mug.", 0, ())


def test_a_picture_that_is_gone_damaged_or_was_never_made_is_a_tile_without_one(store: ObjectStore) -> None:
    store.write(layout.finished_image(sha("image", "DAMAGED").hex(), FINISH), b"\xff\xd8\xff half")
    rows = [
        decision("DAMAGED", "publish"),
        decision("GONE", "publish"),
        decision("NEVER", "review", image_key=None, attempt=None, finish_digest=None, verdict=None, reasons=None),
    ]
    tiles = {tile.sku: tile for tile in build_contact_sheet(store, batch(*rows), {})}
    assert {sku: tile.jpeg for sku, tile in tiles.items()} == {"DAMAGED": b"", "GONE": b"", "NEVER": b""}


def test_an_empty_batch_has_an_empty_sheet(store: ObjectStore) -> None:
    assert build_contact_sheet(store, DECISIONS.empty_table(), {}) == []


def test_the_shops_photo_stands_beside_the_result_that_keeps_its_product(store: ObjectStore) -> None:
    kept = kept_text(keep_photo(store, rehearsal_photo()))
    rows = batch(decision("MUG-1", "publish", file_sha=stage(store, "MUG-1"), kept=kept), decision("MUG-2", "review"))
    tiles = {tile.sku: tile for tile in build_contact_sheet(store, rows, {})}
    assert max(decode(tiles["MUG-1"].photo).shape) == THUMBNAIL_SIDE
    assert (tiles["MUG-1"].mode, bool(tiles["MUG-1"].jpeg)) == ("white", True)
    assert (tiles["MUG-2"].mode, tiles["MUG-2"].photo) == ("", b"")


def test_a_photo_that_cannot_be_shown_is_left_out_and_the_result_stays(store: ObjectStore) -> None:
    texts = {
        "hostile": kept_text(keep_photo(store, b"\x89PNG\r\n\x1a\nno picture")),
        "gone": kept_text("d" * 64),
        "a path": kept_text("../../keys"),
        "no document": "[",
    }
    rows = [decision(sku, "publish", file_sha=stage(store, sku), kept=text) for sku, text in texts.items()]
    tiles = build_contact_sheet(store, batch(*rows), {})
    assert {tile.sku: (tile.photo, bool(tile.jpeg)) for tile in tiles} == dict.fromkeys(texts, (b"", True))
