"""The marks that an image must carry are those that its run promised; each problem is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.render_settings import Finish
from catalogs.runs.release_batch import PublishedFile
from infra.errors import InvalidImage
from infra.imaging.finishing import finish
from infra.interfaces import Commit, FinishParameters, KeptOrigin
from infra.provenance.certificates import load_identity
from infra.provenance.development_certificate import DEVELOPMENT_ISSUER, development_identity
from infra.provenance.signing import C2paSigner
from tasks.gates.required_marks import find_mark_problems, find_signed_runs, kept_origin, summarize_marks
from tests.fixtures.signing_identities import FOREIGN_ORGANIZATION, new_identity, write_identity
from tests.fixtures.store_scenarios import jpeg_of, pixels_of

RECIPE = built_in_recipe()
NO_SOURCE, NO_SIGNATURE = "the mark of a generated image is not in it", "its signed C2PA manifest is not in it"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> C2paSigner:
    return C2paSigner(development_identity(str(tmp_path_factory.mktemp("c2pa"))))


@pytest.mark.parametrize("source", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_only_a_required_mark_is_missed(signer: C2paSigner, source: bool, signed: bool) -> None:
    def problems(data: bytes) -> list[str]:
        return list(find_mark_problems(data, source_required=source, signature_required=signed))

    plain, bare = jpeg_of("red"), jpeg_of("red", provenance_mark=False)
    assert problems(signer.sign(plain, "x")) == []
    assert problems(plain) == [NO_SIGNATURE] * signed
    assert problems(signer.sign(bare, "x")) == [NO_SOURCE] * source
    assert problems(bare) == [NO_SOURCE] * source + [NO_SIGNATURE] * signed


KEPT = KeptOrigin("white", "ab" * 32)


def kept_jpeg(mode: str | None) -> bytes:
    return finish(pixels_of("red"), FinishParameters(), mode=mode)


@pytest.mark.parametrize(
    ("carried", "problem"),
    [
        ("white", []),
        (None, ["the mark of a kept product (white) is not in it, but trainedAlgorithmicMedia"]),
        ("backdrop", ["the mark of a kept product (white) is not in it, but compositeCapture"]),
        ("stage", ["the mark of a kept product (white) is not in it, but compositeWithTrainedAlgorithmicMedia"]),
    ],
)
def test_a_kept_products_mark_must_be_that_of_its_mode(carried: str | None, problem: list[str]) -> None:
    found = find_mark_problems(kept_jpeg(carried), source_required=True, signature_required=False, kept=KEPT)
    assert list(found) == problem
    bare = jpeg_of("red", provenance_mark=False)
    [lost] = find_mark_problems(bare, source_required=True, signature_required=False, kept=KEPT)
    assert lost == "the mark of a kept product (white) is not in it"


def test_a_generated_image_may_not_say_that_it_is_a_photo() -> None:
    [said] = find_mark_problems(kept_jpeg("white"), source_required=True, signature_required=False)
    assert said == f"{NO_SOURCE}, but white"


def test_a_manifest_must_say_of_which_photo_it_is_an_edit(signer: C2paSigner) -> None:
    def problems(signed: bytes, kept: KeptOrigin | None = KEPT) -> list[str]:
        return list(find_mark_problems(signed, source_required=True, signature_required=True, kept=kept))

    white = kept_jpeg("white")
    false = f"its C2PA manifest does not say of it that it is an edit of the photo {KEPT.photo}"
    assert problems(signer.sign(white, "x", KEPT)) == []
    assert problems(signer.sign(white, "x", KeptOrigin("white", "cd" * 32))) == [false]
    assert problems(signer.sign(white, "x", KeptOrigin("stage", KEPT.photo))) == [false]
    backdrop = KeptOrigin("backdrop", KEPT.photo)
    assert problems(signer.sign(kept_jpeg("backdrop"), "x", backdrop), backdrop) == []
    assert problems(signer.sign(white, "x")) == [false]
    created = "its C2PA manifest does not say of it that a model made it"
    assert problems(signer.sign(kept_jpeg(None), "x", KEPT), None) == [created]


def test_a_row_of_a_generated_image_keeps_nothing() -> None:
    assert (kept_origin(None, None), kept_origin("white", b"\xab" * 32)) == (None, KEPT)


def test_a_signature_that_is_not_required_must_be_valid_too(signer: C2paSigner) -> None:
    data = signer.sign(jpeg_of("red"), "x")
    [reason] = find_mark_problems(data[:-30] + b"\x00" + data[-29:], source_required=False, signature_required=False)
    assert reason.startswith("its C2PA signature is not valid: assertion.dataHash.mismatch")


def test_a_file_that_is_no_jpeg_has_no_marks() -> None:
    with pytest.raises(InvalidImage, match="not a JPEG"):
        list(find_mark_problems(b"<html>", source_required=True, signature_required=False))


def test_a_run_promises_signatures_in_the_metadata_of_its_commit() -> None:
    def commit(version: int, **words: str) -> Commit:
        return Commit(version, datetime.now(UTC), words)

    history = [commit(3, run_id="c", c2pa="all"), commit(2, run_id="b"), commit(1, run_id="a", c2pa="some"), commit(0)]
    assert find_signed_runs(history) == {"c"}


def test_a_report_says_who_signed_and_how_much(signer: C2paSigner, tmp_path: Path) -> None:
    files = [PublishedFile("a", b"", 1, True), PublishedFile("b", b"", 1, True), PublishedFile("c", b"", 1, False)]
    said = summarize_marks(RECIPE, signer, files)
    assert (said["signed"], said["unsigned"], said["signer"], said["development"]) == (2, 1, DEVELOPMENT_ISSUER, True)
    assert (said["source_type"], said["stamped"], said["watermarks"]) == (True, False, [])
    assert said["expires"] == signer.identity.expires.isoformat()
    ours = C2paSigner(load_identity(*write_identity(tmp_path, new_identity())), "http://127.0.0.1:9/")
    recipe = RECIPE.model_copy(update={"finish": Finish(mark=False, watermark="blocks-1")})
    said = summarize_marks(recipe, ours, files)
    assert (said["signer"], said["development"], said["stamped"]) == (FOREIGN_ORGANIZATION, False, True)
    assert (said["source_type"], said["watermarks"]) == (False, ["blocks-1"])
    assert summarize_marks(RECIPE, None, files)["signer"] is None
    assert summarize_marks(RECIPE, signer, []) == {}
