"""What the shop sees after a batch, whoever else publishes and however often it is tried."""

from hashlib import sha256
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.batch import Batch
from catalogs.keys import slot_id
from catalogs.schemas import CODES
from infra.errors import StagedLost, StoreError
from infra.parquet import read_table
from tasks.publish import Release, publish, would_be
from tests.tasks.batches import RUN, Row, batch, code_of, decision
from tests.tasks.shops import CATALOGUE, Shop, jpeg_of, request_of

SHIRT, MUG = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
MANIFEST = layout.manifest(CATALOGUE)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def published(shop: Shop, found: Batch) -> Release:
    return publish(shop.store, shop.tables, found)


def live(shop: Shop) -> dict[bytes, Row]:
    return {row["slot_id"]: row for row in shop.tables.read(MANIFEST).to_pylist()}


def sha_of(word: str) -> bytes:
    return sha256(jpeg_of(word)).digest()


def test_a_picture_is_named_by_its_own_sha_and_its_row_says_all_of_it(shop: Shop) -> None:
    shop.stage("red")
    row = decision("shirt/front", "red")
    release = published(shop, batch([row, decision("mug/front", "blue", "review")]))
    [shown] = live(shop).values()
    assert shown["object"].endswith(f"-{sha_of('red').hex()[:12]}.jpg")
    assert shop.store.read(shown["object"]) == jpeg_of("red")
    assert (shown["file_sha"], shown["pixel_sha"], shown["run_id"]) == (sha_of("red"), row["finished_sha"], RUN)
    assert {name: shown[name] for name in ("sku", "request_key", "source_digest", "finish_digest", "model")} == {
        name: row[name] for name in ("sku", "request_key", "source_digest", "finish_digest", "model")
    }
    assert (release.previous, release.version, release.sums.new) == (0, 1, 2)
    assert dict(release.sums.states) == {"published": 1, "review": 1}


def test_only_what_is_published_leaves_a_fingerprint(shop: Shop) -> None:
    shop.stage("red")
    row = decision("shirt/front", "red")
    published(shop, batch([row, decision("mug/front", "blue", "review")]))
    [code] = read_table(shop.store, layout.codes(CATALOGUE, RUN), CODES).to_pylist()
    assert (code["slot_id"], code["pixel_sha"], code["fingerprint"]) == (SHIRT, row["finished_sha"], code_of("red"))


def test_a_staged_file_that_changed_after_it_was_judged_is_refused(shop: Shop) -> None:
    _, finished = shop.stage("red")
    shop.store.write(finished, jpeg_of("blue"))
    with pytest.raises(StagedLost, match=f"{finished} is gone, or is not the file that was judged: .* Give the same"):
        published(shop, batch([decision("shirt/front", "red")]))
    assert shop.tables.version(MANIFEST) == 0
    assert shop.keys("published/") == set()
    assert not shop.store.exists(finished), "the next run would find it again"


def test_a_staged_file_that_is_gone_is_not_needed_once_its_picture_is_published(shop: Shop) -> None:
    _, finished = shop.stage("red")
    found = batch([decision("shirt/front", "red")])
    first = published(shop, found)
    shop.store.delete([finished])
    assert published(shop, found) == first
    with pytest.raises(StagedLost, match="makes the picture anew"):
        published(shop, batch([decision("mug/front", "red")], run_id="r2"))


def test_an_object_that_somebody_wrote_over_is_refused(shop: Shop) -> None:
    shop.stage("red")
    key = layout.published_image(CATALOGUE, "shirt", "front", "a", 0, sha_of("red").hex())
    shop.store.write(key, b"something else")
    with pytest.raises(StoreError, match="somebody wrote over a published object"):
        published(shop, batch([decision("shirt/front", "red")]))
    assert shop.tables.version(MANIFEST) == 0


def test_publishing_twice_gives_one_commit_and_the_same_sums(shop: Shop) -> None:
    shop.stage("red")
    found = batch([decision("shirt/front", "red")])
    first = published(shop, found)
    shop.release("r2", {"mug/front": "blue"})
    assert published(shop, found) == first
    assert shop.tables.version(MANIFEST) == 2


def test_a_row_planned_against_an_older_picture_is_superseded(shop: Shop) -> None:
    shop.release("r0", {"shirt/front": "blue"})
    shop.stage("red")
    shop.stage("green")
    found = batch([decision("shirt/front", "red"), decision("mug/front", "green")])
    preview = would_be(shop.store, shop.tables, found)
    assert shop.tables.version(MANIFEST) == 1
    release = published(shop, found)
    assert release.sums == preview.sums
    assert release.sums.superseded == {SHIRT}
    assert dict(release.sums.states) == {"published": 1, "superseded": 1}
    assert {slot: row["request_key"] for slot, row in live(shop).items()} == {
        SHIRT: request_of("blue"),
        MUG: request_of("green"),
    }


def test_a_changed_slot_takes_the_place_of_the_picture_it_was_planned_against(shop: Shop) -> None:
    shop.release("r0", {"shirt/front": "blue"})
    shop.stage("red")
    row = decision("shirt/front", "red", kind="changed", live_file_sha=sha_of("blue"))
    release = published(shop, batch([row]))
    assert (release.sums.changed, release.sums.superseded) == (1, frozenset())
    assert [shown["file_sha"] for shown in live(shop).values()] == [sha_of("red")]
    assert len(shop.keys("published/")) == 2  # yesterday's links live on


def test_retired_rows_go_and_refreshed_ones_keep_their_picture(shop: Shop) -> None:
    shop.release("r0", {"shirt/front": "red", "mug/front": "blue", "bag/front": "green"})
    before = live(shop)
    bag = slot_id("bag", "front", "a", 0)
    moved = [
        {"slot_id": MUG, "table": "manifest", "source_digest": b"new" * 5, "request_key": request_of("blue")},
        {"slot_id": bag, "table": "manifest", "source_digest": b"new" * 5, "request_key": request_of("another")},
    ]
    gone = [
        {"slot_id": SHIRT, "sku": "shirt", "live_file_sha": sha_of("red")},
        {"slot_id": bag, "sku": "bag", "live_file_sha": sha_of("another")},
    ]
    release = published(shop, batch(refreshed=moved, retired=gone))
    assert (release.sums.refreshed, release.sums.retired) == (1, 1)
    assert live(shop) == {MUG: before[MUG] | {"source_digest": b"new" * 5}, bag: before[bag]}


def test_a_batch_that_changes_nothing_makes_no_commit(shop: Shop) -> None:
    shop.release("r0", {"shirt/front": "red"})
    for found in (batch(), batch([decision("mug/front", "blue", "blocked")])):
        release = published(shop, found)
        assert (release.previous, release.version) == (1, 1)
    assert shop.tables.version(MANIFEST) == 1
    assert shop.keys("codes/") == set()
