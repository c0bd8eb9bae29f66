"""S6: no text of a stranger moves a cursor, turns the writing or breaks an encoder, and honest text stays as it is."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.visible_text import escape_in_json, has_hidden_characters, printable, visible_lines

TEXTS = st.text(st.characters(codec=None), max_size=60)
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def acts(text: str, *, allowed: str = "") -> list[str]:
    """Return the characters of a text that would act on a terminal."""
    hidden = {"Cc", "Cs", "Zl", "Zp"}
    return [c for c in text if c not in allowed and (unicodedata.category(c) in hidden or c in BIDI)]


@given(TEXTS, st.integers(1, 50))
def test_s6_a_printable_text_is_one_visible_line(text: str, limit: int) -> None:
    line = printable(text, limit)
    assert acts(line) == []
    line.encode("utf-8")
    assert printable(line, len(line)) == line


@given(TEXTS)
def test_s6_lines_keep_their_breaks_and_nothing_else(text: str) -> None:
    lines = visible_lines(text)
    assert acts(lines, allowed="\n\t") == []
    assert lines.count("\n") == text.count("\n")
    assert has_hidden_characters(text) == (lines != text)


@given(st.recursive(TEXTS, lambda inner: st.dictionaries(TEXTS, inner, max_size=3) | st.lists(inner, max_size=3)))
def test_s6_json_is_visible_and_says_the_same(document: object) -> None:
    text = escape_in_json(json.dumps(document, ensure_ascii=False, indent=1))
    assert acts(text, allowed="\n") == []
    assert json.loads(text) == document


@pytest.mark.parametrize("text", ["湯呑み 🎉", "Größe 42", "👩‍👩‍👧", "שלום", "नमस्ते", "50 % — “new”", "a\\x1b"])
def test_honest_text_of_any_script_stays(text: str) -> None:
    assert printable(text) == visible_lines(text) == escape_in_json(text) == text


def test_the_escapes_of_the_finding_are_spelt_out() -> None:
    assert printable("\x1b[2Jh2\x1b]0;PWNED\x07\x9b31m") == "\\x1b[2Jh2\\x1b]0;PWNED\\x07\\x9b31m"
    assert printable("a\u202eb\u2028c\ud800") == "a\\u202eb\\u2028c\\ud800"
    assert printable("x" * 500) == "x" * 399 + "…"
