"""Verification finds and names damage of every kind, and reports none on a sound release."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.render_settings import Finish
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from infra.provenance.certificates import load_identity
from infra.provenance.credentials import strip_manifest
from infra.provenance.development_certificate import development_identity
from infra.provenance.signing import C2paSigner
from infra.stores.json_objects import write_json
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.amendments.rollback import rollback
from tasks.maintenance import verify as module
from tasks.maintenance.verify import VerificationFinding, VerificationResult, verify
from tasks.pipeline.publish import publish
from tests.fixtures.run_rows import decision_row, make_release_batch, write_policy
from tests.fixtures.signing_identities import new_identity, write_identity
from tests.fixtures.store_scenarios import StoreScenario, jpeg_of, pixels_of

PICTURES = {f"sku{number}/front": f"picture {number}" for number in range(12)}


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.release("r1", PICTURES)
    return shop


def found(scenario: StoreScenario, **options: Any) -> VerificationResult:
    return verify(scenario.store, scenario.tables, "shoes", **options)


def only(result: VerificationResult) -> VerificationFinding:
    assert len(result.findings) == 1
    return result.findings[0]


def key(scenario: StoreScenario, number: int) -> str:
    return scenario.published_objects()[f"sku{number}/front"]


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_release_is_sound(scenario: StoreScenario, deep: bool) -> None:
    result = found(scenario, deep=deep)
    assert result == VerificationResult("shoes", 1, checked=12)
    assert result.sound


@pytest.mark.parametrize("sample", [None, 12])
def test_a_deleted_image_is_missing(scenario: StoreScenario, sample: int | None) -> None:
    gone = key(scenario, 3)
    scenario.store.delete([gone])
    result = found(scenario, sample=sample)
    assert (result.checked, result.missing, result.wrong, result.sound) == (12, 1, 0, False)
    assert only(result) == VerificationFinding("sku3", "front", "a", 0, gone, True, ("there is no such object",))


def test_an_empty_image_is_wrong(scenario: StoreScenario) -> None:
    scenario.store.write(key(scenario, 3), b"")
    result = found(scenario, deep=True)
    assert (result.checked, result.missing, result.wrong) == (12, 0, 1)
    assert only(result).reasons == ("the object is empty",)


def test_one_changed_byte_is_found_only_by_reading(scenario: StoreScenario) -> None:
    place = key(scenario, 5)
    data = bytearray(scenario.store.read(place))
    data[-200] ^= 1
    scenario.store.write(place, bytes(data))
    assert found(scenario).sound
    result = found(scenario, deep=True)
    assert (result.missing, result.wrong) == (0, 1)
    assert only(result).object == place
    assert only(result).reasons[0].startswith("the file's sha256 is ")


def test_two_swapped_images_are_both_wrong(scenario: StoreScenario) -> None:
    one, other = key(scenario, 1), key(scenario, 2)
    scenario.store.write(one, jpeg_of("picture 2"))
    scenario.store.write(other, jpeg_of("picture 1"))
    result = found(scenario, deep=True)
    assert result.wrong == 2
    assert {finding.object for finding in result.findings} == {one, other}
    for finding in result.findings:
        assert [reason.split(" is ")[0] for reason in finding.reasons] == ["the file's sha256", "the pixels' sha256"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"<html>404</html>", "neither a PNG nor a JPEG"), (jpeg_of("picture 7")[:-40], "it was cut short")],
)
def test_an_object_that_is_no_image_is_a_finding(scenario: StoreScenario, data: bytes, reason: str) -> None:
    scenario.store.write(key(scenario, 7), data)
    reasons = only(found(scenario, deep=True)).reasons
    assert reasons[0].startswith("the file's sha256 is ")
    assert reason in reasons[1]


def test_an_image_without_its_mark_is_found_unless_its_recipe_waives_it(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    data = finish(pixels_of("bare"), FinishParameters(mark=False))
    plain = Finish(mark=False)
    row = shop.publish_image("shirt/front", "bare", "r1", finish_digest=plain.digest)
    sha = module.sha256(data).digest()
    row |= {"file_sha": sha, "object": layout.published_image("shoes", "shirt", "front", "a", 0, sha.hex())}
    shop.store.write(row["object"], data)
    changes = pa.Table.from_pylist(
        [row | {"_op": "put"}], shop.tables.read("manifest/shoes").schema.append(pa.field("_op", pa.string()))
    )
    shop.tables.merge("manifest/shoes", changes, on=["slot_id"], base_version=0, metadata={"run_id": "r1"})
    assert only(found(shop, deep=True)).reasons == ("the mark of a generated image is not in it",)
    recipe = built_in_recipe().model_copy(update={"finish": plain})
    write_json(shop.store, layout.RunFiles("r1").recipe, recipe.model_dump(mode="json"))
    assert found(shop, deep=True).sound


def test_a_manifest_that_names_other_things_is_a_finding(scenario: StoreScenario) -> None:
    (scenario.folder / "secret").write_bytes(b"x")
    scenario.release("r2", {"sku1/front": "picture 1"}, object="../../etc/passwd")
    scenario.release("r3", {"sku2/front": "picture 2"}, object="secret")
    scenario.release("r4", {"sku3/front": "picture 3"}, object=None)
    scenario.release("r5", {"sku4/front": "picture 4"}, file_sha=b"other" * 6 + b"!!")
    for sample in (None, 12):
        result = found(scenario, sample=sample, deep=True)
        assert (result.checked, result.missing, result.wrong) == (12, 3, 1)
    reasons = next(finding.reasons for finding in result.findings if finding.sku == "sku4")
    assert reasons[0] == "its name does not carry the sha256 that the manifest gives it"


def test_since_leaves_out_what_was_published_before(scenario: StoreScenario) -> None:
    scenario.release("r2", {"sku5/front": "newer"})
    old, new = key(scenario, 1), key(scenario, 5)
    scenario.store.delete([old, new])
    assert [found(scenario, since=version).checked for version in (0, 1, 2)] == [12, 1, 0]
    assert only(found(scenario, since=1)).object == new
    with pytest.raises(OptionError, match="--since 9: there is no such release; the newest is 2"):
        found(scenario, since=9)


def test_a_rollback_publishes_no_new_object(scenario: StoreScenario) -> None:
    scenario.release("r2", {"sku5/front": "newer"})
    rollback(scenario.store, scenario.tables, "shoes")
    assert found(scenario, deep=True) == VerificationResult("shoes", 3, checked=12)
    assert found(scenario, since=1).checked == 0


def test_a_sample_is_the_same_for_a_release_and_another_for_the_next(scenario: StoreScenario) -> None:
    def sampled() -> set[str]:
        for name in scenario.keys("published/"):
            scenario.store.write(name, b"")
        return {finding.sku for finding in found(scenario, sample=4).findings}

    first = sampled()
    assert len(first) == 4
    assert sampled() == first
    scenario.release("r2", {"sku5/front": "newer"})
    assert sampled() != first
    assert found(scenario, sample=500).checked == 12
    with pytest.raises(OptionError, match="--sample 0"):
        found(scenario, sample=0)


def test_few_rows_of_many_are_looked_at_one_by_one_without_a_listing(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    one = shop.publish_image("sku/front", "picture", "r1")
    rows = [one | {"slot_id": number.to_bytes(16, "big"), "_op": "put"} for number in range(2500)]
    changes = pa.Table.from_pylist(rows, shop.tables.read("manifest/shoes").schema.append(pa.field("_op", pa.string())))
    shop.tables.merge("manifest/shoes", changes, on=["slot_id"], base_version=0, metadata={"run_id": "r1"})

    def operations(sample: int) -> int:
        mortality = FaultInjector()
        result = verify(FaultyStore(shop.store, mortality), shop.tables, "shoes", sample=sample)
        assert (result.checked, result.sound) == (sample, True)
        return mortality.operation_count

    assert operations(2) == 2  # sizes
    assert operations(30) == 1  # a listing


def test_only_the_first_hundred_findings_are_kept(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {f"sku{number}/front": "one" for number in range(120)})
    shop.store.delete(list(shop.keys("published/")))
    result = found(shop)
    assert (result.checked, result.missing, len(result.findings)) == (120, 120, 100)


def test_an_empty_and_an_unknown_catalogue(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    assert found(shop) == VerificationResult("shoes", 0)
    with pytest.raises(OptionError, match="has no catalogue 'boots'; it has: shoes"):
        verify(shop.store, shop.tables, "boots")


# Signatures


@pytest.fixture
def signed_scenario(tmp_path: Path) -> StoreScenario:
    """A release without signatures, as older versions made them, and a signed one after it."""
    shop = StoreScenario(tmp_path)
    shop.release("r0", {"old/front": "picture 0"})
    shop.stage_image("red")
    write_policy(shop.store)
    signer = C2paSigner(development_identity(str(tmp_path / "c2pa")))
    publish(shop.store, shop.tables, make_release_batch([decision_row("shirt/front", "red")]), signer)
    return shop


def test_signed_and_older_unsigned_images_are_sound_side_by_side(signed_scenario: StoreScenario) -> None:
    assert found(signed_scenario, deep=True) == VerificationResult("shoes", 2, checked=2)


@pytest.mark.parametrize(
    ("spoil", "reasons"),
    [
        (strip_manifest, ["the file's sha256", "its signed C2PA manifest is not in it"]),
        (
            lambda data: data[:-30] + bytes([data[-30] ^ 1]) + data[-29:],
            [
                "the file's sha256",
                "the pixels' sha256",
                "its C2PA signature is not valid: assertion.dataHash.mismatch",
            ],
        ),
    ],
    ids=["stripped", "one byte"],
)
def test_a_signature_that_is_gone_or_broken_is_found(
    signed_scenario: StoreScenario, spoil: Any, reasons: list[str]
) -> None:
    place = signed_scenario.published_objects()["shirt/front"]
    signed_scenario.store.write(place, spoil(signed_scenario.store.read(place)))
    said = only(found(signed_scenario, deep=True)).reasons
    assert len(said) == len(reasons)
    for word, start in zip(said, reasons, strict=True):
        assert word.startswith(start)


def test_an_image_with_another_signature_is_another_file(signed_scenario: StoreScenario, tmp_path: Path) -> None:
    place = signed_scenario.published_objects()["shirt/front"]
    theirs = C2paSigner(load_identity(*write_identity(tmp_path / "theirs", new_identity())))
    signed_scenario.store.write(place, theirs.sign(strip_manifest(signed_scenario.store.read(place)), "x"))
    [reason] = only(found(signed_scenario, deep=True)).reasons
    assert reason.startswith("the file's sha256 is ")
