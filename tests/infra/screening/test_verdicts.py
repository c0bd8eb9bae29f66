"""Whole pictures through finish, scanners and built-in policy: what is good passes, what is spoilt has its reason."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest

from catalogs.policy.decisions import decide_image
from catalogs.policy.scanners import OPT_IN_SCORES, SCORE_SCANNERS
from catalogs.policy.schema import Policy, built_in_policy, load_policy
from catalogs.verdict import PASS, Verdict
from infra.engines.stub.stub_backend import PRODUCT_WORDS, StubBackend
from infra.errors import InvalidImage
from infra.imaging.codecs import encode_png
from infra.interfaces import Frame, Pixels, Prompt
from infra.screening.measure import measure
from infra.stores import open_store
from tests.fixtures.product_images import (
    blurred,
    exposed,
    flat_image,
    framed,
    noisy,
    passing_images,
    scaled,
    shaded_subject,
    shifted,
    subject_mask,
    white_on_white_image,
)
from tests.infra.screening.staged_images import stage_image

POLICY = built_in_policy()
RED = (196, 40, 44)


def verdict_on(picture: Pixels, policy: Policy = POLICY, category: str = "") -> Verdict:
    """Return the word on a picture that was asked for in the form that it has."""
    store = open_store("memory://verdicts")
    screened = measure(stage_image(store, "picture", picture), store)
    store.delete(["staging/picture.png", "staging/picture-finished.jpg", "scores/picture.json"])
    scores = {**screened.scores, "aspect.off": 0.0}
    return decide_image(scores, screened.scanners, screened.errors, policy, category)


def ball(size: int) -> Pixels:
    return passing_images(size)["red ball"]


def on(ground: tuple[int, int, int], size: int) -> Pixels:
    return shaded_subject(subject_mask("round", size), RED, ground)


def half(picture: Pixels) -> Pixels:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=1, interpolation=cv2.INTER_AREA), np.uint8)


def grid(picture: Pixels) -> Pixels:
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.vstack([np.hstack([small, small])] * 2)


def zoomed(picture: Pixels) -> Pixels:
    edge = len(picture) // 16
    return np.asarray(cv2.resize(picture[edge:-edge, edge:-edge], picture.shape[1::-1]), np.uint8)


def sloped(picture: Pixels) -> Pixels:
    fall = np.linspace(0, 30, picture.shape[1])[None, :, None]
    return np.asarray(np.clip(picture - fall, 0, 255), np.uint8)


SPOILT: dict[str, tuple[Callable[[int], Pixels], str, set[str]]] = {
    "blurred": (lambda size: blurred(ball(size), 2), "BLOCK", {"blurred"}),
    "a little soft": (lambda size: blurred(ball(size), 1), "REVIEW", {"blurred"}),
    "noisy": (lambda size: noisy(ball(size), 9), "REVIEW", {"noisy"}),
    "blurred and noisy": (lambda size: noisy(blurred(ball(size), 3), 4.5), "BLOCK", {"blurred", "noisy"}),
    "tiny": (lambda size: scaled(ball(size), 0.4), "BLOCK", {"small-in-frame"}),
    "smallish": (lambda size: scaled(ball(size), 0.75), "REVIEW", {"small-in-frame"}),
    "too near": (lambda size: zoomed(ball(size)), "REVIEW", {"fills-frame"}),
    "off-centre": (lambda size: shifted(scaled(ball(size), 0.9), 0.1, 0), "REVIEW", {"off-centre"}),
    "cut off": (lambda size: shifted(ball(size), 0, 0.2), "REVIEW", {"cut-off", "off-centre"}),
    "cut off twice": (lambda size: shifted(ball(size), -0.2, 0.2), "REVIEW", {"cut-off", "off-centre"}),
    "a thin black frame": (lambda size: framed(ball(size), 3, (0, 0, 0)), "REVIEW", {"framed"}),
    "a red frame": (lambda size: framed(ball(size), size // 50, (200, 30, 30)), "REVIEW", {"framed"}),
    "a light grey frame": (lambda size: framed(ball(size), size // 64, (205, 205, 205)), "REVIEW", {"framed"}),
    "twice beside itself": (lambda size: np.hstack([half(ball(size))] * 2), "REVIEW", {"collage", "several-products"}),
    "four times": (lambda size: grid(ball(size)), "REVIEW", {"collage", "several-products"}),
    "two panels": (lambda size: np.hstack([half(ball(size)), half(on((90, 90, 90), size))]), "REVIEW", {"collage"}),
    "underexposed": (lambda size: exposed(ball(size), 0.35), "REVIEW", {"underexposed", "background-not-white"}),
    "sunk in black": (
        lambda size: exposed(passing_images(size)["black ball"], 0.3, 2),
        "REVIEW",
        {"underexposed", "background-not-white"},
    ),
    "overexposed": (lambda size: exposed(passing_images(size)["pale ball"], 1.25), "REVIEW", {"overexposed"}),
    "on grey": (lambda size: on((225, 225, 225), size), "REVIEW", {"background-not-white"}),
    "with a cast": (lambda size: on((254, 250, 238), size), "REVIEW", {"background-tinted", "background-not-white"}),
    "on a slope": (lambda size: sloped(ball(size)), "REVIEW", {"background-uneven", "background-not-white"}),
    "black": (lambda size: flat_image(size, 0), "BLOCK", {"black", "blank", "flat"}),
    "nearly black": (lambda size: noisy(flat_image(size, 1), 1), "BLOCK", {"black", "blank", "flat"}),
    "blank": (lambda size: noisy(flat_image(size, 253), 1.5), "BLOCK", {"blank", "flat"}),
    "white on white": (white_on_white_image, "REVIEW", {"product-unclear", "blank"}),
}


@pytest.mark.parametrize("size", [256, pytest.param(1024, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_gets_its_word_and_its_reason(name: str, size: int) -> None:
    spoil, word, reasons = SPOILT[name]
    verdict = verdict_on(spoil(size))
    assert verdict.decision == word, verdict.reasons
    assert reasons <= set(verdict.reasons), verdict.reasons


@pytest.mark.parametrize("size", [128, 256, pytest.param(1024, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(passing_images(64)))
def test_what_is_good_passes_whatever_it_looks_like(name: str, size: int) -> None:
    assert verdict_on(passing_images(size)[name]) == PASS
    assert verdict_on(noisy(passing_images(size)[name], 1.5)) == PASS


@pytest.mark.parametrize("form", [(64, 64), (256, 256), (320, 256), (256, 400), (512, 256)])
@pytest.mark.parametrize("product", sorted(PRODUCT_WORDS))
def test_the_stubs_cards_pass_in_frames_of_every_form(product: str, form: tuple[int, int]) -> None:
    for seed in range(3):
        (card,) = StubBackend().generate_batch([Prompt("key", f"a {product}", seed, *form)])
        assert isinstance(card, Frame)
        assert verdict_on(card.pixels) == PASS, seed


def test_every_rule_of_the_built_in_policy_has_a_spoilt_picture_or_is_tested_by_its_number() -> None:
    by_number = {"file-too-large", "file-too-small", "too-small", "wrong-aspect"}
    shown = set().union(*(reasons for _, _, reasons in SPOILT.values()))
    always = [rule for rule in POLICY.image if SCORE_SCANNERS[rule.score] not in OPT_IN_SCORES.values()]
    assert {rule.reason for rule in always} == shown | by_number


def test_a_category_may_be_shown_in_pairs_or_in_a_room() -> None:
    lifted = """
      - {score: parts.count, reason: several-products, review_above: 1, categories: {socks: {review_above: 2}}}
      - {score: collage.halves, reason: collage, review_above: 0.9, categories: {socks: {review_above: null}}}
      - {score: background.white, reason: background-not-white, review_below: 0.8,
         categories: {sofas: {review_below: null}}}
    """
    policy = load_policy(f"extends: default\nversion: 2\nimage:{lifted}", "shop.yaml")
    pair, room = np.hstack([half(ball(256))] * 2), on((225, 225, 225), 256)
    assert verdict_on(pair, policy, "socks") == PASS
    assert verdict_on(room, policy, "sofas") == PASS
    assert verdict_on(pair, policy, "sofas").decision == verdict_on(room, policy, "socks").decision == "REVIEW"


@cache
def _screened(missing: str) -> Verdict:
    store = open_store(f"memory://required-{missing}")
    screened = measure(
        stage_image(
            store, "picture", ball(256), scanners=[name for name in ("pixels", "fingerprint") if name != missing]
        ),
        store,
    )
    return decide_image({**screened.scores, "aspect.off": 0.0}, screened.scanners, screened.errors, POLICY, "")


@pytest.mark.parametrize("missing", ["pixels", "fingerprint"])
def test_without_a_required_scanner_a_good_picture_is_for_a_person(missing: str) -> None:
    assert _screened("") == PASS
    assert _screened(missing) == Verdict("REVIEW", (f"scanner-missing.{missing}",))


def test_a_picture_of_no_numbers_is_refused_and_what_a_cast_makes_of_it_is_blocked() -> None:
    broken = np.full((64, 64, 3), np.nan, np.float32)
    with pytest.raises(InvalidImage, match="uint8"):
        encode_png(broken)  # type: ignore[arg-type]
    with np.errstate(invalid="ignore"):
        verdict = verdict_on(broken.astype(np.uint8))
    assert (verdict.decision, verdict.retryable) == ("BLOCK", True)
    assert {"black", "blank", "flat"} <= set(verdict.reasons)
