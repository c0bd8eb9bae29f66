"""S8: the address of a source is a path or a known kind of URL, and holds no credential."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.errors import UnreadableSource
from infra.source_address import CLOUD_PACKAGES, URL_PATTERN, parse_source_scheme

SECRET = "hUnTeR22"  # noqa: S105 - a test's own


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("catalogue.csv", ""),
        ("exports/a::b?c@d#1.csv", ""),
        ("./odd://name.csv", ""),
        ("file:///data/a?b.csv", "file"),
        ("s3://bucket/exports/shop@home#1.csv", "s3"),
        ("S3A://bucket/x", "s3a"),
        ("https://shop.example:8443/feeds/me@home.csv", "https"),
        ("http://[::1]:8000/a.csv", "http"),
        ("memory://a/b.csv", "memory"),
        ("abfss://box@account.dfs.core.windows.net/exports/a.csv", "abfss"),
        ("ABFS://$web@account/a", "abfs"),
        ("az://box/a.csv", "az"),
        ("gs://bucket/exports/a@b.csv", "gs"),
    ],
)
def test_paths_and_known_urls_are_taken(url: str, scheme: str) -> None:
    assert parse_source_scheme(url) == scheme


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://ada:{SECRET}@host/a.csv", "names a user or a password"),
        (f"https://{SECRET}@host/a.csv", "names a user or a password"),
        (f"s3://ada:{SECRET}@bucket/a.csv", "names a user or a password"),
        (f"file://ada:{SECRET}@host/a.csv", "names a user or a password"),
        (f"zip://a.csv::http://ada:{SECRET}@127.0.0.1:4299/cat.zip", "names a user or a password"),
        (f"simplecache::http://ada:{SECRET}@host/a.csv", "names a user or a password"),
        ("simplecache::http://host/a.csv", "chain of file systems"),
        ("zip://a.csv::http://host/cat.zip", "No source is read from zip://"),
        ("s3://bucket/a.csv::http://host/b", "chain of file systems"),
        (f"http://host/cat?sig={SECRET}&f=.csv", "PACKSHOT_SOURCE_QUERY"),
        (f"https://host/cat.csv?X-Amz-Signature={SECRET}", "PACKSHOT_SOURCE_QUERY"),
        (f"s3://bucket/cat.csv?X-Amz-Signature={SECRET}", "remove it"),
        (f"abfss://box@account.dfs.core.windows.net/a.csv?sig={SECRET}", "remove it"),
        (f"abfss://box:{SECRET}@account.dfs.core.windows.net/a.csv", "names a user or a password"),
        (f"abfss://box@ada:{SECRET}@account/a.csv", "names a user or a password"),
        (f"abfss://box@account/x://ada:{SECRET}@host/a.csv", "names a user or a password"),
        (f"az://box:{SECRET}@account/a.csv", "names a user or a password"),
        (f"gs://{SECRET}@bucket/a.csv", "names a user or a password"),
        ("gs:///a.csv", "names no bucket"),
        (f"http://ada:pa/{SECRET}@host/a.csv", "host, optional port and path"),
        (f"s3://ada:pa/{SECRET}@bucket/a.csv", "names no bucket"),
        (f"https://host/a.csv#token={SECRET}", "without '#'"),
        ("gopher://host/catalogue.csv", "No source is read from gopher://"),
        ("hdfs://host/a.csv", "No source is read from hdfs://"),
        ("ftp://host/a.csv", "No source is read from ftp://"),
        ("https://", "host, optional port and path"),
        ("https://host", "names no file"),
        ("s3:///key.csv", "names no bucket"),
    ],
)
def test_s8_what_holds_a_credential_or_is_unknown_is_refused_without_its_secret(url: str, reason: str) -> None:
    with pytest.raises(UnreadableSource, match=re.escape(reason)) as refused:
        parse_source_scheme(url)
    assert SECRET not in str(refused.value)
    if SECRET in url and "#" not in url and "pa/" not in url:
        assert not re.fullmatch(URL_PATTERN, url), "Prefect's server would keep it"


URLS = st.from_regex(r"\A(abfss|[a-z0-9]{1,8})://[a-zA-Z0-9:@/?#.&=%-]{0,40}\Z")


@given(URLS)
@example("http://h/x?sig=1")
@example("abfss://box@account/a.csv")
@example("abfss://box@account")
@example("abfss://box@a@b/a.csv")
def test_s8_an_accepted_url_has_neither_user_nor_query(url: str) -> None:
    try:
        scheme = parse_source_scheme(url)
    except UnreadableSource:
        return
    assert scheme in {"file", "http", "https", "memory", "s3", "s3a", *CLOUD_PACKAGES} or not url[0].isalpha()
    authority = re.split("[/?#]", url.split("://", 1)[1])[0]
    assert "@" not in authority or (scheme in {"abfs", "abfss"} and authority.count("@") == 1 and ":" not in authority)
    assert scheme in {"", "file"} or "?" not in url
    assert re.fullmatch(URL_PATTERN, url)
