"""Names, spelt well or badly, and marks become a score a brand; the version moves with each of them."""

from pathlib import Path

import numpy as np
import pytest

from infra.scanners.logos import LogoScanner, NameMatcher, normalize_name, version
from infra.scanners.ocr import TextLine
from tests.fixtures.scanner_images import NEEDS_OCR, draw_logo, skip_unless_installed, vase_image, with_logo, with_text

NAMES = ["Adidas", "Nike", "Acme Tools", "L'Oréal", "小米"]
NEEDS_RAPIDFUZZ = skip_unless_installed("rapidfuzz", "ocr")


def line(text: str) -> TextLine:
    return TextLine(text, 0.9, np.zeros((4, 2), np.float32))


@NEEDS_RAPIDFUZZ
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ADIDAS", {"Adidas": 100}),
        ("Addidas sport", {"Adidas": 92.3}),
        ("by adidos", {"Adidas": 83.3}),
        ("Nike", {"Nike": 100}),
        ("nice day", {}),
        ("nikee", {}),
        ("new ACME T0OLS here", {"Acme Tools": 88.9}),
        ("ACMETOOLS", {"Acme Tools": 100}),
        ("L OREAL", {"L'Oréal": 100}),
        ("小米", {"小米": 100}),
        ("a plain mug", {}),
        ("", {}),
    ],
)
def test_a_name_is_found_as_it_is_written_or_nearly(said: str, expected: dict[str, float]) -> None:
    found = NameMatcher(NAMES).find([line(said)])
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=0.1)


@NEEDS_OCR
def test_a_misspelt_name_in_a_picture_scores_for_its_brand() -> None:
    scanner = LogoScanner({"names": NAMES})
    seen = scanner.scan(with_text(vase_image(), "ADDIDAS", 90, at=(0.5, 0.9)))
    assert seen.scores["logos.name:Adidas"] == seen.scores["logos.name"] >= 80
    assert seen.scores["logos.mark"] == 0
    assert scanner.scan(vase_image()).scores == {"logos.mark": 0, "logos.name": 0}


def test_marks_alone_need_no_reader(tmp_path: Path) -> None:
    draw_logo(3).save(tmp_path / "Acme.png")
    scanner = LogoScanner({"library": str(tmp_path), "names": []})
    seen = scanner.scan(with_logo(vase_image(), draw_logo(3), 200, angle=20))
    assert seen.scores["logos.mark:Acme"] == seen.scores["logos.mark"] >= 12
    assert scanner.scan(vase_image()).scores == {"logos.mark": 0, "logos.name": 0}


def test_the_version_moves_with_every_mark_and_its_brand(tmp_path: Path) -> None:
    settings = {"library": str(tmp_path)}
    draw_logo(3).save(tmp_path / "Acme.png")
    seen = [version(settings)]
    draw_logo(4).save(tmp_path / "Bolt.png")
    seen.append(version(settings))
    draw_logo(5).save(tmp_path / "Bolt.png")
    seen.append(version(settings))
    (tmp_path / "Bolt").mkdir()
    (tmp_path / "Acme.png").rename(tmp_path / "Bolt" / "Acme.png")
    seen.append(version(settings))
    assert len(set(seen)) == 4
    assert version(settings) == seen[-1]


@NEEDS_OCR
def test_the_version_moves_with_the_list_of_names_and_not_with_its_order() -> None:
    assert version({"names": ["a", "b"]}) == version({"names": ["b", "a"]})
    assert version({"names": ["a", "b"]}) != version({"names": ["a", "c"]})


def test_letters_are_what_is_left_without_case_accents_and_signs() -> None:
    assert normalize_name("L'Oréal® 5") == "loreal5"
