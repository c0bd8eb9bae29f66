"""A picture is asked where it comes from: one of ours, a stripped one, somebody else's, a hostile one."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from infra.errors import UnreadableSource
from infra.imaging.codecs import encode_png
from infra.imaging.finishing import TRAINED_ALGORITHMIC_MEDIA
from infra.provenance.certificates import development_identity
from infra.provenance.credentials import Signer, unsigned
from infra.provenance.watermarks import BlockWatermark
from tasks.maintenance.inspect_image import MOST_ROWS, Provenance, look_at_picture, owners
from tasks.pipeline.publish import publish
from tests.tasks.batches import RUN, batch, decision
from tests.tasks.shops import CATALOGUE, Shop, jpeg_of

XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a p:DigitalSourceType="{TRAINED_ALGORITHMIC_MEDIA}"/></x:xmpmeta>'
NO_XMP = "the XMP has no DigitalSourceType: it does not say that a trained model made the picture"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.stage("red")
    shop.stage("blue")
    signer = Signer(development_identity(str(tmp_path / "c2pa")))
    rows = [decision("shirt/front", "red"), decision("mug/front", "red"), decision("bag/front", "blue")]
    publish(shop.store, shop.tables, batch(rows), signer)
    return shop


def picture(shop: Shop, place: str) -> bytes:
    return shop.store.read(shop.shown()[place])


def rows_of(shop: Shop, found: Provenance) -> list[tuple[str, int | None, str]]:
    return [(row.sku, row.release, row.same) for row in owners(shop.store, shop.tables, found)]


def test_a_published_picture_is_marked_and_belongs_to_its_row(shop: Shop) -> None:
    found = look_at_picture(picture(shop, "mug/front"))
    assert (found.marked, found.problems, found.format, found.c2pa.state) == (True, [], "jpeg", "valid")
    [row] = owners(shop.store, shop.tables, found)
    assert (row.catalogue, row.sku, row.view, row.release, row.run_id) == (CATALOGUE, "mug", "front", 1, RUN)
    assert (row.object, row.same) == (shop.shown()["mug/front"], "file")


def test_a_picture_without_its_manifest_is_known_by_its_pixels(shop: Shop) -> None:
    found = look_at_picture(unsigned(picture(shop, "mug/front")))
    assert (found.marked, found.problems) == (False, ["there is no C2PA manifest"])
    assert rows_of(shop, found) == [("shirt", 1, "pixels"), ("mug", 1, "pixels")]


def test_a_changed_picture_is_nobodys_and_says_so(shop: Shop) -> None:
    data = picture(shop, "mug/front")
    found = look_at_picture(data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
    assert not found.marked
    [problem] = found.problems
    assert problem.startswith("the C2PA signature does not hold: assertion.dataHash.mismatch")
    assert rows_of(shop, found) == []


def test_the_release_that_published_it_is_named_after_later_ones(shop: Shop) -> None:
    shop.release("r2", {"shirt/front": "green"})
    assert rows_of(shop, look_at_picture(picture(shop, "mug/front"))) == [("mug", 1, "file")]
    assert rows_of(shop, look_at_picture(picture(shop, "shirt/front"))) == [("shirt", 2, "file")]


def test_only_so_many_rows_with_the_same_pixels_are_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.release("r1", {f"sku{number:03}/front": "one" for number in range(MOST_ROWS + 20)})
    bare = look_at_picture(jpeg_of("one", mark=False))
    assert len(owners(shop.store, shop.tables, bare)) == MOST_ROWS


def test_a_store_without_catalogues_knows_no_picture(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert owners(shop.store, shop.tables, look_at_picture(jpeg_of("one"))) == []


def test_a_png_and_a_webp_are_read_too() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    said, png, webp = PngImagePlugin.PngInfo(), io.BytesIO(), io.BytesIO()
    said.add_itxt("XML:com.adobe.xmp", XMP)
    Image.fromarray(pixels).save(png, "PNG", pnginfo=said)
    Image.fromarray(pixels).save(webp, "WEBP", xmp=XMP.encode())
    for data, kind in ((png.getvalue(), "png"), (webp.getvalue(), "webp")):
        found = look_at_picture(data)
        assert (found.format, found.source_type) == (kind, TRAINED_ALGORITHMIC_MEDIA)
        assert found.problems == ["there is no C2PA manifest"]
    assert look_at_picture(encode_png(pixels)).problems == [NO_XMP, "there is no C2PA manifest"]


def test_the_registered_watermark_is_looked_for() -> None:
    hidden = BlockWatermark().hide(np.full((64, 64, 3), 200, np.uint8), b"12345678")
    assert look_at_picture(encode_png(hidden), watermark=BlockWatermark()).hidden == b"12345678".hex()
    assert look_at_picture(encode_png(hidden)).hidden is None


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"GIF89a" + bytes(20), b"<svg/>", bytes(64)])
def test_what_is_no_picture_is_bad_input(data: bytes) -> None:
    with pytest.raises(UnreadableSource, match="neither a JPEG nor a PNG nor a WebP"):
        look_at_picture(data)


def test_a_picture_that_is_cut_short_or_a_bomb_is_a_finding_and_not_decoded() -> None:
    for cut in (3, 20, 200, len(jpeg_of("red")) - 20):
        found = look_at_picture(jpeg_of("red")[:cut])
        assert (found.marked, found.pixel_sha) == (False, None)
        assert found.problems
    data = encode_png(np.zeros((100, 100, 3), np.uint8))
    bomb = data.replace((100).to_bytes(4, "big"), (60_000).to_bytes(4, "big"))
    found = look_at_picture(bomb)
    assert (found.marked, found.pixel_sha) == (False, None)
