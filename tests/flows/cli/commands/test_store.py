"""The commands that look after a store: what they print, and what they leave behind."""

import shutil
from pathlib import Path

import pytest

from catalogs import layout
from tasks.maintenance.upgrade import upgrade
from tests.fixtures.command_line import RunCli
from tests.fixtures.kept_shop import KeptShop
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), rows, MINIMAL_RECIPE)
    shop.refresh()
    shop.row("thing-1")["title"] = "Another Thing"
    shop.refresh()
    return shop


@pytest.fixture
def harness(two_releases: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    shutil.copytree(two_releases.folder / "store", tmp_path / "store")
    return RefreshHarness(tmp_path, two_releases.rows, MINIMAL_RECIPE)


def test_releases_are_listed_newest_first(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("releases", harness.folder / "store", "--json")
    lines = said.document["releases"]
    assert (said.exit_code, said.stderr) == (0, "")
    assert [(line["version"], line["kind"], line["rows"], line["current"]) for line in lines] == [
        (2, "release", 1, True),
        (1, "release", 3, False),
    ]
    assert [line["same_as_current"] for line in lines] == [None, None]
    lines = run_cli("releases", harness.folder / "store", "--changes", "--json").document["releases"]
    assert [(line["shown"]["new"], line["shown"]["changed"], line["same_as_current"]) for line in lines] == [
        (0, 1, True),
        (3, 0, False),
    ]
    shown = run_cli("releases", harness.folder / "store").stdout
    assert shown.count("shop") == 2
    assert shown.index("current") > shown.index("version")


def test_verify_finds_a_picture_that_is_gone_and_ends_with_1(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("verify", harness.folder / "store", "--deep")
    assert (said.exit_code, "3 images of release 2 of shop: each is there" in said.stdout) == (0, True), said.stdout
    row = harness.manifest()["thing-1", "front", 0]
    (harness.folder / "store" / row["object"]).unlink()
    said = run_cli("verify", harness.folder / "store", "--json")
    assert (said.exit_code, said.document["missing"], said.document["checked"]) == (1, 1, 3)
    assert said.document["findings"][0]["sku"] == "thing-1"


def test_sweep_says_what_would_go_and_keeps_all_that_is_young(run_cli: RunCli, harness: RefreshHarness) -> None:
    before = sorted((harness.folder / "store").rglob("*.jpg"))
    assert run_cli("sweep", harness.folder / "store", "--dry-run").exit_code == 0
    said = run_cli("sweep", harness.folder / "store", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    assert sorted((harness.folder / "store").rglob("*.jpg")) == before
    assert run_cli("verify", harness.folder / "store", "--deep").exit_code == 0


def test_a_store_without_a_catalogue_says_so(run_cli: RunCli, tmp_path: Path) -> None:
    said = run_cli("verify", tmp_path / "nothing")
    assert (said.exit_code, "holds no catalogue" in said.stderr) == (2, True), said.stderr


# Proofs of kept products


def _words(text: str) -> str:
    """Return printed text without its line breaks."""
    return " ".join(text.split())


def _fill(shop: KeptShop) -> KeptShop:
    upgrade(shop.store, shop.tables)
    shop.keep("r1", {"shirt/front": 1, "mug/front": 2})
    shop.keep("r2", {"hat/front": 3}, scale_one=True)
    return shop


@pytest.fixture
def kept_shop(tmp_path: Path) -> KeptShop:
    return _fill(KeptShop(tmp_path / "store"))


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_verify_kept_proves_each_image_again_in_processes(
    run_cli: RunCli, request: pytest.FixtureRequest, tmp_path: Path, place: str
) -> None:
    shop = _fill(KeptShop(tmp_path / "store" if place == "disk" else request.getfixturevalue("s3_url")))
    shop.store.delete([layout.source_photo(shop.pictures["mug/front"].kept.photo, "png")])
    said = run_cli("verify", shop.store.url, "--kept", "--json")
    assert (said.exit_code, said.stderr) == (1, "")
    counts = {name: said.document[name] for name in ("checked", "broken", "undecided", "staged", "unscaled", "sound")}
    assert counts == {"checked": 3, "broken": 0, "undecided": 1, "staged": 2, "unscaled": 1, "sound": False}
    assert said.document["codes"] == {"kept.photo-gone": 1}


def test_verify_kept_of_one_sku_says_in_words_that_it_is_proven(run_cli: RunCli, kept_shop: KeptShop) -> None:
    said = run_cli("verify", kept_shop.store.url, "--kept", "--sku", "hat", "--processes", "1")
    assert said.exit_code == 0
    proven = "1 images of release 3 of shoes: the product of each was proven again from its photo."
    assert proven in _words(said.stdout)


def test_verify_kept_names_what_does_not_hold_and_ends_with_1(run_cli: RunCli, kept_shop: KeptShop) -> None:
    kept_shop.store.write(kept_shop.mask_key("shirt/front"), kept_shop.store.read(kept_shop.mask_key("hat/front")))
    shown = run_cli("verify", kept_shop.store.url, "--kept", "--processes", "1")
    assert shown.exit_code == 1
    assert "1 broken, 0 undecided of 3, release 3 of shoes" in _words(shown.stdout)
    assert "core.mask-differs: another mask lies under the mask's name" in _words(shown.stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kept", "--deep"), "--kept: it proves all live images, and goes without --deep and --since"),
        (("--kept", "--since", "0"), "--kept: it proves all live images"),
        (("--sku", "thing-1"), "--sku and --processes: they go with --kept; give it too"),
        (("--kept", "--sku", "thing-1"), "--sku: no live image of 'thing-1' in 'shop' keeps a photo's product"),
    ],
)
def test_words_of_verify_that_do_not_go_together_are_refused(
    run_cli: RunCli, harness: RefreshHarness, words: tuple[str, ...], said: str
) -> None:
    refused = run_cli("verify", harness.folder / "store", *words)
    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.split())


def test_a_shop_without_photos_has_nothing_to_prove(run_cli: RunCli, harness: RefreshHarness) -> None:
    said = run_cli("verify", harness.folder / "store", "--kept")
    assert (said.exit_code, "there is nothing to prove" in _words(said.stdout)) == (0, True)


def test_provenance_and_why_say_what_was_kept_and_what_the_proof_proves(
    run_cli: RunCli, kept_shop: KeptShop, tmp_path: Path
) -> None:
    picture, url = kept_shop.pictures["hat/front"], kept_shop.store.url
    (tmp_path / "hat.jpg").write_bytes(picture.file)
    document = run_cli("provenance", tmp_path / "hat.jpg", "--store", url, "--json").document
    assert document["xmp"] == {"source_type": None, "mode": "white"}
    [row] = document["rows"]
    assert (row["mode"], row["photo_sha"], row["kept"]["photo_sha"]) == ("white", *[picture.kept.photo] * 2)
    assert "were the photo's own pixels, to the bit" in row["kept"]["proof"]
    shown = run_cli("provenance", tmp_path / "hat.jpg", "--store", url).stdout
    told = run_cli("why", "hat", "--store", url).stdout
    for text in (shown, told):
        assert f"white, of the photo {picture.kept.photo}" in " ".join(text.split())
    [slot] = run_cli("why", "hat", "--store", url, "--json").document["slots"]
    assert slot["live"]["kept"] == row["kept"]
