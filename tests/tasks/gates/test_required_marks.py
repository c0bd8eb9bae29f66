"""What a picture owes is what its run promised, and what is wrong with it is said in words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs.recipe.loading import built_in_recipe
from catalogs.recipe.schema import Finish
from catalogs.runs.release_batch import File
from infra.errors import BadImage
from infra.interfaces import Commit
from infra.provenance.certificates import DEVELOPMENT, development_identity, load_identity
from infra.provenance.credentials import Signer
from tasks.gates.required_marks import said_of_marks, signed_runs, wrong_marks
from tests.infra.marks.identities import FOREIGN, new_identity, write_identity
from tests.tasks.shops import jpeg_of

RECIPE = built_in_recipe()
NO_SOURCE, NO_SIGNATURE = "the mark of a generated picture is not in it", "its signed C2PA manifest is not in it"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(development_identity(str(tmp_path_factory.mktemp("c2pa"))))


@pytest.mark.parametrize("source", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_only_what_is_owed_is_missed(signer: Signer, source: bool, signed: bool) -> None:
    def wrong(data: bytes) -> list[str]:
        return list(wrong_marks(data, source=source, signed=signed))

    plain, bare = jpeg_of("red"), jpeg_of("red", mark=False)
    assert wrong(signer.sign(plain, "x")) == []
    assert wrong(plain) == [NO_SIGNATURE] * signed
    assert wrong(signer.sign(bare, "x")) == [NO_SOURCE] * source
    assert wrong(bare) == [NO_SOURCE] * source + [NO_SIGNATURE] * signed


def test_a_signature_that_nobody_asked_for_must_hold_too(signer: Signer) -> None:
    data = signer.sign(jpeg_of("red"), "x")
    [reason] = wrong_marks(data[:-30] + b"\x00" + data[-29:], source=False, signed=False)
    assert reason.startswith("its C2PA signature does not hold: assertion.dataHash.mismatch")


def test_what_is_no_jpeg_has_no_marks_to_ask_for() -> None:
    with pytest.raises(BadImage, match="not a JPEG"):
        list(wrong_marks(b"<html>", source=True, signed=False))


def test_a_run_promises_by_the_words_of_its_commit() -> None:
    def commit(version: int, **words: str) -> Commit:
        return Commit(version, datetime.now(UTC), words)

    history = [commit(3, run_id="c", c2pa="all"), commit(2, run_id="b"), commit(1, run_id="a", c2pa="some"), commit(0)]
    assert signed_runs(history) == {"c"}


def test_a_report_says_who_signed_and_how_much(signer: Signer, tmp_path: Path) -> None:
    files = [File("a", b"", 1, True), File("b", b"", 1, True), File("c", b"", 1, False)]
    said = said_of_marks(RECIPE, signer, files)
    assert (said["signed"], said["unsigned"], said["signer"], said["development"]) == (2, 1, DEVELOPMENT, True)
    assert (said["source_type"], said["stamped"], said["watermarks"]) == (True, False, [])
    assert said["expires"] == signer.identity.expires.isoformat()
    ours = Signer(load_identity(*write_identity(tmp_path, new_identity())), "http://127.0.0.1:9/")
    recipe = RECIPE.model_copy(update={"finish": Finish(mark=False, watermark="blocks-1")})
    said = said_of_marks(recipe, ours, files)
    assert (said["signer"], said["development"], said["stamped"]) == (FOREIGN, False, True)
    assert (said["source_type"], said["watermarks"]) == (False, ["blocks-1"])
    assert said_of_marks(RECIPE, None, files)["signer"] is None
    assert said_of_marks(RECIPE, signer, []) == {}
