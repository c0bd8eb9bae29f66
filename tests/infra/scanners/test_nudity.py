"""The real detector, on one thread, on pictures that fool it; and how its classes become scores."""

import numpy as np
import pytest

from catalogs.policy.schema import built_in_policy
from infra.interfaces import Pixels
from infra.scanners.nudity import SCORE_CLASSES, NudityScanner
from tests.fixtures.scanner_images import NEEDS_NUDENET, two_ovals_image, vase_image

pytestmark = NEEDS_NUDENET

SKINS = ((224, 172, 140), (141, 85, 60))


@pytest.fixture(scope="module")
def scanner() -> NudityScanner:
    return NudityScanner({})


def words(scores: dict[str, float]) -> set[str]:
    """Return what the built-in rules say of the scores."""
    rules = [rule for rule in built_in_policy().image if rule.score in SCORE_CLASSES]
    assert {rule.score for rule in rules} == SCORE_CLASSES.keys() - {"nudity.face"}
    return {rule.decision_for(scores[rule.score]) for rule in rules}


def test_it_keeps_to_one_thread(scanner: NudityScanner) -> None:
    options = scanner._detector.onnx_session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


@pytest.mark.parametrize("colour", SKINS)
@pytest.mark.parametrize("waist", [0.1, 0.25])
def test_a_smooth_skin_coloured_vase_passes(scanner: NudityScanner, colour: tuple[int, int, int], waist: float) -> None:
    seen = scanner.scan(vase_image(colour, waist))
    assert seen.scores.keys() == SCORE_CLASSES.keys()
    assert words(dict(seen.scores)) == {"PASS"}


@pytest.mark.parametrize(
    ("width", "height", "least", "most", "expected"),
    [(0.38, 0.5, 0.4, 0.6, {"PASS"}), (0.4, 0.4, 0.6, 0.8, {"PASS", "REVIEW"})],
    ids=["cushions", "rounder cushions"],
)
def test_ovals_that_the_detector_takes_for_skin_are_at_worst_for_a_person(
    scanner: NudityScanner, width: float, height: float, least: float, most: float, expected: set[str]
) -> None:
    seen = scanner.scan(two_ovals_image(SKINS[0], width, height))
    assert least < seen.scores["nudity.buttocks"] <= most
    assert words(dict(seen.scores)) == expected
    best = max(seen.details, key=lambda detail: str(detail["confidence"]))
    assert (best["class"], best["confidence"]) == ("BUTTOCKS_EXPOSED", seen.scores["nudity.buttocks"])


def test_the_detector_is_given_blue_green_red(scanner: NudityScanner, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Pixels] = []
    monkeypatch.setattr(scanner._detector, "detect", lambda picture: given.append(picture) or [])
    scanner.scan(np.full((8, 8, 3), (200, 100, 50), np.uint8))
    assert given[0][0, 0].tolist() == [50, 100, 200]


def test_each_group_has_the_best_of_its_classes(scanner: NudityScanner, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"FEMALE_GENITALIA_EXPOSED": 0.3, "ANUS_EXPOSED": 0.6, "FACE_MALE": 0.9, "BUTTOCKS_COVERED": 0.8}
    found = [{"class": name, "score": score, "box": [0, 0, 1, 1]} for name, score in said.items()]
    monkeypatch.setattr(scanner._detector, "detect", lambda _: found)
    scores = scanner.scan(np.zeros((8, 8, 3), np.uint8)).scores
    assert scores == {"nudity.genitals": 0.6, "nudity.breast": 0, "nudity.buttocks": 0, "nudity.face": 0.9}
    assert "BLOCK" in words(dict(scores))
