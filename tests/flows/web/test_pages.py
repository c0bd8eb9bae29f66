"""Pages show every stranger's text as text, and a text area gives back what it was given."""

from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from flows.web.pages import _environment, catalogue_path, csrf_field, whole_text
from tests.fixtures.web_part import PART
from tests.fixtures.web_servers import RunningWebServer, WebBrowser, web_server

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% for x in y %}",
    "\u202egnp.exe\u2066",
    "\x00\x08\x1b[31m",
    "x" * 10_000,
    "<!--", "]]>", "&lt;script&gt;", "\ud800",
]  # fmt: skip


class Tags(HTMLParser):
    """Collect what a browser would see of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def server() -> Iterator[RunningWebServer]:
    with web_server([PART]) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningWebServer) -> WebBrowser:
    return server.browser("ann")


def shown(browser: WebBrowser, text: str) -> str:
    query = quote(text.encode("utf-8", "surrogatepass"))
    return browser.get(f"/catalogues/home/tests/failure?text={query}").text


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_a_stranger_s_text_stays_text(ann: WebBrowser, text: str) -> None:
    page = shown(ann, text)
    assert Tags(page).found == Tags(shown(ann, "harmless")).found, "no tag and no attribute comes of it"
    assert len(page) < 12_000
    for hidden in "\u202e\u2066\x00\x08\x1b":
        assert hidden not in page


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_no_text_makes_a_tag(ann: WebBrowser, text: str) -> None:
    assert len(Tags(shown(ann, text)).found) == len(Tags(shown(ann, "harmless")).found)


def test_no_page_has_a_script_or_a_style_inside_or_loads_anything_from_elsewhere(server: RunningWebServer) -> None:
    for browser, path in ((server.browser("ann"), "/catalogues/home/tests/failure"), (server.browser(), "/sign-in")):
        page = browser.get(path).text
        tags = Tags(page).found
        assert not [tag for tag, _ in tags if tag in {"style", "iframe", "object", "embed", "base"}]
        for _, attributes in tags:
            assert not [name for name in attributes if name == "style" or name.startswith("on")]
            for name in ("src", "href", "action", "srcset", "poster"):
                assert (attributes.get(name) or "/").startswith(("/", "#")), attributes
                assert not (attributes.get(name) or "").startswith("//")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029")))
def test_a_text_area_gives_back_what_it_was_given(text: str) -> None:
    hidden = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    if not hidden & set(text):
        assert unescape(str(whole_text(text))).removeprefix("\n") == text


def test_a_prompt_keeps_its_lines_and_its_length() -> None:
    prompt = "first\nsecond " + "x" * 10_000
    assert str(whole_text(prompt)) == "\n" + prompt


def test_a_missing_value_is_a_defect_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        _environment().from_string("{{ skuu }}").render(sku="a")


def test_names_in_addresses_and_tokens_are_escaped() -> None:
    assert catalogue_path("home", "/gallery") == "/catalogues/home/gallery"
    assert str(csrf_field('a"b')) == '<input type="hidden" name="csrf" value="a&#34;b">'
