"""How a product stands in its frame: each number moves with what it is named for, at every size."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.imaging.metrics.composition import measure_composition
from infra.imaging.metrics.foreground import find_foreground
from infra.interfaces import Pixels
from tests.fixtures.product_images import exposed, flat_image, framed, noisy, passing_images, scaled, shifted


def measured(picture: Pixels) -> dict[str, float]:
    return measure_composition(find_foreground(picture))


def block(size: int, left: float, top: float, right: float, bottom: float) -> Pixels:
    """Return a red block on white; places are shares of the frame."""
    picture = flat_image(size, 254)
    picture[round(top * size) : round(bottom * size), round(left * size) : round(right * size)] = (180, 40, 40)
    return picture


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_fill_and_place_are_those_of_the_products_box(size: int) -> None:
    wide = measured(block(size, 0.125, 0.25, 0.875, 0.5))
    assert wide["fill.side"] == pytest.approx(0.75, abs=0.02)
    assert wide["centre.off"] == pytest.approx(0.125, abs=0.01)
    tall = measured(block(size, 0.5, 0.0625, 0.625, 0.9375))
    assert tall["fill.side"] == pytest.approx(0.875, abs=0.02)
    assert tall["centre.off"] == pytest.approx(0.0625, abs=0.01)


def test_fill_is_of_the_side_that_the_product_runs_along() -> None:
    picture = np.full((200, 400, 3), 254, np.uint8)
    picture[20:180, 150:250] = 40
    assert measured(picture)["fill.side"] == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("box", "sides"), [((0.2, 0.2, 0.8, 0.8), 0), ((0, 0.2, 0.6, 0.8), 1), ((0, 0.4, 0.6, 1), 2), ((0.2, 0, 0.8, 1), 2)]
)
def test_the_frames_sides_that_a_product_touches_are_counted(box: tuple[float, ...], sides: int) -> None:
    assert measured(block(256, *box))["edges.touched"] == sides  # type: ignore[arg-type]


def test_specks_of_noise_do_not_stretch_the_box() -> None:
    clean, loud = (measured(noisy(passing_images(256)["red ball"], sigma)) for sigma in (0, 9))
    for name in ("fill.side", "centre.off", "edges.touched", "parts.count"):
        assert loud[name] == pytest.approx(clean[name], abs=0.02), name


def test_pieces_are_counted_and_crumbs_are_not() -> None:
    pair = block(256, 0.1, 0.2, 0.4, 0.8)
    pair[:, 140:] = block(256, 0.1, 0.2, 0.9, 0.8)[:, 140:]
    assert measured(pair)["parts.count"] == 2
    crumbs = block(256, 0.1, 0.2, 0.4, 0.8)
    crumbs[200:230, 200:230] = 0
    assert measured(crumbs)["parts.count"] == 1
    assert measured(flat_image(256, 254))["parts.count"] == 0


def test_exposure_is_the_products_and_not_the_frames() -> None:
    ball = passing_images(256)["red ball"]
    assert measured(scaled(ball, 0.5))["exposure.mean"] == pytest.approx(measured(ball)["exposure.mean"], abs=6)
    dark = measured(exposed(passing_images(256)["black ball"], 0.3, 2))
    assert dark["exposure.crushed"] > 0.9
    light = block(256, 0.1, 0.1, 0.9, 0.9)
    light[100:228, 26:230] = (255, 252, 238)
    assert measured(light)["exposure.clipped"] == pytest.approx(0.62, abs=0.05)


@pytest.mark.parametrize("size", [256, 1024])
def test_a_border_is_found_by_its_step_from_what_it_frames(size: int) -> None:
    ball = passing_images(size)["red ball"]
    assert measured(ball)["frame.step"] == 0
    for pixels, colour in ((3, (0, 0, 0)), (size // 50, (200, 30, 30)), (size // 20, (205, 205, 205))):
        assert measured(framed(ball, pixels, colour))["frame.step"] > 40, (pixels, colour)
    assert measured(framed(ball, 3, (254, 254, 254)))["frame.step"] == 0
    three_sides = framed(ball, size // 50, (0, 0, 0))
    three_sides[: size // 5] = 254
    assert measured(three_sides)["frame.step"] == 0


def test_a_plain_grey_ground_is_no_border() -> None:
    ball = passing_images(256)["red ball"].astype(np.int16)
    assert measured(np.asarray(np.clip(ball - 60, 0, 255), np.uint8))["frame.step"] == 0


def test_equal_halves_are_alike_and_mirrored_ones_are_not() -> None:
    pictures = passing_images(256)
    half = cv2.resize(pictures["red ball"], (128, 256), interpolation=cv2.INTER_AREA)
    assert measured(np.hstack([half, half]))["collage.halves"] > 0.99
    assert measured(np.vstack([half.transpose(1, 0, 2)] * 2))["collage.halves"] > 0.99
    lopsided = pictures["red ball"][:, :128]
    assert measured(np.hstack([lopsided, lopsided[:, ::-1]]))["collage.halves"] < 0.5


def test_an_edge_across_the_whole_frame_is_a_line_of_one() -> None:
    ball = passing_images(256)["red ball"]
    grey = np.asarray(np.clip(ball.astype(np.int16) - 60, 0, 255), np.uint8)
    assert measured(np.hstack([ball[:, :128], grey[:, 128:]]))["collage.line"] == 1
    assert measured(np.vstack([ball[:90], grey[90:]]))["collage.line"] == 1
    assert measured(block(256, 0.15, 0.15, 0.85, 0.85))["collage.line"] == pytest.approx(0.7, abs=0.02)
    assert measured(flat_image(256, 254))["collage.line"] == 0


@pytest.mark.parametrize("name", sorted(passing_images(64)))
def test_nothing_moves_with_the_pictures_size(name: str) -> None:
    small, large = (measured(passing_images(size)[name]) for size in (256, 1024))
    for score, value in small.items():
        near = 0.6 if score == "collage.line" and name == "knitted ball" else 3 if score == "exposure.mean" else 0.05
        assert large[score] == pytest.approx(value, abs=near), score


def test_a_shift_moves_the_place_alone() -> None:
    ball = scaled(passing_images(256)["red ball"], 0.7)
    moved = measured(shifted(ball, 0.1, 0))
    assert moved["centre.off"] == pytest.approx(0.1, abs=0.01)
    assert moved["fill.side"] == pytest.approx(measured(ball)["fill.side"], abs=0.01)


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_every_form_of_noise_gives_finite_numbers_in_their_bounds(
    height: int, width: int, seed: int, ground: int
) -> None:
    generator = np.random.default_rng(seed)
    picture = np.full((height, width, 3), ground, np.uint8)
    top, left = generator.integers(0, height), generator.integers(0, width)
    picture[top:, left:] = generator.integers(0, 256, picture[top:, left:].shape, dtype=np.uint8)
    found = measured(picture)
    assert all(type(value) is float and np.isfinite(value) for value in found.values())
    for name in ("fill.side", "exposure.clipped", "exposure.crushed", "collage.line", "mask.confidence"):
        assert 0 <= found[name] <= 1, name
    assert 0 <= found["centre.off"] <= 0.5
    assert -1.001 <= found["collage.halves"] <= 1.001
    assert 0 <= found["frame.step"] <= 255


def test_a_white_border_is_taken_for_background() -> None:
    grey = np.asarray(np.clip(passing_images(256)["red ball"].astype(np.int16) - 70, 0, 255), np.uint8)
    assert measured(framed(grey, 8, (254, 254, 254)))["frame.step"] == 0
    assert measured(framed(grey, 8, (20, 20, 20)))["frame.step"] > 40


def test_sides_of_different_colours_are_a_scene_and_no_border() -> None:
    scene = framed(passing_images(256)["red ball"], 8, (90, 90, 90))
    scene[:8], scene[-8:] = (60, 90, 200), (90, 60, 30)
    assert measured(scene)["frame.step"] == 0


def test_halves_that_are_all_but_flat_are_not_compared() -> None:
    ripple = flat_image(256, 250)
    ripple[::8, :] = 251
    assert measured(ripple)["collage.halves"] == 0
