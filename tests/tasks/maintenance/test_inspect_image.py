"""Provenance of an image: a published one, one without its marks, a foreign one and a hostile one."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from infra.errors import UnreadableSource
from infra.imaging.codecs import encode_png
from infra.imaging.finishing import finish
from infra.imaging.source_marks import TRAINED_ALGORITHMIC_MEDIA
from infra.interfaces import FinishParameters, KeptOrigin
from infra.provenance.credentials import strip_manifest
from infra.provenance.development_certificate import development_identity
from infra.provenance.signing import C2paSigner
from infra.testing.block_watermark import BlockWatermark
from tasks.maintenance.inspect_image import MAX_ROWS, ImageProvenance, find_manifest_rows, inspect_image
from tasks.pipeline.publish import publish
from tests.fixtures.run_rows import RUN_ID, decision_row, make_release_batch
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, jpeg_of

XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a p:DigitalSourceType="{TRAINED_ALGORITHMIC_MEDIA}"/></x:xmpmeta>'
NO_XMP = "the XMP has no DigitalSourceType: it does not say that a trained model generated the image"


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    shop = StoreScenario(tmp_path)
    shop.stage_image("red")
    shop.stage_image("blue")
    signer = C2paSigner(development_identity(str(tmp_path / "c2pa")))
    rows = [decision_row("shirt/front", "red"), decision_row("mug/front", "red"), decision_row("bag/front", "blue")]
    publish(shop.store, shop.tables, make_release_batch(rows), signer)
    return shop


def picture(scenario: StoreScenario, place: str) -> bytes:
    return scenario.store.read(scenario.published_objects()[place])


def rows_of(scenario: StoreScenario, found: ImageProvenance) -> list[tuple[str, int | None, str]]:
    return [(row.sku, row.release, row.same) for row in find_manifest_rows(scenario.store, scenario.tables, found)]


def test_a_published_image_is_marked_and_belongs_to_its_row(scenario: StoreScenario) -> None:
    found = inspect_image(picture(scenario, "mug/front"))
    assert (found.has_valid_marks, found.problems, found.format, found.c2pa.state) == (True, [], "jpeg", "valid")
    [row] = find_manifest_rows(scenario.store, scenario.tables, found)
    assert (row.catalogue, row.sku, row.view, row.release, row.run_id) == (CATALOGUE, "mug", "front", 1, RUN_ID)
    assert (row.object, row.same) == (scenario.published_objects()["mug/front"], "file")


def test_an_image_without_its_manifest_is_known_by_its_pixels(scenario: StoreScenario) -> None:
    found = inspect_image(strip_manifest(picture(scenario, "mug/front")))
    assert (found.has_valid_marks, found.problems) == (False, ["there is no C2PA manifest"])
    assert rows_of(scenario, found) == [("shirt", 1, "pixels"), ("mug", 1, "pixels")]


def test_a_changed_image_matches_no_row_and_has_a_problem(scenario: StoreScenario) -> None:
    data = picture(scenario, "mug/front")
    found = inspect_image(data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
    assert not found.has_valid_marks
    [problem] = found.problems
    assert problem.startswith("the C2PA signature is not valid: assertion.dataHash.mismatch")
    assert rows_of(scenario, found) == []


def test_the_release_that_published_it_is_named_after_later_ones(scenario: StoreScenario) -> None:
    scenario.release("r2", {"shirt/front": "green"})
    assert rows_of(scenario, inspect_image(picture(scenario, "mug/front"))) == [("mug", 1, "file")]
    assert rows_of(scenario, inspect_image(picture(scenario, "shirt/front"))) == [("shirt", 2, "file")]


def test_only_so_many_rows_with_the_same_pixels_are_named(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {f"sku{number:03}/front": "one" for number in range(MAX_ROWS + 20)})
    bare = inspect_image(jpeg_of("one", provenance_mark=False))
    assert len(find_manifest_rows(shop.store, shop.tables, bare)) == MAX_ROWS


def test_a_store_without_catalogues_knows_no_image(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    assert find_manifest_rows(shop.store, shop.tables, inspect_image(jpeg_of("one"))) == []


def test_a_png_and_a_webp_are_read_too() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    said, png, webp = PngImagePlugin.PngInfo(), io.BytesIO(), io.BytesIO()
    said.add_itxt("XML:com.adobe.xmp", XMP)
    Image.fromarray(pixels).save(png, "PNG", pnginfo=said)
    Image.fromarray(pixels).save(webp, "WEBP", xmp=XMP.encode())
    for data, kind in ((png.getvalue(), "png"), (webp.getvalue(), "webp")):
        found = inspect_image(data)
        assert (found.format, found.source_type) == (kind, TRAINED_ALGORITHMIC_MEDIA)
        assert found.problems == ["there is no C2PA manifest"]
    assert inspect_image(encode_png(pixels)).problems == [NO_XMP, "there is no C2PA manifest"]


def test_the_registered_watermark_is_looked_for() -> None:
    hidden = BlockWatermark().embed(np.full((64, 64, 3), 200, np.uint8), b"12345678")
    assert inspect_image(encode_png(hidden), watermark=BlockWatermark()).watermark_payload == b"12345678".hex()
    assert inspect_image(encode_png(hidden)).watermark_payload is None


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"GIF89a" + bytes(20), b"<svg/>", bytes(64)])
def test_a_file_that_is_no_image_is_bad_input(data: bytes) -> None:
    with pytest.raises(UnreadableSource, match="neither a JPEG nor a PNG nor a WebP"):
        inspect_image(data)


def test_an_image_that_is_cut_short_or_a_bomb_is_a_finding_and_not_decoded() -> None:
    for cut in (3, 20, 200, len(jpeg_of("red")) - 20):
        found = inspect_image(jpeg_of("red")[:cut])
        assert (found.has_valid_marks, found.pixel_sha) == (False, None)
        assert found.problems
    data = encode_png(np.zeros((100, 100, 3), np.uint8))
    bomb = data.replace((100).to_bytes(4, "big"), (60_000).to_bytes(4, "big"))
    found = inspect_image(bomb)
    assert (found.has_valid_marks, found.pixel_sha) == (False, None)


# Kept products


def kept_jpeg(mode: str | None) -> bytes:
    return finish(np.full((48, 64, 3), 90, np.uint8), FinishParameters(), mode=mode)


@pytest.fixture(scope="module")
def kept_signer(tmp_path_factory: pytest.TempPathFactory) -> C2paSigner:
    return C2paSigner(development_identity(str(tmp_path_factory.mktemp("kept"))))


@pytest.mark.parametrize("mode", ["white", "stage", "scene"])
def test_an_edit_of_a_photo_has_valid_marks_of_its_own(kept_signer: C2paSigner, mode: str) -> None:
    found = inspect_image(kept_signer.sign(kept_jpeg(mode), "x", KeptOrigin(mode, "ab" * 32)))
    assert (found.has_valid_marks, found.problems, found.mark.mode, found.c2pa.photo) == (True, [], mode, "ab" * 32)


def test_marks_that_contradict_each_other_are_not_valid(kept_signer: C2paSigner) -> None:
    contradiction = "the XMP and the C2PA manifest do not say the same of what made the image"
    for signed in (
        kept_signer.sign(kept_jpeg("white"), "x"),
        kept_signer.sign(kept_jpeg(None), "x", KeptOrigin("white", "ab" * 32)),
        kept_signer.sign(kept_jpeg("stage"), "x", KeptOrigin("white", "ab" * 32)),
    ):
        found = inspect_image(signed)
        assert (found.has_valid_marks, found.problems) == (False, [contradiction])


def test_a_white_image_that_lost_its_mark_says_nothing(kept_signer: C2paSigner) -> None:
    bare = finish(np.full((48, 64, 3), 90, np.uint8), FinishParameters(mark=False), mode="white")
    found = inspect_image(kept_signer.sign(bare, "x", KeptOrigin("white", "ab" * 32)))
    assert (found.has_valid_marks, found.mark.text) == (False, "")
    assert found.problems[0].startswith("the XMP has no DigitalSourceType")
