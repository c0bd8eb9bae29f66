"""Of a ground all that the store can show is proven again; a stage that is gone casts no doubt on the product."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from catalogs import layout
from infra.compositing.composite import compose
from infra.compositing.ground_proof import ground_digest
from infra.compositing.jpeg_loss import bound_loss
from infra.compositing.kept_proof import parse_proof, place_again
from infra.compositing.placed_product import PlacedProduct
from infra.compositing.stage_ground import ground_of_stage, stage_shadow
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, Pixels
from infra.photos.reading import read_photo
from tasks.maintenance.kept_check import KeptCheck, check_kept
from tasks.maintenance.verify_kept import verify_kept
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.kept_shop import CANVAS, KeptShop, kept_picture

PLACE, OTHER = "shirt/front", "mug/front"
STAGE, OTHER_STAGE = drawn_stage(1, 300, 220), drawn_stage(2, 300, 220)


@pytest.fixture
def shop(tmp_path: Path) -> KeptShop:
    opened = KeptShop(tmp_path)
    opened.keep("r1", {PLACE: 1, OTHER: 2}, stage=STAGE)
    opened.store.write(layout.stage_image(pixel_sha(OTHER_STAGE)), encode_png(OTHER_STAGE))
    return opened


def found(shop: KeptShop, **changes: Any) -> KeptCheck:
    return check_kept(shop.store, {**shop.live_row(PLACE), **changes})  # type: ignore[typeddict-item]


def codes(check: KeptCheck) -> list[str]:
    return [finding.code for finding in check.findings]


def placed_product(shop: KeptShop) -> PlacedProduct:
    picture = shop.pictures[PLACE]
    placed = place_again(parse_proof(picture.kept.proof), read_photo(picture.photo), picture.mask)
    assert isinstance(placed, PlacedProduct)
    return placed


def on_other_stage(shop: KeptShop) -> Pixels:
    """Return the product on the other stage, shaded as on its own."""
    ground, placed = parse_proof(shop.pictures[PLACE].kept.proof).ground, placed_product(shop)
    assert ground is not None
    return compose(ground_of_stage(OTHER_STAGE, ground.crop, CANVAS), placed, stage_shadow(placed.alpha, "left"))


def stage_again(shop: KeptShop, pixels: Pixels) -> None:
    shop.store.write(layout.staged_image(shop.kept_image_key(PLACE)), encode_png(pixels))


def published(shop: KeptShop, pixels: Pixels) -> dict[str, Any]:
    """Publish other pixels under the row's own shas, as somebody would who can write the manifest too."""
    data = finish(pixels, FinishParameters(), mode="stage")
    shop.store.write("published/shoes/forged.jpg", data)
    shas = {"file_sha": sha256(data).digest(), "pixel_sha": bytes.fromhex(pixel_sha(decode(data)))}
    return {"object": "published/shoes/forged.jpg", **shas}


def test_product_and_ground_of_an_untouched_image_are_proven(shop: KeptShop) -> None:
    assert found(shop) == KeptCheck((), staged=True)
    shop.store.delete(
        [layout.staged_image(shop.kept_image_key(PLACE)), layout.kept_document(shop.kept_image_key(PLACE))]
    )
    assert found(shop) == KeptCheck((), staged=False)


@pytest.mark.parametrize("how", ["gone", "another", "damaged"])
def test_a_stage_that_is_gone_is_a_warning_and_the_product_is_proven_all_the_same(shop: KeptShop, how: str) -> None:
    key = layout.stage_image(pixel_sha(STAGE))
    shop.store.delete([key])
    if how != "gone":
        shop.store.write(key, encode_png(OTHER_STAGE) if how == "another" else b"no picture")
    check = found(shop)
    assert check.findings == ()
    [warning] = check.warnings
    assert (warning.code, "the product is proven without it" in warning.sentence) == ("stage.gone", True)
    result = verify_kept(shop.store, shop.tables, shop.catalogue, processes=0)
    assert (result.sound, result.warned, result.codes) == (True, 2, {"stage.gone": 2})
    assert {warning.sku for warning in result.warnings} == {"shirt", "mug"}


def test_a_stage_that_goes_while_rows_are_proven_is_missed_from_then_on(shop: KeptShop) -> None:
    assert found(shop).warnings == ()
    shop.store.delete([layout.stage_image(pixel_sha(STAGE))])
    assert [warning.code for warning in found(shop).warnings] == ["stage.gone"]


def test_without_its_stage_a_changed_ground_is_still_found_by_the_record(shop: KeptShop) -> None:
    stage_again(shop, on_other_stage(shop))
    shop.store.delete([layout.stage_image(pixel_sha(STAGE))])
    assert codes(found(shop)) == ["ground.pixels-differ"]


# Attacks


def test_one_pixel_of_the_staged_ground_is_found(shop: KeptShop) -> None:
    pixels = shop.pictures[PLACE].staged.copy()
    pixels[2, 3, 1] ^= 1
    stage_again(shop, pixels)
    assert codes(found(shop)) == ["ground.pixels-differ"]


def test_another_stage_is_found_in_the_staged_image_and_in_the_published_file(shop: KeptShop) -> None:
    pixels = on_other_stage(shop)
    stage_again(shop, pixels)
    assert codes(found(shop)) == ["ground.pixels-differ"]
    stage_again(shop, shop.pictures[PLACE].staged)
    forged = published(shop, pixels)
    for own_sha in ({}, {"file_sha": forged["file_sha"]}, {"pixel_sha": forged["pixel_sha"]}):
        told = {finding.code: finding.sentence for finding in found(shop, object=forged["object"], **own_sha).findings}
        assert "of 4 and 8" in told["ground.published-differs"]
    check = found(shop, **forged)
    assert [warning.code for warning in check.warnings] == ["ground.published-differs"], "who writes the row too"


def lights(shop: KeptShop) -> None:
    """Publish the product before red lights on black at quality 60: the colour is beyond what most grounds lose."""
    across, down = np.meshgrid(np.arange(CANVAS[0]), np.arange(CANVAS[1]))
    stage = np.zeros((*CANVAS, 3), np.uint8)
    stage[(across % 4 == 0) & (down % 4 == 0), 0] = 255
    stage[cv2.dilate(placed_product(shop).alpha, np.ones((33, 33), np.uint8)) > 0] = 120
    picture = kept_picture(1, stage=stage)
    shop.store.write(layout.stage_image(pixel_sha(stage)), encode_png(stage))
    shop.pictures[PLACE] = picture
    placed = placed_product(shop)
    file = finish(picture.staged, FinishParameters(quality=60), kept=placed.alpha, mode="stage")
    loss = bound_loss(placed.pixels, placed.alpha, decode(file))
    jpeg = {"mean": loss.mean, "p99": float(loss.p99), "max": float(loss.maximum)}
    shop.pictures[PLACE] = replace(picture, file=file, kept=replace(picture.kept, jpeg=jpeg))
    shop.write_objects(PLACE, shop.pictures[PLACE])
    shop.put_row("r2", PLACE, shop.pictures[PLACE])


def marked(shop: KeptShop) -> None:
    """Publish the product with a watermark all over its ground, each 8 x 8 pixels lighter or darker by 14 levels."""
    picture, alpha = shop.pictures[PLACE], placed_product(shop).alpha
    signs = np.random.default_rng(3).choice((-14, 14), (CANVAS[1] // 8, CANVAS[0] // 8))
    mark = np.where(alpha > 0, 0, np.kron(signs, np.ones((8, 8), np.int16)))[..., None]
    pixels = np.clip(picture.staged + mark, 0, 255).astype(np.uint8)
    shop.pictures[PLACE] = replace(picture, file=finish(pixels, FinishParameters(), kept=alpha, mode="stage"))
    shop.put_row("r2", PLACE, shop.pictures[PLACE])


@pytest.mark.parametrize("publish", [lights, marked])
def test_a_ground_that_is_as_it_was_published_is_not_broken_where_it_lost_more_than_the_bound(
    shop: KeptShop, publish: Callable[[KeptShop], None]
) -> None:
    publish(shop)
    check = found(shop)
    assert codes(check) == []
    [warning] = check.warnings
    assert (warning.code, "of 4 and 8" in warning.sentence) == ("ground.published-differs", True)
    result = verify_kept(shop.store, shop.tables, shop.catalogue, processes=0)
    assert (result.sound, result.warned, result.codes) == (True, 1, {"ground.published-differs": 1})


def test_another_skus_staged_file_and_photo_are_found(shop: KeptShop) -> None:
    stage_again(shop, shop.pictures[OTHER].staged)
    assert codes(found(shop)) == ["core.pixels-differ"]
    shop.store.write(layout.source_photo(shop.pictures[PLACE].kept.photo, "png"), shop.pictures[OTHER].photo)
    assert codes(found(shop)) == ["core.photo-differs"]


@pytest.mark.parametrize("change", ["shifted", "re-encoded", "warmer"])
def test_a_changed_image_is_found_in_core_and_ground(shop: KeptShop, change: str) -> None:
    before = shop.pictures[PLACE].staged
    after = {
        "shifted": np.roll(before, 1, axis=1),
        "re-encoded": decode(finish(before, FinishParameters(quality=100), mode="stage")),
        "warmer": np.clip(before + np.array((3, 0, -3), np.int16), 0, 255).astype(np.uint8),
    }[change]
    stage_again(shop, after)
    assert codes(found(shop)) == ["core.pixels-differ", "ground.pixels-differ"]


def rewritten(shop: KeptShop, ground: dict[str, Any], **fields: Any) -> str:
    kept = shop.pictures[PLACE].kept
    proof = json.loads(json.dumps(dict(kept.proof)))
    proof["ground"] |= ground
    return replace(kept, proof=proof, **fields).text


def test_a_row_rewritten_to_another_stage_is_found_by_the_stages_or_by_the_document(shop: KeptShop) -> None:
    pixels, other = on_other_stage(shop), pixel_sha(OTHER_STAGE)
    digest = ground_digest(pixels, placed_product(shop).alpha)
    assert codes(found(shop, kept=rewritten(shop, {"stage": other}))) == ["ground.stage-differs"]
    own = rewritten(shop, {"sha256": digest})
    assert "ground.stage-differs" in codes(found(shop, kept=own))
    whole = rewritten(shop, {"stage": other, "sha256": digest}, stage=other)
    forged = published(shop, pixels)
    assert {"kept.document-differs", "ground.pixels-differ"} <= set(codes(found(shop, kept=whole, **forged)))
    stage_again(shop, pixels)
    shop.store.write(layout.kept_document(shop.kept_image_key(PLACE)), whole.encode())
    believed = codes(found(shop, kept=whole, **forged))
    assert not any(code.startswith("ground.") for code in believed), "whoever writes all of it is believed here"


def test_a_row_that_calls_a_stage_white_is_found(shop: KeptShop) -> None:
    kept = replace(shop.pictures[PLACE].kept, mode="white")
    assert codes(found(shop, kept=kept.text, mode="white")) == ["ground.not-recorded"]


def test_a_shadow_of_a_later_version_is_a_warning(shop: KeptShop) -> None:
    text = rewritten(shop, {"shadow": "contact-9"})
    shop.store.delete([layout.kept_document(shop.kept_image_key(PLACE))])
    check = found(shop, kept=text)
    assert (codes(check), [warning.code for warning in check.warnings]) == ([], ["ground.shadow-unknown"])
