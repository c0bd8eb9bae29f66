"""`packshot gallery`: what can be exported, and what is said where it cannot."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from infra.stores import open_store
from tests.fixtures.command_line import RunCli
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.waiting import eventually
from tests.paths import ROOT


def test_without_a_store_it_says_what_is_missing(run_cli: RunCli) -> None:
    said = run_cli("gallery")
    assert (said.exit_code, "--store: say whose releases are to be shown" in said.stderr) == (2, True)


def test_a_sample_and_skus_are_exported_from_a_release(run_cli: RunCli, tmp_path: Path) -> None:
    shop = GalleryShop(tmp_path / "store")
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.release("r2", {"b/front": "green"})
    store = ["--store", str(shop.folder)]
    said = run_cli("gallery", "export", *store, "--out", str(tmp_path / "out"), "--release", "1", "--json")
    assert (said.exit_code, said.document["release"], len(said.document["images"])) == (0, 1, 2)
    plain = run_cli("gallery", "export", *store, "--out", str(tmp_path / "more"), "--sku", "b", "--sku", "c")
    assert plain.exit_code == 0
    assert "1 of 2 images of release 2" in plain.stdout
    assert "left out  c: the release shows no image of it" in plain.stdout


def test_what_cannot_be_exported_is_named(run_cli: RunCli, tmp_path: Path) -> None:
    shop = GalleryShop(tmp_path / "store")
    shop.release("r1", {"a/front": "red"})
    command = ["gallery", "export", "--store", str(shop.folder), "--out", str(tmp_path / "out")]
    for options, sentence in (
        (["--release", "7"], "--release: 7 is not kept; there is 1"),
        (["--sku", "a", "--sample", "3"], "--sample: give either --sku or --sample"),
        (["--catalogue", "hats"], "--catalogue: the store"),
        (["--sku", "hat", "--sku", "cap"], "--sku: release 1 shows no image of 'hat', 'cap'"),
        (
            ["--out", str(shop.folder / "out")],
            f"--out: '{shop.folder}/out' lies in the store file://{shop.folder}; give",
        ),
        (["--out", "/proc/none/out"], "--out: '/proc/none/out' cannot be written (No such file or directory)"),
    ):
        said = run_cli(*command, *options)
        assert (said.exit_code, sentence in said.stderr) == (2, True), said.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_gallery_is_served_read_only_until_it_is_ended(tmp_path: Path) -> None:
    shop = GalleryShop(tmp_path / "store")
    shop.release("r1", {"a/front": "red"})
    before = shop.scenario.keys()
    command = [sys.executable, "-m", "flows.cli", "gallery", "--store", str(shop.folder), "--port", "0", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        with httpx.Client(trust_env=False, timeout=60, verify=False, follow_redirects=True) as browser:  # noqa: S501 - loopback
            assert eventually(lambda: _is_up(browser, said["url"].partition("/start")[0]))
            assert browser.get(said["url"]).status_code == 200
            shown = browser.get(said["url"].partition("/start")[0] + "/")
        assert "1 image of 1 SKU" in shown.text
        assert ">Gallery</a>" in shown.text
        process.terminate()
        assert process.wait() == 0
    finally:
        process.kill()
        process.wait()
    assert {key for key in shop.scenario.keys() - before if not key.startswith("access/")} == set()


def _is_up(browser: httpx.Client, url: str) -> bool:
    try:
        return browser.get(url + "/sign-in").status_code < 500
    except httpx.TransportError:
        return False


def test_an_empty_export_of_a_catalogue_without_a_release_is_refused(run_cli: RunCli, tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store")
    store.write("open/home/r1.json", b"")
    said = run_cli("gallery", "export", "--store", store.url, "--out", tmp_path / "out")
    assert (said.exit_code, "--catalogue: 'home' has no release yet" in said.stderr) == (2, True), said.stderr
