"""Every published picture is marked: by a development certificate, by the shop's own, and under a watermark."""

from pathlib import Path
from typing import Any

import pytest

from catalogs.errors import SettingsError
from flows.wiring.composition import open_resources, open_signer
from infra.errors import ProvenanceConfigError, ProvenanceMarkError
from infra.imaging.codecs import decode
from infra.provenance.credentials import read_credential
from infra.provenance.development_certificate import DEVELOPMENT_ISSUER
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.block_watermark import BlockWatermark
from tasks.maintenance.verify import verify
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, assert_published_images
from tests.fixtures.signing_identities import FOREIGN_ORGANIZATION, new_identity, write_identity

pytestmark = pytest.mark.usefixtures("reduced_audit")

BLOCKS = "infra.testing.block_watermark:BlockWatermark"


def shop_with(folder: Path, **settings: Any) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Secret Sauce {number}"} for number in range(2)]
    return RefreshHarness(folder, rows, STUB_RECIPE, settings=SETTINGS.model_copy(update=settings))


def credentials(shop: RefreshHarness, anchors: str = "") -> set[tuple[str, str]]:
    said = (read_credential(data, anchors=anchors) for data in pictures(shop))
    return {(each.state, each.issuer) for each in said}


def pictures(shop: RefreshHarness) -> list[bytes]:
    return [shop.store.read(row["object"]) for row in shop.manifest().values()]


def assert_verified(shop: RefreshHarness, count: int) -> None:
    found = verify(open_store(shop.url), open_tables(shop.url), shop.catalogue, deep=True)
    assert (found.checked, found.sound) == (count, True), found.findings


def test_without_any_setting_a_development_certificate_signs_and_the_report_says_what_it_is_worth(
    tmp_path: Path,
) -> None:
    shop = shop_with(tmp_path, c2pa_folder=str(tmp_path / "c2pa"))
    night = shop.refresh()
    assert_published_images(shop.store, night.after)
    marks = night.report["marks"]
    assert (marks["signed"], marks["unsigned"], marks["signer"], marks["development"]) == (
        2,
        0,
        DEVELOPMENT_ISSUER,
        True,
    )
    assert credentials(shop) == {("valid", DEVELOPMENT_ISSUER)}
    page = shop.store.read(f"runs/{night.report['run_id']}/report.html").decode()
    assert "Signed with a development certificate: untrusted" in page
    assert_verified(shop, 2)
    assert [data for data in pictures(shop) if b"Secret" in data or b"Sauce" in data or b"Photograph" in data] == []
    again = shop.refresh()
    assert (again.after, again.report["marks"]) == (night.after, {})


def test_a_certificate_of_the_shops_own_is_named_and_its_key_reaches_nothing(tmp_path: Path) -> None:
    made = new_identity()
    certificate, key = write_identity(tmp_path / "keys", made)
    shop = shop_with(tmp_path, c2pa_certificate=certificate, c2pa_key=key)
    night = shop.refresh()
    marks = night.report["marks"]
    assert (marks["signer"], marks["development"], marks["stamped"]) == (FOREIGN_ORGANIZATION, False, False)
    assert credentials(shop, made.root.decode()) == {("trusted", FOREIGN_ORGANIZATION)}
    assert (
        f"Signed as {FOREIGN_ORGANIZATION}." in shop.store.read(f"runs/{night.report['run_id']}/report.html").decode()
    )
    secret = made.key.splitlines()[1]
    assert [info.key for info in shop.store.list("") if secret in shop.store.read(info.key)] == []


@pytest.mark.slow
def test_machines_with_other_certificates_and_nights_without_any_share_a_store(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, c2pa_folder=str(tmp_path / "one"))
    shop.refresh()
    shop.row("thing-0")["title"] = "Another Thing"
    shop.settings = SETTINGS.model_copy(update={"c2pa_folder": str(tmp_path / "two")})
    shop.refresh()
    assert_verified(shop, 2)
    shop.row("thing-1")["title"] = "A Third Thing"
    shop.settings = SETTINGS.model_copy(update={"c2pa": False})
    marks = shop.refresh().report["marks"]
    assert (marks["signed"], marks["unsigned"], marks["signer"]) == (0, 1, None)
    assert_verified(shop, 2)
    assert credentials(shop) == {("valid", DEVELOPMENT_ISSUER), ("absent", "")}


def test_a_key_that_cannot_sign_ends_a_run_before_anything_is_made(tmp_path: Path) -> None:
    certificate, key = write_identity(tmp_path / "keys", new_identity())
    Path(key).unlink()
    shop = shop_with(tmp_path, c2pa_certificate=certificate, c2pa_key=key)
    with pytest.raises(ProvenanceConfigError, match=r"PACKSHOT_C2PA_KEY: .*key.pem' cannot be read"):
        shop.refresh()
    assert list(shop.store.list("")) == []


@pytest.mark.parametrize(("given", "missing"), [("certificate", "KEY"), ("key", "CERTIFICATE")])
def test_certificate_and_key_are_given_together(given: str, missing: str) -> None:
    with pytest.raises(SettingsError, match=f"PACKSHOT_C2PA_{missing} is not set"):
        open_signer(SETTINGS.model_copy(update={f"c2pa_{given}": "x.pem"}))
    assert open_signer(SETTINGS.model_copy(update={"c2pa": False})) is None


def test_a_machine_that_only_paints_needs_no_key(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, c2pa_certificate="nowhere.pem", c2pa_key="nowhere.pem")
    job, _ = shop.parameters().resolve_job()
    with open_resources(job, shop.settings, publishes=False) as (places, _):
        assert places.signer is None


def test_without_the_library_a_run_ends_unless_signing_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    shop = shop_with(tmp_path, c2pa_folder=str(tmp_path / "c2pa"))
    with pytest.raises(ProvenanceMarkError, match="c2pa-python is missing"):
        shop.refresh()
    shop.settings = SETTINGS.model_copy(update={"c2pa": False})
    assert shop.refresh().report["marks"]["unsigned"] == 2
    assert_verified(shop, 2)


# Watermarks

LENIENT = {
    "extends": "default",
    "version": 1,
    "image": [
        {"score": "background.white", "reason": "background-not-white", "review_below": 0},
        {"score": "background.deviation", "reason": "background-uneven", "review_above": 255},
        {"score": "background.cast", "reason": "background-tinted", "review_above": 255},
    ],
}
"""The fake watermark is grey blocks on a white ground; a real one is not to be seen."""


def test_the_recipes_watermark_is_in_every_picture_and_in_the_report(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, watermark=BLOCKS)
    shop.edit_recipe(finish={"watermark": "blocks-1"})
    shop.policy = LENIENT
    night = shop.refresh()
    assert_published_images(shop.store, night.after)
    assert night.report["marks"]["watermarks"] == ["blocks-1"]
    hidden = {BlockWatermark().extract(decode(data)) for data in pictures(shop)}
    assert len(hidden) == 2, "what is hidden follows from the pixels"
    assert "Watermark: blocks-1" in shop.store.read(f"runs/{night.report['run_id']}/report.html").decode()


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ({}, "blocks-1", "none is registered: set PACKSHOT_WATERMARK"),
        ({"watermark": BLOCKS}, "blocks-2", "PACKSHOT_WATERMARK has 'blocks-1'"),
    ],
)
def test_a_watermark_that_is_not_there_ends_a_run_before_anything_is_made(
    tmp_path: Path, settings: dict[str, Any], name: str, words: str
) -> None:
    shop = shop_with(tmp_path, **settings)
    shop.edit_recipe(finish={"watermark": name})
    with pytest.raises(ProvenanceConfigError, match=words):
        shop.refresh()
    assert list(shop.store.list("")) == []
