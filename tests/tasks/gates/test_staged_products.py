"""Where a staged product is, is known from its mask and record, and what is lost is told as nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.compositing.core_digest import core_digest
from infra.compositing.kept_proof import parse_proof
from tasks.gates.staged_products import find_product_alpha, is_staged
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.kept_shop import CANVAS, KeptShop, kept_picture

PLACE = "shirt/front"


@pytest.fixture
def shop(tmp_path: Path) -> KeptShop:
    opened = KeptShop(tmp_path)
    opened.keep("r1", {PLACE: 1}, stage=drawn_stage(1, 300, 220))
    return opened


def test_the_alpha_is_the_one_that_was_placed(shop: KeptShop) -> None:
    picture = shop.pictures[PLACE]
    alpha = find_product_alpha(shop.store, picture.kept.text)
    assert alpha is not None
    assert alpha.shape == (CANVAS[1], CANVAS[0])
    assert core_digest(picture.staged, alpha) == parse_proof(picture.kept.proof).core


def test_without_a_mask_or_a_record_there_is_none(shop: KeptShop) -> None:
    kept = shop.pictures[PLACE].kept
    for text in (None, "", "[", "{}", replace(kept, proof={}).text):
        assert find_product_alpha(shop.store, text) is None
    moved = {**kept.proof, "placement": {**kept.proof["placement"], "source": dict.fromkeys(("left", "top"), 0)}}
    assert find_product_alpha(shop.store, replace(kept, proof=moved).text) is None
    shop.store.write(shop.mask_key(PLACE), np.zeros(9, np.uint8).tobytes())
    assert find_product_alpha(shop.store, kept.text) is None


def test_a_product_on_white_and_a_generated_image_are_on_no_stage(shop: KeptShop) -> None:
    assert is_staged(shop.pictures[PLACE].kept.text)
    assert not is_staged(kept_picture(1).kept.text)
    assert not is_staged(None)
    assert is_staged("{}"), "what cannot be read is not measured as if it were on white"
