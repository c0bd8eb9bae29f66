"""A public link is the base that the settings name and the object's key, and a base holds nothing secret."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.public_links import public_link
from infra.settings import Settings


def test_a_link_is_base_and_key_and_without_a_base_there_is_none() -> None:
    key = "published/home/MUG 1-ü/front-a-0-0f.jpg"
    assert (
        public_link("https://cdn.test/shop", key)
        == "https://cdn.test/shop/published/home/MUG%201-%C3%BC/front-a-0-0f.jpg"
    )
    assert public_link("https://cdn.test/", "a") == "https://cdn.test/a"
    assert public_link(None, key) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_key_is_found_again_below_its_link_and_stays_below_the_base(key: str) -> None:
    parts = urlsplit(public_link("https://cdn.test/shop", key) or "")
    assert (parts.netloc, parts.query, parts.fragment) == ("cdn.test", "", "")
    assert unquote(parts.path) == f"/shop/{key}"


@pytest.mark.parametrize("base", ["https://cdn.test/shop/", "http://127.0.0.1:8080"])
def test_a_base_is_a_plain_address_and_loses_its_last_slash(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_PUBLIC_URL", base)
    assert Settings().public_url == base.rstrip("/")


@pytest.mark.parametrize(
    "base",
    [
        "cdn.test/shop",
        "ftp://cdn.test",
        "https://ada:sesame@cdn.test",
        "https://cdn.test/?sig=sesame",
        "https://cdn.test/#sesame",
        "https://cdn.test:many/",
        "https://cdn.test/a b",
        "javascript:alert(1)",
        "",
    ],
)
def test_another_base_is_refused(base: str) -> None:
    with pytest.raises(ValidationError, match=r"public_url[\s\S]*must be an http"):
        Settings(public_url=base)
