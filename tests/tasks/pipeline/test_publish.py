"""What the shop sees after a batch, whoever else publishes and however often it is tried."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.recipe.loading import built_in_recipe
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.table_schemas import FINGERPRINTS
from infra.errors import ProvenanceMarkError, StagedImageLost, StoreError
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import ObjectStore
from infra.provenance.certificates import development_identity
from infra.provenance.credentials import Signer, read_credential, strip_manifest
from infra.stores.json_objects import write_json
from infra.stores.local import LocalStore
from infra.stores.parquet_objects import read_table
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.maintenance.verify import verify
from tasks.pipeline.publish import Release, preview_release, publish
from tests.fixtures.run_rows import RUN, Row, batch, code_of, decision
from tests.fixtures.store_scenarios import CATALOGUE, Shop, jpeg_of, request_of

SHIRT, MUG = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
MANIFEST = layout.manifest_table(CATALOGUE)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def published(shop: Shop, found: ReleaseBatch) -> Release:
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
    [code] = read_table(shop.store, layout.fingerprints(CATALOGUE, RUN), FINGERPRINTS).to_pylist()
    assert (code["slot_id"], code["pixel_sha"], code["fingerprint"]) == (SHIRT, row["finished_sha"], code_of("red"))


def test_a_staged_file_that_changed_after_it_was_judged_is_refused(shop: Shop) -> None:
    _, finished = shop.stage("red")
    shop.store.write(finished, jpeg_of("blue"))
    with pytest.raises(
        StagedImageLost, match=f"{finished} is gone, or is not the file that was judged: .* Give the same"
    ):
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
    with pytest.raises(StagedImageLost, match="makes the picture anew"):
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
    preview = preview_release(shop.store, shop.tables, found)
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
    write_json(shop.store, layout.run_file(RUN, "recipe.json"), built_in_recipe().model_dump(mode="json"))
    release = published(shop, batch(refreshed=moved, retired=gone))
    assert (release.sums.refreshed, release.sums.retired) == (1, 1)
    fresh = {"source_digest": b"new" * 5, "channels": [], "channel_reasons": []}
    assert live(shop) == {MUG: before[MUG] | fresh, bag: before[bag]}


def test_a_batch_that_changes_nothing_makes_no_commit(shop: Shop) -> None:
    shop.release("r0", {"shirt/front": "red"})
    for found in (batch(), batch([decision("mug/front", "blue", "blocked")])):
        release = published(shop, found)
        assert (release.previous, release.version) == (1, 1)
    assert shop.tables.version(MANIFEST) == 1
    assert shop.keys("codes/") == set()


# Signed


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(development_identity(str(tmp_path_factory.mktemp("c2pa"))))


class AtMerging(FaultInjector):
    """Kills the store at the commit."""

    def call(self, description: str, operation: Any) -> Any:
        if "merge" in description:
            self.dies_at = self.operation_count + 1
        return super().call(description, operation)


def two_pictures(shop: Shop) -> ReleaseBatch:
    shop.stage("red")
    shop.stage("blue")
    return batch([decision("shirt/front", "red"), decision("mug/front", "blue")])


def assert_whole_and_signed(shop: Shop, places: set[bytes]) -> None:
    assert live(shop).keys() == places
    for row in live(shop).values():
        data = shop.store.read(row["object"])
        assert (sha256(data).digest(), read_credential(data).state) == (row["file_sha"], "valid")
        assert pixel_sha(decode(data)) == row["pixel_sha"].hex()
    found = verify(shop.store, shop.tables, CATALOGUE, deep=True)
    assert (found.checked, found.sound) == (len(places), True), found.findings


def test_what_is_published_is_signed_last_and_named_by_the_signed_bytes(shop: Shop, signer: Signer) -> None:
    release = publish(shop.store, shop.tables, two_pictures(shop), signer)
    assert_whole_and_signed(shop, {SHIRT, MUG})
    shirt = live(shop)[SHIRT]
    data = shop.store.read(shirt["object"])
    assert strip_manifest(data) == jpeg_of("red")
    assert shirt["file_sha"] != sha_of("red")
    assert shirt["object"].endswith(f"-{sha256(data).hexdigest()[:12]}.jpg")
    assert shirt["object"].endswith(f"{read_credential(data).title}-{sha256(data).hexdigest()[:12]}.jpg")
    assert [(file.signed, file.size) for file in release.visible_files] == [
        (True, shop.store.size(f.key)) for f in release.visible_files
    ]
    assert shop.tables.history(MANIFEST)[0].metadata["c2pa"] == "all"


def test_one_picture_for_two_slots_is_signed_for_each(shop: Shop, signer: Signer) -> None:
    shop.stage("red")
    publish(shop.store, shop.tables, batch([decision("shirt/front", "red"), decision("mug/front", "red")]), signer)
    assert_whole_and_signed(shop, {SHIRT, MUG})
    assert len({row["file_sha"] for row in live(shop).values()}) == 2
    assert len({row["pixel_sha"] for row in live(shop).values()}) == 1


def test_a_repetition_uses_what_was_published_and_signs_nothing_again(shop: Shop, signer: Signer) -> None:
    found = two_pictures(shop)
    with pytest.raises(InjectedFault):
        publish(shop.store, FaultyTables(shop.tables, AtMerging()), found, signer)
    before = shop.keys("published/")
    assert len(before) == 2
    assert live(shop) == {}
    shop.store.delete(list(shop.keys("staging/")))  # it is not needed any more
    release = publish(shop.store, shop.tables, found, signer)
    assert shop.keys("published/") == before == {file.key for file in release.visible_files}
    assert_whole_and_signed(shop, {SHIRT, MUG})
    assert publish(shop.store, shop.tables, found, signer) == release
    assert shop.tables.version(MANIFEST) == 1


def test_a_published_object_that_is_lost_before_the_commit_is_signed_anew(shop: Shop, signer: Signer) -> None:
    found = two_pictures(shop)
    with pytest.raises(InjectedFault):
        publish(shop.store, FaultyTables(shop.tables, AtMerging()), found, signer)
    lost = min(shop.keys("published/"))
    shop.store.delete([lost])
    publish(shop.store, shop.tables, found, signer)
    assert_whole_and_signed(shop, {SHIRT, MUG})
    assert lost not in shop.keys("published/")


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_death_at_any_operation_of_publishing_ends_in_one_whole_release(
    tmp_path: Path, signer: Signer, when: Literal["before", "after"]
) -> None:
    for dies_at in range(1, 100):
        shop = Shop(tmp_path / str(dies_at))
        found, mortality = two_pictures(shop), FaultInjector(dies_at, when)
        with suppress(InjectedFault):
            publish(FaultyStore(shop.store, mortality), FaultyTables(shop.tables, mortality), found, signer)
        publish(shop.store, shop.tables, found, signer)
        assert_whole_and_signed(shop, {SHIRT, MUG})
        assert shop.tables.version(MANIFEST) == 1
        assert 2 <= len(shop.keys("published/")) <= 4, "at most what was under way is left for the sweep"
        if not mortality.has_failed:
            break
    assert 10 < dies_at < 99


def test_a_run_that_was_signed_by_halves_promises_no_signatures(shop: Shop, signer: Signer) -> None:
    found = two_pictures(shop)
    with pytest.raises(InjectedFault):
        publish(shop.store, FaultyTables(shop.tables, AtMerging()), found, signer)
    shop.store.delete([min(shop.keys("published/"))])
    release = publish(shop.store, shop.tables, found)
    assert sorted(file.signed for file in release.visible_files) == [False, True]
    assert "c2pa" not in shop.tables.history(MANIFEST)[0].metadata
    assert verify(shop.store, shop.tables, CATALOGUE, deep=True).sound


class Forgetful(Signer):
    """A signer that does not sign, or signs another picture."""

    def __init__(self, instead: bytes | None = None) -> None:
        self._instead = instead

    def sign(self, jpeg: bytes, title: str) -> bytes:  # noqa: ARG002
        return jpeg if self._instead is None else self._instead


def test_a_picture_without_its_signature_is_not_published(shop: Shop) -> None:
    with pytest.raises(ProvenanceMarkError, match="is not published, since its signed C2PA manifest is not in it"):
        publish(shop.store, shop.tables, two_pictures(shop), Forgetful())
    assert live(shop) == {}


def test_a_picture_whose_signature_does_not_hold_is_not_published(shop: Shop, signer: Signer) -> None:
    spoilt = bytearray(signer.sign(jpeg_of("red"), "x"))
    spoilt[-30] ^= 1
    with pytest.raises(ProvenanceMarkError, match=r"its C2PA signature does not hold: assertion\.dataHash.mismatch"):
        publish(shop.store, shop.tables, two_pictures(shop), Forgetful(bytes(spoilt)))
    assert live(shop) == {}


@pytest.mark.parametrize("signs", [True, False])
def test_a_picture_without_the_source_mark_is_not_published(shop: Shop, signer: Signer, signs: bool) -> None:
    _, finished = shop.stage("red")
    bare = jpeg_of("red", mark=False)
    shop.store.write(finished, bare)
    found = batch([decision("shirt/front", "red", file_sha=sha256(bare).digest(), file_bytes=len(bare))])
    with pytest.raises(
        ProvenanceMarkError, match="since the mark of a generated picture is not in it; the release stays"
    ):
        publish(shop.store, shop.tables, found, signer if signs else None)
    assert live(shop) == {}


class Careless(LocalStore):
    """A store that gives back other bytes than it was given."""

    def read(self, key: str) -> bytes:
        data = super().read(key)
        return data[:-30] + bytes(1) + data[-29:] if key.startswith("published/") else data


def test_what_the_store_gives_back_is_what_counts(shop: Shop, signer: Signer) -> None:
    careless: ObjectStore = Careless(str(shop.folder))
    with pytest.raises(StoreError, match="holds other bytes than it was written with"):
        publish(careless, shop.tables, two_pictures(shop), signer)
    assert live(shop) == {}
