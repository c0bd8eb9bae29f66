"""`packshot provenance`: what it prints of our pictures, of others', and its exit codes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters
from infra.provenance.certificates import load_identity
from infra.provenance.signing import C2paSigner
from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.fixtures.signing_identities import FOREIGN_ORGANIZATION, new_identity, write_identity


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), [{"sku": "thing", "title": "Thing"}], MINIMAL_RECIPE)
    assert shop.refresh().report["slots"]["published"] == 1
    return shop


@pytest.fixture
def image_file(first_release: RefreshHarness, tmp_path: Path) -> Path:
    [row] = first_release.manifest().values()
    return Path(shutil.copy(first_release.folder / "store" / row["object"], tmp_path / "thing.jpg"))


def test_one_of_ours_is_marked_and_its_row_is_named(
    run_cli: RunCli, first_release: RefreshHarness, image_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run_cli("provenance", image_file, "--store", first_release.url, "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    document = said.document
    assert (document["marked"], document["problems"], document["watermark"]) == (True, [], None)
    assert (document["c2pa"]["state"], document["c2pa"]["trusted"], document["c2pa"]["holds"]) == ("valid", False, True)
    [row] = document["rows"]
    assert (row["catalogue"], row["sku"], row["view"], row["release"], row["same"]) == (
        "shop", "thing", "front", 1, "file",
    )  # fmt: skip
    shown = " ".join(run_cli("provenance", image_file, "--store", first_release.url).stdout.split())
    assert "valid: the signature holds; its signer is not on a list that is trusted here" in shown
    assert "as the signer says" in shown
    assert "Problem" not in shown
    assert run_cli("provenance", image_file, "--json").document["rows"] is None
    assert row["url"] is None
    monkeypatch.setenv("PACKSHOT_PUBLIC_URL", "https://cdn.test")
    [linked] = run_cli("provenance", image_file, "--store", first_release.url, "--json").document["rows"]
    assert linked["url"] == f"https://cdn.test/{row['object']}"


def test_a_changed_one_ends_in_1_and_says_why(run_cli: RunCli, first_release: RefreshHarness, image_file: Path) -> None:
    data = bytearray(image_file.read_bytes())
    data[-30] ^= 1
    image_file.write_bytes(data)
    said = run_cli("provenance", image_file, "--store", first_release.url)
    assert said.exit_code == 1
    words = " ".join(said.stdout.split())
    assert "invalid: the signature does not hold" in words
    assert "assertion.dataHash.mismatch" in words
    assert "No live image of this store is this one." in words


def test_a_foreign_picture_is_trusted_by_its_root_and_cannot_move_the_cursor(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = C2paSigner(load_identity(*write_identity(tmp_path, new_identity())))
    path = tmp_path / "theirs.jpg"
    path.write_bytes(
        theirs.sign(finish(np.zeros((64, 64, 3), np.uint8), FinishParameters()), "\x1b[31m[red]:smile:\u202e")
    )
    monkeypatch.setenv("PACKSHOT_C2PA_TRUST", str(tmp_path / "roots.pem"))
    said = run_cli("provenance", path)
    assert said.exit_code == 0
    assert "trusted: the signature holds, and its signer is trusted here" in " ".join(said.stdout.split())
    assert FOREIGN_ORGANIZATION in said.stdout
    assert "\x1b" not in said.stdout
    assert "\u202e" not in said.stdout
    assert "[red]:smile:" in said.stdout


def test_the_registered_watermark_is_shown(run_cli: RunCli, image_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_WATERMARK", "infra.testing.block_watermark:BlockWatermark")
    document = run_cli("provenance", image_file, "--json").document
    assert document["watermark"]["name"] == "blocks-1"
    assert len(document["watermark"]["payload"]) == 16
    assert "blocks-1" in run_cli("provenance", image_file).stdout


@pytest.mark.parametrize("words", ["https://shop.example/a.jpg", "nowhere.jpg", ".", "s3://ada:sesame@bucket/a.jpg"])
def test_what_cannot_be_asked_is_bad_input(run_cli: RunCli, words: str) -> None:
    said = run_cli("provenance", words)
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr.startswith("packshot: ")
    assert "sesame" not in said.stderr


def test_a_file_that_is_no_picture_and_roots_that_are_none_are_bad_input(
    run_cli: RunCli, tmp_path: Path, image_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.html").write_text("<html>")
    said = run_cli("provenance", tmp_path / "page.html")
    assert (said.exit_code, "neither a JPEG nor a PNG nor a WebP" in said.stderr) == (2, True)
    monkeypatch.setenv("PACKSHOT_C2PA_TRUST", str(tmp_path / "page.html"))
    said = run_cli("provenance", image_file)
    assert (said.exit_code, "holds no PEM certificate" in said.stderr) == (2, True)
