"""Forms are read as a browser sent them, whatever the bytes."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.web.forms import MAX_FIELDS, Form, parse_form

texts = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


@given(st.lists(st.tuples(texts, texts), max_size=20))
def test_a_form_is_read_as_it_was_sent(fields: list[tuple[str, str]]) -> None:
    form = parse_form(urlencode(fields).encode())
    for name, _ in fields:
        assert list(form.texts(name)) == [value for other, value in fields if other == name]
        assert form.text(name) == form.texts(name)[-1]
        assert form.has(name)


@given(st.binary(max_size=500))
def test_any_bytes_are_some_form(body: bytes) -> None:
    assert all(isinstance(value, str) for values in parse_form(body).fields.values() for value in values)


def test_lines_of_a_text_area_are_read_back_with_plain_breaks() -> None:
    assert parse_form(b"prompt=a%0D%0Ab").text("prompt") == "a\nb"


def test_too_many_fields_are_an_error_before_they_are_kept() -> None:
    assert len(parse_form(b"&".join([b"a=1"] * MAX_FIELDS)).texts("a")) == MAX_FIELDS
    with pytest.raises(ValueError, match="Max number of fields exceeded"):
        parse_form(b"&".join([b"a=1"] * (MAX_FIELDS + 1)))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), ("0", 0.0), ("86400", 86400.0), ("86401", None), ("-2", None), ("", None), ("x", None),
     ("nan", None), ("inf", None), ("-inf", None), ("1e999", None)],
)  # fmt: skip
def test_a_time_that_nobody_can_have_looked_is_none(text: str, seconds: float | None) -> None:
    assert Form({"seconds": [text]}).seconds("seconds") == seconds


def test_an_absent_field_has_its_default() -> None:
    form = Form({})
    assert (form.text("a"), form.text("a", "b"), form.texts("a"), form.has("a")) == ("", "b", (), False)
