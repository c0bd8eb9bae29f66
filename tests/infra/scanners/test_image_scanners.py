"""Which scanners there are is known without opening one, and each is opened once."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from catalogs.policy.scanners import IMAGE_SCANNERS
from catalogs.policy.schema import SCORES
from infra.errors import ScannerMissing
from infra.scanners import Seen
from infra.scanners.image_scanners import KINDS, look_for, opened, plain_marks
from infra.screening.measure import SCANNERS
from tests.infra.scanners.pictures import NEEDS_NUDENET, NEEDS_OCR, mark, vase


def test_policies_know_every_scanner_that_there_is() -> None:
    assert {*SCANNERS, *KINDS} <= IMAGE_SCANNERS


def test_what_is_not_installed_is_missing_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    here, missing = look_for(["nudity", "text", "logos", "smell"], {"logos": {"names": ["Acme"]}})
    assert here == {}
    assert "pip install 'packshot[nudity]'" in missing["nudity"]
    assert "pip install 'packshot[ocr]'" in missing["text"]
    assert "pip install 'packshot[ocr]'" in missing["logos"]
    assert missing["smell"] == "There is no scanner 'smell'; there are nudity, text, logos."
    with pytest.raises(ScannerMissing):
        opened("nudity", {"never": "opened before"})


def test_a_library_that_is_not_there_is_missing_too(tmp_path: Path) -> None:
    here, missing = look_for(["logos"], {"logos": {"library": str(tmp_path / "gone")}})
    assert here == {}
    assert "is no folder here" in missing["logos"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param("nudity", {}, marks=NEEDS_NUDENET),
        pytest.param("text", {}, marks=NEEDS_OCR),
        pytest.param("logos", {"names": ["Acme"]}, marks=NEEDS_OCR),
    ],
)
def test_each_scanner_gives_the_scores_that_policies_know_and_its_version(
    name: str, settings: dict[str, list[str]]
) -> None:
    scanner = opened(name, settings)
    assert opened(name, dict(settings)) is scanner
    assert look_for([name], {name: settings}) == ({name: scanner.version}, {})
    seen = scanner.look(vase(side=256))
    assert isinstance(seen, Seen)
    assert seen.scores.keys() == {score for score, measured_by in SCORES.items() if measured_by == name}


def test_asking_what_is_here_loads_no_model() -> None:
    code = (
        "import sys; from infra.scanners.image_scanners import look_for; "
        "look_for(['nudity', 'text', 'logos'], {'logos': {'names': ['Acme']}}); "
        "print([name for name in ('onnxruntime', 'nudenet', 'rapidocr') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_plain_marks_are_named_for_the_doctor(tmp_path: Path) -> None:
    mark(3).save(tmp_path / "Acme.png")
    Image.new("RGB", (99, 99)).save(tmp_path / "Dot.png")
    assert plain_marks({"logos": {"library": str(tmp_path)}}) == ["Dot"]
    assert plain_marks({}) == []
