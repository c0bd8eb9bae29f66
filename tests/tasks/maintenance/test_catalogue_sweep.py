"""One catalogue is swept beside its runs: images, fingerprints, review copies, and the files of its tables."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.table_schemas import PUBLISHED_FILES
from infra.errors import TableError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultyStore
from tasks.amendments.rollback import rollback
from tasks.maintenance.compact_fingerprints import MAX_UNCOMPACTED_FILES
from tasks.maintenance.verify import verify
from tasks.runs.deletion_marks import await_deletions, write_shared_object
from tasks.runs.release_history import list_releases
from tests.fixtures.interleaving import ActsAt
from tests.fixtures.store_scenarios import (
    NOTHING_SWEPT,
    StoreScenario,
    asked_about,
    jpeg_of,
    review_row,
    run_sweep,
    swept,
    three_releases,
)

# Published pictures and the tables


def test_images_of_kept_releases_stay_and_those_of_no_release_go(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    orphan = shop.publish_image("sock/front", "orphan", "killed")["object"]
    assert swept(shop) == {}  # it is too young
    shop.backdate(2, "published/")
    assert swept(shop) == {"published": 1}
    assert not shop.store.exists(orphan)
    for version in (1, 2, 3):
        assert set(shop.published_objects(version).values()) <= shop.keys("published/")


@pytest.mark.parametrize("keep", [1, 2])
def test_releases_that_are_not_kept_lose_their_images_and_files_and_the_kept_ones_nothing(
    tmp_path: Path, keep: int
) -> None:
    shop = three_releases(tmp_path)
    shown = {version: shop.published_objects(version) for version in (1, 2, 3)}
    kept = range(4 - keep, 4)
    counts = swept(shop, keep_releases=keep)
    assert counts["published"] == 3 - keep
    assert counts["tables"] > 0
    assert shop.keys("published/") == {key for version in kept for key in shown[version].values()}
    for version in kept:
        assert shop.published_objects(version) == shown[version]
    with pytest.raises(TableError):
        shop.published_objects(3 - keep)
    lines = list_releases(shop.tables, "shoes", shop.store)
    assert [line.version for line in lines if line.kept] == sorted(kept, reverse=True)
    assert verify(shop.store, shop.tables, "shoes", deep=True).sound
    with pytest.raises(OptionError, match=f"has no release {3 - keep}; "):
        rollback(shop.store, shop.tables, "shoes", 3 - keep)
    if keep == 2:
        assert rollback(shop.store, shop.tables, "shoes", 2).version == 4
    again = run_sweep(shop, keep_releases=1 + keep)
    assert asdict(again) == {
        "dry_run": False,
        "counts": NOTHING_SWEPT,
        "notes": [],
    }  # what went earlier is not looked for


def test_a_kept_release_stays_readable_when_a_checkpoint_has_forgotten_its_files(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    DeltaTable(str(tmp_path / "manifest" / "shoes")).create_checkpoint()
    shown = shop.published_objects(2)
    assert swept(shop, keep_releases=2)["tables"] > 0
    assert shop.published_objects(2) == shown
    assert [row["object"] for row in shop.tables.changes("manifest/shoes", 3).to_pylist()]


def test_a_release_that_was_shown_this_week_is_kept_however_old_it_is(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    shop.release("r4", {"shirt/front": "four"})
    shop.backdate(6)
    assert swept(shop, keep_releases=1)["published"] == 2
    assert set(shop.published_objects(3).values()) <= shop.keys("published/")
    assert swept(shop, keep_releases=1, keep_days=3)["published"] == 1


def test_a9_beside_an_open_run_all_goes_but_what_it_has_written(tmp_path: Path) -> None:
    """A9: beside a run the sweep deleted staged 0, published 0, review 0; a minute later 20 and 4."""
    shop = three_releases(tmp_path)
    mine = shop.publish_image("sock/front", "mine", "r9")
    orphan = shop.publish_image("sock/front", "orphan", "killed")["object"]
    row = {"slot_id": mine["slot_id"], "object": mine["object"], "file_sha": mine["file_sha"], "file_bytes": 1}
    shop.write_run_folder("r9", is_open=True, files=["plan.json"])
    write_table(shop.store, layout.RunFiles("r9").published("x"), pa.Table.from_pylist([row], PUBLISHED_FILES))
    shop.backdate(5, "published/")
    shown = shop.published_objects(3)
    result = run_sweep(shop, keep_releases=1)
    assert (result.counts["published"].files, result.notes) == (3, [])
    assert shop.keys("published/") == {*shown.values(), mine["object"]}
    assert not shop.store.exists(orphan)
    write_json(shop.store, layout.RunFiles("r9").closed, {"state": "superseded"})
    shop.store.delete([layout.open_run("shoes", "r9")])
    assert swept(shop, keep_releases=1)["published"] == 1


def test_what_an_open_run_has_committed_can_be_compared_again(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    shop.write_run_folder("r2", is_open=True, files=["plan.json"])  # killed after its commit, never closed
    shown = shop.published_objects(1)
    run_sweep(shop, keep_releases=1, keep_days=0)
    assert shop.published_objects(1) == shown


def test_what_an_open_amendment_goes_back_to_stays(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    write_json(shop.store, layout.open_manifest_change("shoes", "b1"), {"target": 1, "asked": None})
    shop.backdate(5, "open-amendments/")
    shown = shop.published_objects(1)
    run_sweep(shop, keep_releases=1)
    assert shop.published_objects(1) == shown
    assert set(shown.values()) <= shop.keys("published/")


def publish_again(shop: StoreScenario, store: ObjectStore) -> None:
    """Publish, as a run without a signer does, the very file that release 1 showed."""
    data = jpeg_of("one")
    key = layout.published_image("shoes", "shirt", "front", "a", 0, sha256(data).hexdigest())
    write_shared_object(store, "shoes", key, data)
    shop.release("again", {"shirt/front": "one"})


def go_back(shop: StoreScenario, store: ObjectStore) -> None:
    """Begin a rollback to release 1, chosen while it was kept: its marker first, then a look at its images."""
    write_json(store, layout.open_manifest_change("shoes", "b1"), {"kind": "rollback", "target": 1})
    await_deletions(store, "shoes", 0.01)
    with suppress(TableError):  # a sweep came first: refused
        if all(map(store.exists, shop.published_objects(1).values())):
            store.write("promised", b"release 1")


@pytest.mark.parametrize("other", [publish_again, go_back])
@pytest.mark.parametrize("first", ["sweep", "other"])
def test_a9_whatever_is_named_at_any_operation_of_a_sweep_is_there_afterwards(
    tmp_path: Path, other: Callable[[StoreScenario, ObjectStore], None], first: str
) -> None:
    """A9: a sweep between a rollback's look and its marker deleted the release's images (`verify`: missing 1)."""
    three_releases(tmp_path / "shop")
    for operation in range(1, 80):
        folder = tmp_path / str(operation)
        shutil.copytree(tmp_path / "shop", folder)
        shop = StoreScenario(folder)
        expected = {*shop.published_objects(1).values()}
        act = partial(run_sweep, shop, keep_releases=1) if first == "other" else partial(other, shop, shop.store)
        at = ActsAt(operation, act)
        watched = FaultyStore(shop.store, at)
        if first == "other":
            other(shop, watched)
        else:
            run_sweep(shop, store=watched, keep_releases=1)
        acted = at.finish()
        if shop.store.exists("promised"):
            assert {*shop.published_objects(1).values()} == expected <= shop.keys("published/"), operation
        assert {*shop.published_objects().values()} <= shop.keys("published/"), operation
        if not acted:
            assert operation > 3
            return
    raise AssertionError("the sweep has more operations than this test tries")


def test_a_catalogue_whose_releases_cannot_be_read_keeps_everything_and_the_others_are_swept(tmp_path: Path) -> None:
    shop, hats = three_releases(tmp_path), StoreScenario(tmp_path, "hats")
    hats.release("h1", {"hat/front": "one"})
    hats.publish_image("hat/front", "orphan", "killed")
    shop.backdate(30)
    for path in (tmp_path / "manifest" / "shoes").glob("*.parquet"):
        path.unlink()
    there = shop.keys("published/shoes/") | shop.keys("codes/shoes/")
    result = run_sweep(shop, keep_releases=1)
    assert result.notes[0].startswith("shoes: left as it is, since its kept releases cannot be read: ")
    assert there <= shop.keys()
    assert result.counts["published"].files == 1


def test_fingerprints_of_kept_releases_survive_and_files_of_open_runs_are_not_touched(tmp_path: Path) -> None:
    shop = three_releases(tmp_path)
    for number, word in enumerate(("one", "two", "three"), start=1):
        shop.write_fingerprints(f"r{number}", {"shirt/front": word, "hat/front": "same"})
    for number in range(MAX_UNCOMPACTED_FILES):
        shop.write_fingerprints(f"x{number}", {f"gone{number}/front": "gone"})
    busy = shop.write_fingerprints("open", {"shirt/front": "four"})
    shop.backdate(5, "codes/")
    young = shop.write_fingerprints("young", {"shirt/front": "five"})
    shop.write_run_folder("open", is_open=True, files=["plan.json"])
    assert swept(shop, keep_releases=2)["codes"] == MAX_UNCOMPACTED_FILES + 3
    (compacted,) = shop.keys("codes/shoes/") - {busy, young}
    table = shop.folder / compacted
    rows = pq.read_table(table).to_pylist()
    assert sorted(row["sku"] for row in rows) == ["hat", "shirt", "shirt"]
    assert swept(shop, keep_releases=2).get("codes") is None


# What people look at


def copies(shop: StoreScenario) -> int:
    return len(shop.keys(layout.review_images_prefix("shoes")))


def test_a_copy_stays_until_its_question_is_answered_or_over_and_a_sample_for_its_days(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r0", {"shirt/front": "green"})
    waits = asked_about(shop, "r1", review_row("red", "review", -9))
    sample = asked_about(shop, "r2", review_row("blue", "sample", 5))
    shop.commit_outcome("o1", "shirt/front", "red", "review")
    assert "review" not in swept(shop)
    assert shop.keys("review/") >= {waits, sample}
    shop.commit_outcome("o2", "shirt/front", "red", "blocked")
    assert swept(shop)["review"] == 1  # what was refused is shown from the staged file
    assert (shop.keys(layout.review_index_prefix("shoes")), copies(shop)) == ({waits, sample}, 1)
    assert swept(shop, now=datetime.now(UTC) + timedelta(days=6))["review"] == 1
    assert shop.keys("review/") == {waits, sample}  # for a month, thresholds and people are measured by them
    shop.commit_outcome("o3", "shirt/front", "red", "deferred")
    assert swept(shop, now=datetime.now(UTC) + timedelta(days=31))["review"] == 2
    assert shop.keys("review/") == set()


def test_what_is_asked_about_a_prompt_alone_stays_as_long_as_the_prompt_waits(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    key = asked_about(shop, "r1", review_row("shirt", "review", 5, image_key=None, asked_at=long_ago))
    shop.commit_outcome("o1", "shirt/front", "shirt", "review", image_key=None)
    assert "review" not in swept(shop)
    assert shop.keys("review/") == {key}
    shop.commit_outcome("o2", "shirt/front", "shirt", "deferred", image_key=None)
    assert swept(shop)["review"] == 1


def test_a9_beside_an_open_run_copies_go_whose_question_is_over(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    asked_about(shop, "r1", review_row("red", "review", -1))
    shop.write_run_folder("r1", is_open=True, files=["plan.json"])
    assert swept(shop)["review"] == 1
    assert copies(shop) == 0


def test_a_copy_that_is_asked_about_again_meanwhile_stays(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    asked_about(shop, "r1", review_row("red", "review", -1))
    key = layout.review_image("shoes", shop.image_key("red"), "f" * 12)

    def ask_again() -> None:
        write_shared_object(shop.store, "shoes", key, b"jpeg")

    at = ActsAt(f"list {layout.review_images_prefix('shoes')}", ask_again)
    for begins in (at, ActsAt("write sweeps/deleting/", ask_again)):
        shop.backdate(3, "review/")
        run_sweep(shop, store=FaultyStore(shop.store, begins))
        assert begins.finish()
        assert shop.store.exists(key)
