"""Which store URLs are taken, which are refused, and that no refusal repeats a secret."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import InvalidStoreAddress
from infra.stores import open_store
from infra.stores.addresses import StoreAddress, has_credentials, is_plain_http_url, lies_in_store, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("file:///srv/shop", StoreAddress("file", "/srv/shop")),
        ("file:///srv/my%20shop/", StoreAddress("file", "/srv/my shop")),
        ("/srv/my%20shop", StoreAddress("file", "/srv/my%20shop")),
        ("S3://bucket", StoreAddress("s3", "bucket")),
        ("s3://bucket/", StoreAddress("s3", "bucket")),
        ("s3://bucket/a/b/", StoreAddress("s3", "bucket", "a/b")),
        ("memory://tests", StoreAddress("memory", "tests")),
    ],
)
def test_an_address_is_read(url: str, address: StoreAddress) -> None:
    assert parse_address(url) == address
    assert parse_address(address.url) == address


def test_a_plain_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_address("out/store").location == str(tmp_path / "out" / "store")
    assert open_store("out/store").url == f"file://{tmp_path.resolve()}/out/store"


@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_any_folder_comes_back_from_its_url(parts: list[str]) -> None:
    address = StoreAddress("file", str(Path("/", *parts)))
    assert parse_address(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:sesame@bucket/prefix",
        "s3://sesame@bucket",
        "https://user:sesame@host/x",
        "file://user:sesame@/srv",
        "s3://bucket/x?secret=sesame",
        "s3://bucket/x#sesame",
    ],
)
def test_a_url_with_secrets_is_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(InvalidStoreAddress) as refusal:
        parse_address(url)
    assert "sesame" not in str(refusal.value)
    assert "AKIA" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("/srv/\0", "broken"),
        ("gs://bucket", "file://, memory://, s3://"),
        ("file://srv/shop", "three slashes"),
        ("file://", "three slashes"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("s3://bucket:80/x", "names no bucket"),
        ("memory://", "names no store"),
        ("s3://bucket/a//b", "part"),
        ("s3://bucket/../b", "part"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(url: str, reason: str) -> None:
    with pytest.raises(InvalidStoreAddress, match=reason):
        open_store(url)


def test_names_inside_an_address_are_what_table_clients_want() -> None:
    assert StoreAddress("file", "/srv/my shop").join("manifest/shoes") == "/srv/my shop/manifest/shoes"
    assert StoreAddress("s3", "bucket", "a").join("manifest/shoes") == "s3://bucket/a/manifest/shoes"
    assert StoreAddress("s3", "bucket").join("manifest/shoes") == "s3://bucket/manifest/shoes"


@pytest.mark.parametrize("url", ["s3://ada@bucket", "http://ada:sesame@host/x", "memory://a:b@c?d", "https://@host"])
def test_a_url_with_a_user_or_a_password_is_recognised(url: str) -> None:
    assert has_credentials(url)
    assert not is_plain_http_url(url)


@pytest.mark.parametrize("url", ["s3://bucket/a\nb", "file:///srv/a%00b", "memory://a\x1b[2J", "s3://bucket/x?"])
def test_a_broken_address_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(InvalidStoreAddress):
        open_store(url)


@pytest.mark.parametrize("url", ["http://[", "http://[::1", "https://[x]y/", "http://[v1.]/"])
def test_a_bracket_that_opens_no_address_makes_no_http_url(url: str) -> None:
    assert not is_plain_http_url(url)


@pytest.mark.parametrize("url", ["s3://bucket/a@b", "/data/a@b", "ada@host", "http://host:80/x", "http://host?x=@", ""])
def test_an_at_sign_elsewhere_is_no_user(url: str) -> None:
    assert not has_credentials(url)
    assert is_plain_http_url(url) == url.startswith("http")


def test_azure_s_form_of_an_address_is_no_credential_and_no_store() -> None:
    url = "abfss://container@account.dfs.core.windows.net/shop"
    assert not has_credentials(url)
    assert has_credentials("abfss://container:key@account/shop")
    with pytest.raises(InvalidStoreAddress, match=r"for 'abfss://'.*A catalogue can be read from abfss"):
        parse_address(url)
    with pytest.raises(InvalidStoreAddress, match="names a user or a password") as refusal:
        parse_address("abfss://container:sesame@account/shop")
    assert "sesame" not in str(refusal.value)


def test_a_path_in_a_store_s_folder_is_told_from_one_beside_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "link").symlink_to(store)
    for inside in (store, store / "out", tmp_path / "x" / ".." / "store" / "out", tmp_path / "link" / "out"):
        assert lies_in_store(inside, f"file://{store}"), inside
    for outside in (tmp_path, tmp_path / "store-2", store / ".." / "out"):
        assert not lies_in_store(outside, str(store)), outside
    assert not lies_in_store(store, "s3://bucket/store")
