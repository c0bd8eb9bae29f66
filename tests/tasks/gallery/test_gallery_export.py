"""Gallery export: one folder, whole or not there, with what was left out, that opens in a browser from the disk."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from catalogs.answers.answer import AnswerKind
from catalogs.errors import OptionError
from tasks.gallery import gallery_export
from tasks.gallery.export_selection import select_sample, select_skus
from tasks.gallery.gallery_export import GalleryExport, export_gallery
from tests.fixtures.chromium import NEEDS_CHROMIUM, open_chromium
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.kept_products import keep_photo, kept_text, rehearsal_photo
from tests.fixtures.store_scenarios import jpeg_of
from tests.paths import ROOT


def export(shop: GalleryShop, out: Path, *skus: str, photos: bool = False) -> GalleryExport:
    gallery = shop.gallery
    release = gallery.releases.find()
    assert release is not None
    index = gallery.index(release)
    selection = select_skus(index, skus) if skus else select_sample(index, 1000)
    return export_gallery(gallery, release, selection, out, photos=photos)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def links_of(page: Path) -> set[str]:
    return {unquote(unescape(link)) for link in re.findall(r'(?:href|src)="([^"]*)"', page.read_text("utf-8"))}


def test_files_thumbnails_pages_and_a_list_are_written(shop: GalleryShop, tmp_path: Path) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue", "c/front": "green"})
    shop.lose_file("b/front")
    done = export(shop, tmp_path / "out", "a", "b", "none")
    assert [image.sku for image in done.images] == ["a"]
    assert {(left.sku, left.reason.split(",")[0]) for left in done.left_out} == {
        ("none", "the release shows no image of it"),
        ("b", "its file is not in the store"),
    }
    (image,) = done.images
    assert (tmp_path / "out" / image.file).read_bytes() == jpeg_of("red")
    assert files_in(tmp_path / "out") == {"index.html", "exported.json", image.file, image.thumbnail}
    assert links_of(tmp_path / "out" / "index.html") == {"exported.json", image.file, image.thumbnail}
    written = json.loads((tmp_path / "out" / "exported.json").read_text("utf-8"))
    assert written | {"folder": done.folder} == done.document()
    assert "folder" not in written, "whoever is given the folder learns nothing of the machine that made it"
    assert (written["selected"], written["live"]) == (2, 3)


def test_hostile_names_stay_inside_the_folder_and_text_on_the_page(shop: GalleryShop, tmp_path: Path) -> None:
    skus = ["..|..|etc", "<script>alert(1)", "\u202egnp.exe", "x" * 5000, "CON", "Ä", "a"]
    places = {f"{sku}/{view}": "red" for sku in skus for view in ("front", "..", 'back"><b>')}
    places |= {"a/FRONT": "blue"}  # the same name in letters, digits and hyphens
    shop.release("r1", places)
    out = tmp_path / "deep" / "out"
    done = export(shop, out)
    assert (len(done.images), done.left_out) == (len(places), [])
    assert len({image.file for image in done.images}) == len(places)
    assert {path.name for path in out.parent.iterdir()} == {"out"}
    page = (out / "index.html").read_text("utf-8")
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "<b>" not in page
    assert links_of(out / "index.html") <= files_in(out)


def test_a_folder_with_something_in_it_is_left_alone(shop: GalleryShop, tmp_path: Path) -> None:
    shop.release("r1", {"a/front": "red"})
    out = tmp_path / "out"
    out.mkdir()
    assert export(shop, out).images
    before = files_in(out)
    with pytest.raises(OptionError, match=r"--out: .*is there already"):
        export(shop, out)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OptionError, match="is there already"):
        export(shop, tmp_path / "file")
    assert files_in(out) == before


def test_an_error_leaves_nothing_behind(shop: GalleryShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.release("r1", {"a/front": "red"})
    monkeypatch.setattr(gallery_export, "MANIFEST_NAME", "no such folder/exported.json")
    with pytest.raises(FileNotFoundError):
        export(shop, tmp_path / "new" / "out")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.slow
def test_a_killed_export_leaves_no_folder_under_its_name(shop: GalleryShop, tmp_path: Path) -> None:
    shop.release("r1", {f"s{number}/front": f"w{number}" for number in range(12)})
    out = tmp_path / "out"
    script = (
        "import os, signal, sys; from pathlib import Path; from tasks.gallery import gallery_export as module;"
        "from tests.fixtures.gallery_shop import GalleryShop;"
        "from tests.tasks.gallery.test_gallery_export import export;"
        "module._write_pages = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "export(GalleryShop(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", script, str(shop.folder), str(out)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(export(shop, out).images) == 12


def test_many_images_are_split_into_pages_that_lead_to_each_other(
    shop: GalleryShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_export, "PAGE_IMAGES", 2)
    shop.release("r1", {f"s{number}/front": f"w{number}" for number in range(5)})
    export(shop, tmp_path / "out")
    pages = {"index.html", "page-2.html", "page-3.html"}
    assert pages <= files_in(tmp_path / "out")
    shown = [links_of(tmp_path / "out" / page) for page in sorted(pages)]
    assert all(pages <= links for links in shown)
    assert sum(len([link for link in links if link.startswith("images/")]) for links in shown) == 5


def test_explicit_images_are_not_shown_on_the_page(shop: GalleryShop, tmp_path: Path) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.answer("a/front", AnswerKind.ACCEPT, reasons=("nudity",))
    done = export(shop, tmp_path / "out")
    assert [image.is_veiled for image in done.images] == [True, False]
    assert done.images[0].thumbnail not in links_of(tmp_path / "out" / "index.html")


@NEEDS_CHROMIUM
@pytest.mark.slow
def test_the_folder_opens_from_the_disk(shop: GalleryShop, tmp_path: Path) -> None:
    shop.release("r1", {"<i>a/front": "red", "b/front": "blue"})
    done = export(shop, tmp_path / "an export")
    with open_chromium() as page:
        page.open((tmp_path / "an export" / "index.html").as_uri())
        page.wait_until("[...document.images].every(image => image.complete)")
        assert page.evaluate("[...document.images].map(image => image.naturalWidth)") == [32, 32]
        assert page.evaluate("document.querySelectorAll('.sku')[0].textContent") == "<i>a"
        assert page.evaluate("getComputedStyle(document.body).maxWidth") == "1136px", "its style sheet is let through"
        page.open((tmp_path / "an export" / done.images[0].file).as_uri())
        assert page.evaluate("document.images[0].naturalWidth") == 32


def kept_shop(shop: GalleryShop) -> bytes:
    """Release an image that keeps a product, one whose photo is damaged, and one that a model made."""
    photo = rehearsal_photo()
    for place, data in (("kept/front", photo), ("damaged/front", photo[:3000])):
        text = kept_text(keep_photo(shop.scenario.store, data))
        shop.release(place.split("/")[0], {place: place}, mode="white", kept=text)
    shop.release("plain", {"plain/front": "red"})
    return photo


def test_a_shops_photos_stay_where_they_are_unless_they_are_asked_for(shop: GalleryShop, tmp_path: Path) -> None:
    photo = kept_shop(shop)
    done = export(shop, tmp_path / "out")
    assert {(image.sku, image.mode, image.photo) for image in done.images} == {
        ("kept", "white", ""), ("damaged", "white", ""), ("plain", "generate", ""),
    }  # fmt: skip
    assert not (tmp_path / "out" / "photos").exists()
    assert not any((tmp_path / "out" / name).read_bytes() == photo for name in files_in(tmp_path / "out"))
    assert "The shop's photo" not in unescape((tmp_path / "out" / "index.html").read_text("utf-8"))


def test_photos_that_are_asked_for_come_as_small_copies_of_kept_products_alone(
    shop: GalleryShop, tmp_path: Path
) -> None:
    photo = kept_shop(shop)
    done = export(shop, tmp_path / "out", photos=True)
    (image,) = (image for image in done.images if image.photo)
    assert image.sku == "kept"
    copied = (tmp_path / "out" / image.photo).read_bytes()
    assert max(Image.open(io.BytesIO(copied)).size) <= 640
    assert copied != photo
    assert [(left.sku, left.reason) for left in done.left_out] == [("damaged", "the shop's photo cannot be shown")]
    assert image.photo in links_of(tmp_path / "out" / "index.html")
    assert {name for name in files_in(tmp_path / "out") if name.startswith("photos/")} == {image.photo}
