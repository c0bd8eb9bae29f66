"""`packshot provenance`: what it prints of our pictures, of others', and its exit codes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from infra.imaging.finishing import finish
from infra.provenance.certificates import load_identity
from infra.provenance.credentials import Signer
from tests.fixtures.refresh_harness import Shop
from tests.fixtures.signing_identities import FOREIGN, new_identity, write_identity
from tests.flows.cli.commands.test_refresh import RECIPE
from tests.flows.cli.conftest import Run


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"), [{"sku": "thing", "title": "Thing"}], RECIPE)
    assert shop.night().report["slots"]["published"] == 1
    return shop


@pytest.fixture
def picture(one_night: Shop, tmp_path: Path) -> Path:
    [row] = one_night.manifest().values()
    return Path(shutil.copy(one_night.folder / "store" / row["object"], tmp_path / "thing.jpg"))


def test_one_of_ours_is_marked_and_its_row_is_named(run: Run, one_night: Shop, picture: Path) -> None:
    said = run("provenance", picture, "--store", one_night.url, "--json")
    assert (said.code, said.err) == (0, "")
    document = said.document
    assert (document["marked"], document["problems"], document["watermark"]) == (True, [], None)
    assert (document["c2pa"]["state"], document["c2pa"]["trusted"], document["c2pa"]["holds"]) == ("valid", False, True)
    [row] = document["rows"]
    assert (row["catalogue"], row["sku"], row["view"], row["release"], row["same"]) == (
        "shop", "thing", "front", 1, "file",
    )  # fmt: skip
    shown = " ".join(run("provenance", picture, "--store", one_night.url).out.split())
    assert "valid: the signature holds; its signer is not on a list that is trusted here" in shown
    assert "as the signer says" in shown
    assert "Problem" not in shown
    assert run("provenance", picture, "--json").document["rows"] is None


def test_a_changed_one_ends_in_1_and_says_why(run: Run, one_night: Shop, picture: Path) -> None:
    data = bytearray(picture.read_bytes())
    data[-30] ^= 1
    picture.write_bytes(data)
    said = run("provenance", picture, "--store", one_night.url)
    assert said.code == 1
    words = " ".join(said.out.split())
    assert "invalid: the signature does not hold" in words
    assert "assertion.dataHash.mismatch" in words
    assert "No picture that is live in this store is this one." in words


def test_a_foreign_picture_is_trusted_by_its_root_and_cannot_move_the_cursor(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Signer(load_identity(*write_identity(tmp_path, new_identity())))
    path = tmp_path / "theirs.jpg"
    path.write_bytes(theirs.sign(finish(np.zeros((64, 64, 3), np.uint8), {}), "\x1b[31m[red]:smile:\u202e"))
    monkeypatch.setenv("PACKSHOT_C2PA_TRUST", str(tmp_path / "roots.pem"))
    said = run("provenance", path)
    assert said.code == 0
    assert "trusted: the signature holds, and its signer is trusted here" in " ".join(said.out.split())
    assert FOREIGN in said.out
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "[red]:smile:" in said.out


def test_the_registered_watermark_is_shown(run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_WATERMARK", "infra.provenance.watermarks:BlockWatermark")
    document = run("provenance", picture, "--json").document
    assert document["watermark"]["name"] == "blocks-1"
    assert len(document["watermark"]["payload"]) == 16
    assert "blocks-1" in run("provenance", picture).out


@pytest.mark.parametrize("words", ["https://shop.example/a.jpg", "nowhere.jpg", ".", "s3://ada:sesame@bucket/a.jpg"])
def test_what_cannot_be_asked_is_bad_input(run: Run, words: str) -> None:
    said = run("provenance", words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("packshot: ")
    assert "sesame" not in said.err


def test_a_file_that_is_no_picture_and_roots_that_are_none_are_bad_input(
    run: Run, tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.html").write_text("<html>")
    said = run("provenance", tmp_path / "page.html")
    assert (said.code, "neither a JPEG nor a PNG nor a WebP" in said.err) == (2, True)
    monkeypatch.setenv("PACKSHOT_C2PA_TRUST", str(tmp_path / "page.html"))
    said = run("provenance", picture)
    assert (said.code, "holds no PEM certificate" in said.err) == (2, True)
