"""Overlaid words in every guise are counted; seams and stripes are not."""

import numpy as np
import pytest

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.interfaces import Frame, Pixels, Prompt
from infra.scanners.ocr import TextLine
from infra.scanners.overlay_text import OverlayTextScanner, is_word, version
from tests.fixtures.scanner_images import NEEDS_OCR, vase_image, with_text

pytestmark = NEEDS_OCR

WHITE = (255, 255, 255)


@pytest.fixture(scope="module")
def scanner() -> OverlayTextScanner:
    return OverlayTextScanner({})


def card(product: str) -> Pixels:
    """Return what the stub paints: a product with a busy print and no letters."""
    engine = open_engine(EngineSpec("stub"))
    [frame] = engine.generate([Prompt("k", product, 7, 1024, 1024)])
    engine.close()
    assert isinstance(frame, Frame)
    return frame.pixels


@pytest.mark.parametrize(
    ("overlay", "area"),
    [
        pytest.param(lambda: with_text(vase_image(), "SALE 50% OFF", 110), (0.06, 0.2), id="big"),
        pytest.param(lambda: with_text(vase_image(), "SALE 50% OFF", 90, angle=30), (0.04, 0.2), id="tilted"),
        pytest.param(
            lambda: with_text(vase_image(), "shutterstock", 100, alpha=0.4, angle=30), (0.03, 0.2), id="half-seen"
        ),
        pytest.param(
            lambda: with_text(vase_image(), "SHUTTERSTOCK", 90, alpha=0.6, ink=WHITE), (0.02, 0.2), id="white on it"
        ),
        pytest.param(
            lambda: with_text(vase_image(), "www.example.com", 20, at=(0.8, 0.95)), (0.001, 0.01), id="small print"
        ),
        pytest.param(lambda: with_text(card("mug"), "SALE 50% OFF", 110), (0.06, 0.2), id="on a busy print"),
    ],
)
def test_overlaid_words_are_found_where_they_are(
    scanner: OverlayTextScanner, overlay, area: tuple[float, float]
) -> None:  # type: ignore[no-untyped-def]
    seen = scanner.scan(overlay())
    assert seen.scores["text.count"] == 1
    assert seen.scores["text.confidence"] >= 0.8
    assert area[0] < seen.scores["text.area"] < area[1]
    assert seen.details


@pytest.mark.parametrize(
    "picture", [vase_image, lambda: card("mug"), lambda: card("shirt")], ids=["vase", "mug", "shirt"]
)
def test_a_product_without_words_scores_nothing(scanner: OverlayTextScanner, picture) -> None:  # type: ignore[no-untyped-def]
    assert scanner.scan(picture()).scores == {"text.area": 0, "text.count": 0, "text.confidence": 0}


def test_words_that_are_apart_are_counted_apart(scanner: OverlayTextScanner) -> None:
    picture = with_text(vase_image(), "NEW", 70, at=(0.12, 0.08))
    assert scanner.scan(with_text(picture, "www.example.com", 30, at=(0.8, 0.95))).scores["text.count"] == 2


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [("NEW", 0.8, True), ("NEW", 0.79, False), ("l-l", 1.0, False), ("新品上", 0.9, True), ("...", 1.0, False)],
)
def test_a_word_is_three_letters_that_are_surely_there(text: str, confidence: float, expected: bool) -> None:
    assert is_word(TextLine(text, confidence, np.zeros((4, 2), np.float32))) is expected


def test_the_scanner_says_its_version(scanner: OverlayTextScanner) -> None:
    assert scanner.version == version({})
