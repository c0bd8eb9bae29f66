"""A catalogue's photo column names allowed places: nothing else by dots, by encoding, or by another host."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.photos.invalid_photo import InvalidPhoto
from infra.photos.photo_references import AllowedPlaces, PhotoReference, parse_photo_reference

SECRET = "hUnTeR22"  # noqa: S105 - a test's own
ALLOWED = AllowedPlaces(
    store="s3://packshot/store",
    folders=("/data/shop", "/mnt/photos", "s3://shop-photos/2026"),
    hosts=frozenset({"cdn.shop.example", "Bücher.example", "img.shop.example:8443"}),
)
SHOP, MOUNTED, BUCKET = "file:///data/shop", "file:///mnt/photos", "s3://shop-photos/2026"


@pytest.mark.parametrize(
    ("text", "kind", "root", "name"),
    [
        ("mug.jpg", "folder", SHOP, "mug.jpg"),
        (" photos/mug front.jpg ", "folder", SHOP, "photos/mug front.jpg"),
        ("./photos/größe 100%.jpg", "folder", SHOP, "photos/größe 100%.jpg"),
        ("photos/me@home#1?.jpg", "folder", SHOP, "photos/me@home#1?.jpg"),
        ("photos/a%20b.jpg", "folder", SHOP, "photos/a%20b.jpg"),
        ("photos/Bildschirmfoto 10.30\u202fAM.jpg", "folder", SHOP, "photos/Bildschirmfoto 10.30\u202fAM.jpg"),
        ("/data/shop/photos/mug.jpg", "folder", SHOP, "photos/mug.jpg"),
        ("/mnt/photos/mug.jpg", "folder", MOUNTED, "mug.jpg"),
        ("file:///mnt/photos/a%20b.jpg", "folder", MOUNTED, "a b.jpg"),
        ("s3://shop-photos/2026/mug.jpg", "folder", BUCKET, "mug.jpg"),
        ("S3://shop-photos/2026/a/mug.jpg", "folder", BUCKET, "a/mug.jpg"),
        ("store:photos/mug.jpg", "store", "s3://packshot/store", "photos/mug.jpg"),
        ("store:sources/ab/abc.png", "store", "s3://packshot/store", "sources/ab/abc.png"),
        ("https://cdn.shop.example/a/mug.jpg?v=3&width=800", "https", "", None),
        ("https://bücher.example/a.jpg", "https", "", "https://xn--bcher-kva.example/a.jpg"),
        ("HTTPS://CDN.shop.example:443/ä b.jpg", "https", "", "https://cdn.shop.example/%C3%A4%20b.jpg"),
        ("https://img.shop.example:8443/a.jpg", "https", "", None),
    ],
)
def test_allowed_places_are_taken(text: str, kind: str, root: str, name: str | None) -> None:
    found = parse_photo_reference(text, ALLOWED)
    assert found == PhotoReference(kind, root, name or text)  # type: ignore[arg-type]


def test_one_place_has_one_canonical_text() -> None:
    texts = {
        parse_photo_reference(text, ALLOWED).text
        for text in ("a.jpg", "./a.jpg", "/data/shop/a.jpg", "file:///data/shop/a.jpg")
    }
    assert texts == {"file:///data/shop/a.jpg"}
    assert parse_photo_reference("store:photos/a.jpg", ALLOWED).text == "store:photos/a.jpg"
    beginnings = [
        parse_photo_reference(text, ALLOWED).beginning
        for text in ("a.jpg", "s3://shop-photos/2026/b/a.jpg", "store:photos/a.jpg", "https://cdn.shop.example/a.jpg")
    ]
    assert beginnings == ["file:///data/shop/", "s3://shop-photos/2026/", "store:", ""]
    assert parse_photo_reference("https://cdn.shop.example:443/a.jpg", ALLOWED).text == "https://cdn.shop.example/a.jpg"


REFUSED = {
    "": "is empty",
    "   ": "is empty",
    "a" * 2049: "is too long",
    "a\0.jpg": "has hidden characters",
    "a\n.jpg": "has hidden characters",
    "a\u202egpj.exe": "has hidden characters",
    "../secret.jpg": "has '..', '.', an empty or a reserved part",
    "photos/../../etc/passwd": "has '..', '.', an empty or a reserved part",
    "photos/./a.jpg": "has '..', '.', an empty or a reserved part",
    "photos//a.jpg": "has '..', '.', an empty or a reserved part",
    "photos/": "has '..', '.', an empty or a reserved part",
    ".tmp-1": "has '..', '.', an empty or a reserved part",
    "%2e%2e/secret.jpg": "an encoded dot or slash",
    "photos/%2E%2e%2Fsecret.jpg": "an encoded dot or slash",
    "photos/%252e%252e/secret.jpg": "an encoded dot or slash",
    "photos/a.jpg%00.png": "an encoded dot or slash",
    "photos\\..\\secret.jpg": "has a backslash",
    "\\\\server\\share\\a.jpg": "has a backslash",
    "/etc/passwd": "is outside the folders that photos may be in",
    "/data/shopping/a.jpg": "is outside the folders that photos may be in",
    "/data/shop": "is outside the folders that photos may be in",
    "/data/shop/../other/a.jpg": "has '..', '.', an empty or a reserved part",
    "file:///etc/passwd": "is outside the folders that photos may be in",
    "file:///data/shop/%2e%2e/x": "an encoded dot or slash",
    "file://server/data/shop/a.jpg": "is a file URL of another machine",
    "file:/data/shop/a.jpg": "is a file URL of another machine",
    "~/a.jpg": "is no plain path",
    "//evil.example/a.jpg": "is no plain path",
    "C:/photos/a.jpg": "is of the kind 'c:'",
    "s3://shop-photos/2025/a.jpg": "is outside the folders that photos may be in",
    "s3://shop-photos/20260/a.jpg": "is outside the folders that photos may be in",
    "s3://other/2026/a.jpg": "is outside the folders that photos may be in",
    f"s3://ada:{SECRET}@shop-photos/2026/a.jpg": "has a user, a query or a fragment",
    f"s3://shop-photos/2026/a.jpg?sig={SECRET}": "has a user, a query or a fragment",
    "s3://shop-photos/2026/../2025/a.jpg": "has '..', '.', an empty or a reserved part",
    "store:review/shop/a.png": "allowed are: store:photos/, store:sources/",
    "store:../photos/a.jpg": "is no part of the store that photos may be in",
    "store:photos/../review/a.png": "has '..', '.', an empty or a reserved part",
    "store:/photos/a.jpg": "is no part of the store that photos may be in",
    "http://cdn.shop.example/a.jpg": "would be read without encryption; use https",
    "ftp://cdn.shop.example/a.jpg": "is of the kind 'ftp:'",
    "gs://bucket/a.jpg": "is of the kind 'gs:'",
    "data:image/png;base64,iVBORw0KGgo=": "is of the kind 'data:'",
    "javascript:alert(1)": "is of the kind 'javascript:'",
    "https:a.jpg": "is on the host '', which is not allowed",
    "https://": "is on the host '', which is not allowed",
    "https://evil.example/a.jpg": "is on the host 'evil.example', which is not allowed; allow it in the settings",
    "https://cdn.shop.example.evil.example/a.jpg": "is on the host 'cdn.shop.example.evil.example'",
    "https://cdn.shop.example./a.jpg": "is on the host 'cdn.shop.example.'",
    "https://evilcdn.shop.example/a.jpg": "is on the host 'evilcdn.shop.example'",
    "https://cdn.shop.example:8443/a.jpg": "is on the host 'cdn.shop.example:8443'",
    "https://img.shop.example/a.jpg": "is on the host 'img.shop.example'",
    "https://cdn.shop.example:99999/a.jpg": "has a host or a port that cannot be read",
    "https://cdn.shop.example:x/a.jpg": "has a host or a port that cannot be read",
    "https://[::1/a.jpg": "cannot be read as an address",
    "https://[::1]/a.jpg": "is on the host '::1'",
    "https://127.0.0.1/a.jpg": "is on the host '127.0.0.1'",
    "https://2130706433/a.jpg": "is on the host '2130706433'",
    "https://\uff11\uff12\uff17.0.0.1/a.jpg": "is on the host '127.0.0.1'",
    f"https://ada:{SECRET}@cdn.shop.example/a.jpg": "names a user or a password",
    f"https://{SECRET}@cdn.shop.example/a.jpg": "names a user or a password",
    f"https://ada:pa/{SECRET}@cdn.shop.example/a.jpg": "has a host or a port that cannot be read",
    f"https://ada:p?{SECRET}@cdn.shop.example/a.jpg": "has a host or a port that cannot be read",
    f"https://cdn.shop.example@{SECRET}/a.jpg": "names a user or a password",
    "https://cdn.shop.example\\@evil.example/a.jpg": "has a backslash",
    f"https://cdn.shop.example/a.jpg#token={SECRET}": "has a fragment",
    f"https://cdn.shop.example/a.jpg?X-Amz-Signature={SECRET}": "is signed, so it holds a credential and expires",
    f"https://cdn.shop.example/a.jpg?v=1&sig={SECRET}": "is signed, so it holds a credential and expires",
    f"https://cdn.shop.example/a.jpg?access_token={SECRET}": "is signed, so it holds a credential and expires",
    "https://cdn.shop.example/": "names no file by a plain path",
    "https://cdn.shop.example/a/../b.jpg": "names no file by a plain path",
    "https://cdn.shop.example/%2e%2e/b.jpg": "an encoded dot or slash",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:60]))
def test_everything_else_is_refused_by_its_name_and_without_its_secret(text: str) -> None:
    with pytest.raises(InvalidPhoto, match=re.escape(REFUSED[text])) as refused:
        parse_photo_reference(text, ALLOWED)
    sentence = str(refused.value)
    assert refused.value.reason == "photo.reference"
    assert sentence.startswith("The photo '")
    assert sentence.endswith(".")
    assert "; " in sentence, "it says what to do"
    assert len(sentence) < 330
    assert SECRET not in sentence or text == f"https://cdn.shop.example@{SECRET}/a.jpg", "there the secret is the host"
    assert not set("\0\n\u202e") & set(sentence)


def test_without_folders_and_hosts_nothing_but_the_store_is_allowed() -> None:
    nowhere = AllowedPlaces(store="s3://packshot/store")
    for text in ("a.jpg", "/data/shop/a.jpg", "s3://shop-photos/2026/a.jpg", "https://cdn.shop.example/a.jpg"):
        with pytest.raises(InvalidPhoto) as refused:
            parse_photo_reference(text, nowhere)
        assert refused.value.reason == "photo.reference"
    assert parse_photo_reference("store:photos/a.jpg", nowhere).kind == "store"


def test_a_folder_is_known_by_its_own_name_and_by_the_place_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    allowed = AllowedPlaces(store="s3://packshot/store", folders=(str(tmp_path / "linked"),))
    texts = {parse_photo_reference(f"{tmp_path}/{name}/a.jpg", allowed).text for name in ("real", "linked")} | {
        parse_photo_reference("a.jpg", allowed).text
    }
    assert texts == {f"file://{tmp_path}/linked/a.jpg"}


@given(st.text(max_size=60) | st.from_regex(r"\A(https|s3|file|store|)(:|://|/)[a-z0-9:@/?#.&=%\\-]{0,50}\Z"))
@example("https://cdn.shop.example/%c0%ae%c0%ae/x")
@example("/data/shop/a\ud800.jpg")
def test_whatever_is_taken_lies_in_an_allowed_place(text: str) -> None:
    try:
        found = parse_photo_reference(text, ALLOWED)
    except InvalidPhoto:
        return
    if found.kind == "https":
        assert re.match(r"https://(cdn\.shop\.example|xn--bcher-kva\.example|img\.shop\.example:8443)/", found.name)
    else:
        assert found.root in {SHOP, MOUNTED, BUCKET, "s3://packshot/store"}
        assert not {"", ".", ".."} & set(found.name.split("/"))
