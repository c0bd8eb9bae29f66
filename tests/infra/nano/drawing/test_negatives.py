"""Drawings: kept as they are made, made once, and never the held-out ones for training."""

from pathlib import Path

import numpy as np
import pytest

from infra.nano.drawing.negatives import (
    SPLITS,
    NegativeSpec,
    draw_negatives,
    list_negatives,
    load_negative,
    render_subject,
)
from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import Look
from infra.nano.drawing.studio import VIEWS

HATS = [NegativeSpec("training", "hat", view, 0) for view in ("front", "top")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("negatives")
    assert {drawing.view for drawing in draw_negatives(made, HATS, 1)} == {"front", "top"}
    return made


def test_every_product_comes_once_from_every_view_before_any_comes_again() -> None:
    wanted = list_negatives("training", 2)
    assert len(set(wanted)) == len(wanted) == 2 * len(PRODUCTS) * len(VIEWS)
    assert {drawing.number for drawing in wanted[: len(wanted) // 2]} == {0}


def test_what_is_there_is_not_drawn_again(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    third = NegativeSpec("training", "hat", "side", 0)
    assert list(draw_negatives(folder, [*HATS, third], 1)) == [third]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [path.suffix for path in folder.rglob("*") if path.is_file()] == [".npz"] * 3


def test_a_kept_negative_is_the_one_that_was_drawn(folder: Path) -> None:
    subject, picture = render_subject(folder, HATS[0], Look("red"))
    assert (subject.product, subject.view) == ("hat", "front")
    assert picture.std() > 20
    assert load_negative(folder, HATS[0]).coverage.max() == 255


def test_the_splits_share_no_randomness() -> None:
    firsts = {tuple(NegativeSpec(split, "mug", "front", 0).generator().random(3)) for split in SPLITS}
    assert len(firsts) == len(SPLITS)
    again = NegativeSpec("training", "mug", "front", 0).generator().random(3)
    assert (again == NegativeSpec("training", "mug", "front", 0).generator().random(3)).all()
    assert not np.array_equal(again, NegativeSpec("training", "mug", "front", 1).generator().random(3))
