"""Words for no value count only where they stand alone."""

import pyarrow as pa
import pytest

from catalogs.ingest.values.placeholder_words import is_placeholder, without_placeholders


@pytest.mark.parametrize(
    "word",
    ["NaN", "NULL", "null", "N/A", "n/a", "#REF!", "#N/A", "None", "-", "#NV", "(null)", "\\N", "undefined", "<NA>",
     "#DIV/0!", "NaT", "—", "#WERT!"],
)  # fmt: skip
def test_what_programs_write_for_nothing_is_nothing(word: str) -> None:
    assert is_placeholder(word)
    assert without_placeholders(pa.array([word, "Mug"])).to_pylist() == ["", "Mug"]


@pytest.mark.parametrize("text", ["", "0", "None of these", "NA-1", "Nan bread", "#1 Dad Mug", "A-", "no", "Nullarbor"])
def test_other_texts_stay(text: str) -> None:
    assert not is_placeholder(text)
    assert without_placeholders(pa.array([text])).to_pylist() == [text]
