"""Text of strangers becomes one clean line, in linear time."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.values.text_cleaning import clean_text, decode_entities, strip_html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("  a \t\n b  ", "a b"),
        ("a\x00b\x1fc\x7fd\x85e", "a b c d e"),
        ("a\u00a0\u2003b\u2028c", "a b c"),
        ("Cafe\u0301", "Café"),
        ("👨‍👩‍👧 ok", "👨‍👩‍👧 ok"),
        ("plain text", "plain text"),
        ("\u00a0", ""),
    ],
)
def test_text_is_cleaned(text: str | None, expected: str) -> None:
    assert clean_text(pa.array([text], pa.string())).to_pylist() == [expected]


@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_a_text_is_cleaned_alike_in_any_company_and_once_is_enough(texts: list[str]) -> None:
    together = clean_text(pa.array(texts, pa.string())).to_pylist()
    assert together == [clean_text(pa.array([text], pa.string()))[0].as_py() for text in texts]
    assert together == clean_text(pa.array(together, pa.string())).to_pylist()
    for text in together:
        assert text == unicodedata.normalize("NFC", " ".join(text.split()))
        assert not any(unicodedata.category(letter) == "Cc" for letter in text)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>Waxed <b>parka</b>.</p>", "Waxed parka ."),
        ("<script>alert('x')</script>Mug<style>p{}</style>", "Mug"),
        ("<SCRIPT\n src=x>evil()</script >Mug", "Mug"),
        ("Warm &amp; light, sole &lt;1 cm", "Warm & light, sole <1 cm"),
        ("&lt;b&gt;", "<b>"),
        ("3 < 4", "3 < 4"),
        ("<ul>\n<li>a</li><li>b</li></ul>", "a b"),
        ("no markup", "no markup"),
        ("&#0;&#xD800;x", "\ufffd\ufffdx"),
        (f"&#{'9' * 5000};x&#X{'f' * 5000}y&#{'0' * 29}65;", "\ufffdx\ufffdyA"),
        (None, ""),
    ],
)
def test_html_loses_its_tags(markup: str | None, expected: str) -> None:
    assert clean_text(strip_html(pa.array([markup], pa.string()))).to_pylist() == [expected]


@pytest.mark.parametrize(
    ("piece", "left"),
    [
        ("<", "<"), ("<script", "<script"), ("<style>", ""), ("<a ", "<a "), ("&", "&"), ("&amp", "&"), ("&#", "&#"),
        ("&#x", "&#x"), ("</script ", "</script "), ("<!--", "<!--"), ("<script><", "<"),
    ],
)  # fmt: skip
def test_a_megabyte_of_half_a_tag_ends(piece: str, left: str) -> None:
    # Quadratic work on a megabyte would take hours: the tags are found by RE2, the references by one pass.
    text = piece * (1_000_000 // len(piece))
    (stripped,) = strip_html(pa.array([text], pa.string())).to_pylist()
    assert len(stripped) <= len(text)
    assert set(stripped) <= set(left) | {" "}


@given(texts=st.lists(st.text(st.sampled_from("&#xX0159afg;<>/!- lt\u00e9"), max_size=60), max_size=5))
def test_any_markup_is_stripped_alike_in_any_company(texts: list[str]) -> None:
    together = strip_html(pa.array(texts, pa.string())).to_pylist()
    assert together == [strip_html(pa.array([text], pa.string()))[0].as_py() for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mug &amp; saucer", "Mug & saucer"),
        ("&quot;Food safe&quot; &#39;for years&#39;", "\"Food safe\" 'for years'"),
        ("f&uuml;r <b>", "für <b>"),
        ("&amp;lt;", "&lt;"),
        ("A & B", "A & B"),
        (f"&#{'9' * 5000};", "\ufffd"),
        (None, ""),
    ],
)
def test_entities_are_decoded_once_and_tags_stay(text: str | None, expected: str) -> None:
    assert decode_entities(pa.array([text], pa.string())).to_pylist() == [expected]
