"""What the shop sees after a batch, whoever else publishes and however often it is tried."""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.photos.kept_request import KeptMode, KeptResult
from catalogs.recipe.loading import built_in_recipe
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.table_schemas import FINGERPRINTS
from infra.errors import ProvenanceMarkError, StagedImageLost, StoreError
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, KeptOrigin, ObjectStore
from infra.provenance.credentials import read_credential, strip_manifest
from infra.provenance.development_certificate import development_identity
from infra.provenance.signing import C2paSigner
from infra.stores.json_objects import write_json
from infra.stores.local import LocalStore
from infra.stores.parquet_objects import read_table
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.maintenance.verify import verify
from tasks.pipeline.publish import Release, preview_release, publish
from tests.fixtures.run_rows import RUN_ID, Row, decision_row, fingerprint_of, make_release_batch, write_policy
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, jpeg_of, pixels_of, request_key_of

SHIRT, MUG = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)
MANIFEST = layout.manifest_table(CATALOGUE)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    write_policy(shop.store)
    return shop


def published(scenario: StoreScenario, found: ReleaseBatch) -> Release:
    return publish(scenario.store, scenario.tables, found)


def live(scenario: StoreScenario) -> dict[bytes, Row]:
    return {row["slot_id"]: row for row in scenario.tables.read(MANIFEST).to_pylist()}


def sha_of(word: str) -> bytes:
    return sha256(jpeg_of(word)).digest()


def test_a_picture_is_named_by_its_own_sha_and_its_row_says_all_of_it(scenario: StoreScenario) -> None:
    scenario.stage_image("red")
    row = decision_row("shirt/front", "red")
    release = published(scenario, make_release_batch([row, decision_row("mug/front", "blue", "review")]))
    [shown] = live(scenario).values()
    assert shown["object"].endswith(f"-{sha_of('red').hex()[:12]}.jpg")
    assert scenario.store.read(shown["object"]) == jpeg_of("red")
    assert (shown["file_sha"], shown["pixel_sha"], shown["run_id"]) == (sha_of("red"), row["finished_sha"], RUN_ID)
    assert {name: shown[name] for name in ("sku", "request_key", "source_digest", "finish_digest", "model")} == {
        name: row[name] for name in ("sku", "request_key", "source_digest", "finish_digest", "model")
    }
    assert (release.previous, release.version, release.sums.new) == (0, 1, 2)
    assert dict(release.sums.states) == {"published": 1, "review": 1}


def test_only_what_is_published_leaves_a_fingerprint(scenario: StoreScenario) -> None:
    scenario.stage_image("red")
    row = decision_row("shirt/front", "red")
    published(scenario, make_release_batch([row, decision_row("mug/front", "blue", "review")]))
    [code] = read_table(scenario.store, layout.fingerprints(CATALOGUE, RUN_ID), FINGERPRINTS).to_pylist()
    assert (code["slot_id"], code["pixel_sha"], code["fingerprint"]) == (
        SHIRT,
        row["finished_sha"],
        fingerprint_of("red"),
    )


def test_a_staged_file_that_changed_after_it_was_judged_is_refused(scenario: StoreScenario) -> None:
    _, finished = scenario.stage_image("red")
    scenario.store.write(finished, jpeg_of("blue"))
    with pytest.raises(
        StagedImageLost, match=f"{finished} is missing, or is not the file that was screened: .* Give the same"
    ):
        published(scenario, make_release_batch([decision_row("shirt/front", "red")]))
    assert scenario.tables.version(MANIFEST) == 0
    assert scenario.keys("published/") == set()
    assert not scenario.store.exists(finished), "the next run would find it again"


@pytest.mark.parametrize("foreign", [b"PK\x03\x04", jpeg_of("blue")], ids=["an archive", "a second picture"])
def test_s2_a_file_with_bytes_behind_its_end_is_refused_even_where_it_was_judged(
    scenario: StoreScenario, foreign: bytes
) -> None:
    _, finished = scenario.stage_image("red")
    judged = jpeg_of("red") + foreign
    scenario.store.write(finished, judged)
    row = decision_row("shirt/front", "red") | {"file_sha": sha256(judged).digest(), "file_bytes": len(judged)}
    with pytest.raises(StagedImageLost, match="is not the file that was screened"):
        published(scenario, make_release_batch([row]))
    assert scenario.keys("published/") == set()


def test_a_staged_file_that_is_gone_is_not_needed_once_its_picture_is_published(scenario: StoreScenario) -> None:
    _, finished = scenario.stage_image("red")
    found = make_release_batch([decision_row("shirt/front", "red")])
    first = published(scenario, found)
    scenario.store.delete([finished])
    assert published(scenario, found) == first
    with pytest.raises(StagedImageLost, match="generates the image anew"):
        published(scenario, make_release_batch([decision_row("mug/front", "red")], run_id="r2"))


def test_an_object_that_somebody_wrote_over_is_refused(scenario: StoreScenario) -> None:
    scenario.stage_image("red")
    key = layout.published_image(CATALOGUE, "shirt", "front", "a", 0, sha_of("red").hex())
    scenario.store.write(key, b"something else")
    with pytest.raises(StoreError, match="overwrote a published object"):
        published(scenario, make_release_batch([decision_row("shirt/front", "red")]))
    assert scenario.tables.version(MANIFEST) == 0


def test_publishing_twice_gives_one_commit_and_the_same_sums(scenario: StoreScenario) -> None:
    scenario.stage_image("red")
    found = make_release_batch([decision_row("shirt/front", "red")])
    first = published(scenario, found)
    scenario.release("r2", {"mug/front": "blue"})
    assert published(scenario, found) == first
    assert scenario.tables.version(MANIFEST) == 2


def test_a_row_planned_against_an_older_picture_is_superseded(scenario: StoreScenario) -> None:
    scenario.release("r0", {"shirt/front": "blue"})
    scenario.stage_image("red")
    scenario.stage_image("green")
    found = make_release_batch([decision_row("shirt/front", "red"), decision_row("mug/front", "green")])
    preview = preview_release(scenario.store, scenario.tables, found)
    assert scenario.tables.version(MANIFEST) == 1
    release = published(scenario, found)
    assert release.sums == preview.sums
    assert release.sums.superseded == {SHIRT}
    assert dict(release.sums.states) == {"published": 1, "superseded": 1}
    assert {slot: row["request_key"] for slot, row in live(scenario).items()} == {
        SHIRT: request_key_of("blue"),
        MUG: request_key_of("green"),
    }


def test_a_changed_slot_takes_the_place_of_the_picture_it_was_planned_against(scenario: StoreScenario) -> None:
    scenario.release("r0", {"shirt/front": "blue"})
    scenario.stage_image("red")
    row = decision_row("shirt/front", "red", kind="changed", live_file_sha=sha_of("blue"))
    release = published(scenario, make_release_batch([row]))
    assert (release.sums.changed, release.sums.superseded) == (1, frozenset())
    assert [shown["file_sha"] for shown in live(scenario).values()] == [sha_of("red")]
    assert len(scenario.keys("published/")) == 2  # yesterday's links live on


def test_retired_rows_go_and_refreshed_ones_keep_their_picture(scenario: StoreScenario) -> None:
    scenario.release("r0", {"shirt/front": "red", "mug/front": "blue", "bag/front": "green"})
    before = live(scenario)
    bag = slot_id("bag", "front", "a", 0)
    moved = [
        {"slot_id": MUG, "table": "manifest", "source_digest": b"new" * 5, "request_key": request_key_of("blue")},
        {"slot_id": bag, "table": "manifest", "source_digest": b"new" * 5, "request_key": request_key_of("another")},
    ]
    gone = [
        {"slot_id": SHIRT, "sku": "shirt", "live_file_sha": sha_of("red")},
        {"slot_id": bag, "sku": "bag", "live_file_sha": sha_of("another")},
    ]
    write_json(scenario.store, layout.RunFiles(RUN_ID).recipe, built_in_recipe().model_dump(mode="json"))
    release = published(scenario, make_release_batch(refreshed=moved, retired=gone))
    assert (release.sums.refreshed, release.sums.retired) == (1, 1)
    fresh = {"source_digest": b"new" * 5, "channels": [], "channel_reasons": []}
    assert live(scenario) == {MUG: before[MUG] | fresh, bag: before[bag]}


def test_a_batch_that_changes_nothing_makes_no_commit(scenario: StoreScenario) -> None:
    scenario.release("r0", {"shirt/front": "red"})
    for found in (make_release_batch(), make_release_batch([decision_row("mug/front", "blue", "blocked")])):
        release = published(scenario, found)
        assert (release.previous, release.version) == (1, 1)
    assert scenario.tables.version(MANIFEST) == 1
    assert scenario.keys("codes/") == set()


# Signed


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> C2paSigner:
    return C2paSigner(development_identity(str(tmp_path_factory.mktemp("c2pa"))))


class CrashAtMerge(FaultInjector):
    """Kills the store at the commit."""

    def call(self, description: str, operation: Any) -> Any:
        if "merge" in description:
            self.fail_at = self.operation_count + 1
        return super().call(description, operation)


def stage_two_images(scenario: StoreScenario) -> ReleaseBatch:
    scenario.stage_image("red")
    scenario.stage_image("blue")
    return make_release_batch([decision_row("shirt/front", "red"), decision_row("mug/front", "blue")])


def assert_whole_and_signed(scenario: StoreScenario, places: set[bytes]) -> None:
    assert live(scenario).keys() == places
    for row in live(scenario).values():
        data = scenario.store.read(row["object"])
        assert (sha256(data).digest(), read_credential(data).state) == (row["file_sha"], "valid")
        assert pixel_sha(decode(data)) == row["pixel_sha"].hex()
    found = verify(scenario.store, scenario.tables, CATALOGUE, deep=True)
    assert (found.checked, found.sound) == (len(places), True), found.findings


def test_what_is_published_is_signed_last_and_named_by_the_signed_bytes(
    scenario: StoreScenario, signer: C2paSigner
) -> None:
    release = publish(scenario.store, scenario.tables, stage_two_images(scenario), signer)
    assert_whole_and_signed(scenario, {SHIRT, MUG})
    shirt = live(scenario)[SHIRT]
    data = scenario.store.read(shirt["object"])
    assert strip_manifest(data) == jpeg_of("red")
    assert shirt["file_sha"] != sha_of("red")
    assert shirt["object"].endswith(f"-{sha256(data).hexdigest()[:12]}.jpg")
    assert shirt["object"].endswith(f"{read_credential(data).title}-{sha256(data).hexdigest()[:12]}.jpg")
    assert [(file.signed, file.size) for file in release.visible_files] == [
        (True, scenario.store.size(f.key)) for f in release.visible_files
    ]
    assert scenario.tables.history(MANIFEST)[0].metadata["c2pa"] == "all"


def test_one_picture_for_two_slots_is_signed_for_each(scenario: StoreScenario, signer: C2paSigner) -> None:
    scenario.stage_image("red")
    publish(
        scenario.store,
        scenario.tables,
        make_release_batch([decision_row("shirt/front", "red"), decision_row("mug/front", "red")]),
        signer,
    )
    assert_whole_and_signed(scenario, {SHIRT, MUG})
    assert len({row["file_sha"] for row in live(scenario).values()}) == 2
    assert len({row["pixel_sha"] for row in live(scenario).values()}) == 1


def test_a_repetition_uses_what_was_published_and_signs_nothing_again(
    scenario: StoreScenario, signer: C2paSigner
) -> None:
    found = stage_two_images(scenario)
    with pytest.raises(InjectedFault):
        publish(scenario.store, FaultyTables(scenario.tables, CrashAtMerge()), found, signer)
    before = scenario.keys("published/")
    assert len(before) == 2
    assert live(scenario) == {}
    scenario.store.delete(list(scenario.keys("staging/")))  # it is not needed any more
    release = publish(scenario.store, scenario.tables, found, signer)
    assert scenario.keys("published/") == before == {file.key for file in release.visible_files}
    assert_whole_and_signed(scenario, {SHIRT, MUG})
    assert publish(scenario.store, scenario.tables, found, signer) == release
    assert scenario.tables.version(MANIFEST) == 1


def test_a_published_object_that_is_lost_before_the_commit_is_signed_anew(
    scenario: StoreScenario, signer: C2paSigner
) -> None:
    found = stage_two_images(scenario)
    with pytest.raises(InjectedFault):
        publish(scenario.store, FaultyTables(scenario.tables, CrashAtMerge()), found, signer)
    lost = min(scenario.keys("published/"))
    scenario.store.delete([lost])
    publish(scenario.store, scenario.tables, found, signer)
    assert_whole_and_signed(scenario, {SHIRT, MUG})
    assert lost not in scenario.keys("published/")


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_death_at_any_operation_of_publishing_ends_in_one_whole_release(
    tmp_path: Path, signer: C2paSigner, when: Literal["before", "after"]
) -> None:
    for dies_at in range(1, 100):
        shop = StoreScenario(tmp_path / str(dies_at))
        found, mortality = stage_two_images(shop), FaultInjector(dies_at, when)
        with suppress(InjectedFault):
            publish(FaultyStore(shop.store, mortality), FaultyTables(shop.tables, mortality), found, signer)
        publish(shop.store, shop.tables, found, signer)
        assert_whole_and_signed(shop, {SHIRT, MUG})
        assert shop.tables.version(MANIFEST) == 1
        assert 2 <= len(shop.keys("published/")) <= 4, "at most what was under way is left for the sweep"
        if not mortality.has_failed:
            break
    assert 10 < dies_at < 99


def test_a_run_that_was_signed_by_halves_promises_no_signatures(scenario: StoreScenario, signer: C2paSigner) -> None:
    found = stage_two_images(scenario)
    with pytest.raises(InjectedFault):
        publish(scenario.store, FaultyTables(scenario.tables, CrashAtMerge()), found, signer)
    scenario.store.delete([min(scenario.keys("published/"))])
    release = publish(scenario.store, scenario.tables, found)
    assert sorted(file.signed for file in release.visible_files) == [False, True]
    assert "c2pa" not in scenario.tables.history(MANIFEST)[0].metadata
    assert verify(scenario.store, scenario.tables, CATALOGUE, deep=True).sound


class NonSigningSigner(C2paSigner):
    """A signer that does not sign, or signs another picture."""

    def __init__(self, instead: bytes | None = None) -> None:
        self._instead = instead

    def sign(self, jpeg: bytes, title: str, kept: KeptOrigin | None = None) -> bytes:  # noqa: ARG002
        return jpeg if self._instead is None else self._instead


def test_a_picture_without_its_signature_is_not_published(scenario: StoreScenario) -> None:
    with pytest.raises(ProvenanceMarkError, match="is not published: its signed C2PA manifest is not in it"):
        publish(scenario.store, scenario.tables, stage_two_images(scenario), NonSigningSigner())
    assert live(scenario) == {}


def test_a_picture_whose_signature_does_not_hold_is_not_published(scenario: StoreScenario, signer: C2paSigner) -> None:
    spoilt = bytearray(signer.sign(jpeg_of("red"), "x"))
    spoilt[-30] ^= 1
    with pytest.raises(ProvenanceMarkError, match=r"its C2PA signature is not valid: assertion\.dataHash.mismatch"):
        publish(scenario.store, scenario.tables, stage_two_images(scenario), NonSigningSigner(bytes(spoilt)))
    assert live(scenario) == {}


@pytest.mark.parametrize("answer", [None, "20261130T080000000000-aa"], ids=["passed", "accepted"])
@pytest.mark.parametrize("signs", [True, False])
def test_a_picture_without_the_source_mark_is_not_published_whoever_accepted_it(
    scenario: StoreScenario, signer: C2paSigner, signs: bool, answer: str | None
) -> None:
    _, finished = scenario.stage_image("red")
    bare = jpeg_of("red", provenance_mark=False)
    scenario.store.write(finished, bare)
    found = make_release_batch(
        [decision_row("shirt/front", "red", file_sha=sha256(bare).digest(), file_bytes=len(bare), answer=answer)]
    )
    with pytest.raises(ProvenanceMarkError, match="the mark of a generated image is not in it; the release stays"):
        publish(scenario.store, scenario.tables, found, signer if signs else None)
    assert live(scenario) == {}


class CorruptingStore(LocalStore):
    """A store that gives back other bytes than it was given."""

    def read(self, key: str) -> bytes:
        data = super().read(key)
        return data[:-30] + bytes(1) + data[-29:] if key.startswith("published/") else data


def test_what_the_store_gives_back_is_what_counts(scenario: StoreScenario, signer: C2paSigner) -> None:
    careless: ObjectStore = CorruptingStore(str(scenario.folder))
    with pytest.raises(StoreError, match="holds other bytes than were written"):
        publish(careless, scenario.tables, stage_two_images(scenario), signer)
    assert live(scenario) == {}


# A kept product


def kept_decision(place: str, word: str, mode: KeptMode = "white") -> Row:
    kept = KeptResult(mode, "ab" * 32, "only", "plain-ground", "1", {}, {}, jpeg={"mean": 1.0, "p99": 3.0, "max": 9.0})
    data = finish(pixels_of(word), FinishParameters(), mode=mode)
    shas = {"file_sha": sha256(data).digest(), "finished_sha": bytes.fromhex(pixel_sha(decode(data)))}
    return decision_row(place, word) | shas | {"kept": kept.text, "file_bytes": len(data)}


def stage_kept(scenario: StoreScenario, word: str, mode: KeptMode = "white") -> None:
    _, finished = scenario.stage_image(word)
    scenario.store.write(finished, finish(pixels_of(word), FinishParameters(), mode=mode))


def test_a_kept_product_is_signed_as_an_edit_of_its_photo_and_its_row_says_what_was_kept(
    scenario: StoreScenario, tmp_path: Path
) -> None:
    stage_kept(scenario, "red")
    row = kept_decision("shirt/front", "red")
    signer = C2paSigner(development_identity(str(tmp_path / "c2pa")))
    found = make_release_batch([row])
    publish(scenario.store, scenario.tables, found, signer)
    [shown] = live(scenario).values()
    assert (shown["mode"], shown["photo_sha"], shown["kept"]) == ("white", b"\xab" * 32, row["kept"])
    said = read_credential(scenario.store.read(shown["object"]))
    assert (said.state, said.actions, said.photo, said.source_type) == ("valid", ("opened", "edited"), "ab" * 32, "")
    assert verify(scenario.store, scenario.tables, CATALOGUE, deep=True).sound


@pytest.mark.parametrize(("carried", "kept"), [(None, "white"), ("stage", "white"), ("white", "stage")])
def test_a_file_that_says_another_mode_than_its_row_is_not_published(
    scenario: StoreScenario, carried: KeptMode, kept: KeptMode
) -> None:
    stage_kept(scenario, "red", carried)
    row = kept_decision("shirt/front", "red", carried) | {"kept": kept_decision("a/b", "red", kept)["kept"]}
    with pytest.raises(ProvenanceMarkError, match=r"the mark of a kept product \(\w+\) is not in it, but "):
        published(scenario, make_release_batch([row]))
    assert scenario.tables.version(MANIFEST) == 0


def test_a_generated_image_that_says_it_is_a_photo_is_not_published(scenario: StoreScenario) -> None:
    stage_kept(scenario, "red", "white")
    row = kept_decision("shirt/front", "red") | {"kept": None}
    with pytest.raises(ProvenanceMarkError, match="the mark of a generated image is not in it, but white"):
        published(scenario, make_release_batch([row]))


def test_what_was_kept_is_in_the_row_whatever_operation_fails_first(tmp_path: Path) -> None:
    for fail_at in range(1, 60):
        shop = StoreScenario(tmp_path / str(fail_at))
        write_policy(shop.store)
        stage_kept(shop, "red")
        found = make_release_batch([kept_decision("shirt/front", "red")])
        injector = FaultInjector(fail_at)
        with suppress(InjectedFault):
            publish(FaultyStore(shop.store, injector), FaultyTables(shop.tables, injector), found)
        published(shop, found)
        [shown] = live(shop).values()
        assert (shown["mode"], shown["photo_sha"]) == ("white", b"\xab" * 32), fail_at
        if not injector.has_failed:
            break
    assert not injector.has_failed, "there were more operations than were tried"
