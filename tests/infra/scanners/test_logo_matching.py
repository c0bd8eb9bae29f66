"""Brand marks are found pasted, turned, scaled and half-transparent, by the brand whose mark it is."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infra.errors import InvalidImage, ScannerMissing
from infra.scanners.logo_matching import MIN_INLIERS, LogoLibrary, list_logo_files
from tests.fixtures.hostile_images import raw_png
from tests.fixtures.scanner_images import draw_logo, vase_image, with_logo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("marks")
    for number in range(6):
        draw_logo(number).save(made / f"Brand{number}.png")
    (made / "Acme").mkdir()
    draw_logo(7).save(made / "Acme" / "old badge.png")
    draw_logo(8).convert("RGB").save(made / "Acme" / "badge.jpg")
    Image.new("RGB", (200, 200), (255, 0, 0)).save(made / "Disc.webp")
    return made


@pytest.fixture(scope="module")
def library(folder: Path) -> LogoLibrary:
    return LogoLibrary(str(folder))


@pytest.mark.parametrize(
    ("side", "angle", "alpha"),
    [(120, 0, 1.0), (200, 20, 1.0), (160, 90, 1.0), (200, 0, 0.5), (400, 45, 1.0)],
    ids=["pasted", "turned", "on its side", "half-transparent", "large"],
)
def test_a_mark_is_found_and_named(library: LogoLibrary, side: int, angle: float, alpha: float) -> None:
    found = library.match(with_logo(vase_image(), draw_logo(3), side, angle=angle, alpha=alpha))
    assert max(found, key=lambda brand: found[brand]) == "Brand3"
    assert found["Brand3"] >= 12


def test_a_product_without_a_mark_shows_none(library: LogoLibrary) -> None:
    assert library.match(vase_image()) == {}
    assert library.match(np.full((64, 64, 3), 255, np.uint8)) == {}


def test_two_marks_are_two_brands(library: LogoLibrary) -> None:
    both = with_logo(with_logo(vase_image(), draw_logo(3), 200), draw_logo(7), 200, at=(0.8, 0.8))
    assert {"Brand3", "Acme"} <= library.match(both).keys()


def test_a_brand_is_a_file_or_a_folder_of_files(folder: Path, library: LogoLibrary) -> None:
    assert [brand for brand, _ in list_logo_files(str(folder))].count("Acme") == 2
    assert {mark.brand for mark in library.logos} == {"Acme", "Disc", *(f"Brand{number}" for number in range(6))}


def test_a_mark_without_corners_is_named_as_too_plain(library: LogoLibrary) -> None:
    assert library.undetectable_brands == ["Disc"]
    assert min(len(each.keypoints) for each in library.logos if each.brand != "Disc") >= MIN_INLIERS


def test_a_folder_that_is_not_there_or_empty_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ScannerMissing, match="is no folder here"):
        LogoLibrary(str(tmp_path / "gone"))
    (tmp_path / "notes.txt").write_text("no mark")
    with pytest.raises(ScannerMissing, match="holds no PNG, JPEG or WebP"):
        LogoLibrary(str(tmp_path))


def test_a_file_that_is_no_picture_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "Acme.png").write_bytes(b"not a picture")
    with pytest.raises(InvalidImage, match=r"'Acme\.png' cannot be read"):
        LogoLibrary(str(tmp_path))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16"])
def test_a_mark_may_be_kept_in_any_depth(tmp_path: Path, mode: str) -> None:
    white = Image.new("RGBA", (256, 256), "white")
    flat = Image.alpha_composite(white, draw_logo(3))
    if mode == "I;16":
        Image.fromarray(np.asarray(flat.convert("L"), np.uint16) * 257).save(tmp_path / "Brand3.png")
    else:
        (flat if mode == "L" else draw_logo(3)).convert(mode).save(tmp_path / "Brand3.png")
    assert LogoLibrary(str(tmp_path)).match(with_logo(vase_image(), draw_logo(3), 200)).keys() == {"Brand3"}


def test_a_mark_that_claims_too_many_pixels_is_refused_by_its_head(tmp_path: Path) -> None:
    (tmp_path / "Acme.png").write_bytes(raw_png(9_000, 9_000, zlib.compress(bytes(100))))
    with pytest.raises(InvalidImage, match=r"brand mark 'Acme\.png' cannot be read: An image of 9000 x 9000 pixels"):
        LogoLibrary(str(tmp_path))
