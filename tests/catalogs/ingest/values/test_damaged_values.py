"""Numbers without their last digits, and dates in place of SKUs, are counted and shown."""

import pyarrow as pa
import pytest

from catalogs.ingest.row_warnings import RowWarnings
from catalogs.ingest.values.damaged_values import warn_of_damaged_skus, warn_of_lost_digits


def sku_warnings(*skus: str) -> list[str]:
    warnings = RowWarnings()
    warn_of_damaged_skus(pa.chunked_array([pa.array(skus)]), pa.chunked_array([pa.array(range(len(skus)))]), warnings)
    return warnings.sentences()


@pytest.mark.parametrize("sku", ["5.9E+12", "4.00638E+12", "4,00638E+12", "5e12", "1E+15"])
def test_a_number_that_a_spreadsheet_shortened_is_a_warning(sku: str) -> None:
    [sentence] = sku_warnings("A-1", sku, sku)
    assert sentence.startswith("2 × SKUs are numbers that a spreadsheet shortened")
    assert sentence.endswith(f": {sku!r} in row 1")


@pytest.mark.parametrize(
    "sku",
    ["1-Mar", "01-Mar", "Mar-01", "1. Mrz", "01. Mrz", "Mrz 24", "1-Mar-24", "01.03.2024", "3/1/2024", "2024-03-01",
     "2024-03-01 00:00:00", "01-mars", "12-Dez"],
)  # fmt: skip
def test_a_date_that_a_spreadsheet_made_is_a_warning(sku: str) -> None:
    [sentence] = sku_warnings(sku)
    assert sentence.startswith("1 × SKUs look like dates")
    assert f"{sku!r} in row 0" in sentence


@pytest.mark.parametrize(
    "sku",
    ["A-1", "MAR-01", "MARS-01", "12E", "E12", "1E", "2024", "12-345", "1.2.3", "Jan", "Mary-01", "00017", "5.9",
     "3-2024", "40-Marine", "TEE-01.03.2024"],
)  # fmt: skip
def test_other_skus_are_none(sku: str) -> None:
    assert sku_warnings(sku) == []


@pytest.mark.parametrize(
    ("kind", "whole", "beyond", "limit", "shown"),
    [
        (pa.float32(), 2.0**24 - 1, 123456789.0, "16,777,216", "123456790"),
        (pa.float64(), 2.0**53 - 1, 2.0**53 + 2, "9,007,199,254,740,992", "9.007199254740994e+15"),
    ],
)
def test_floats_that_cannot_hold_a_whole_number_are_a_warning(
    kind: pa.DataType, whole: float, beyond: float, limit: str, shown: str
) -> None:
    warnings = RowWarnings()
    warn_of_lost_digits(
        "ean", pa.array([whole, None, 0.5, float("nan"), float("inf")], kind), pa.array(range(5)), warnings
    )
    assert warnings.sentences() == []
    warn_of_lost_digits("ean", pa.array([whole, beyond, -beyond], kind), pa.array([11, 12, 13]), warnings)
    [sentence] = warnings.sentences()
    assert sentence.startswith(
        f"2 × numbers in the column 'ean' are stored as floats of {kind.bit_width} bits, which hold"
    )
    assert limit in sentence
    assert f"{shown!r} in row 12" in sentence


def test_texts_and_integers_lose_nothing() -> None:
    warnings = RowWarnings()
    for array in (pa.array(["9007199254740993"]), pa.array([2**60])):
        warn_of_lost_digits("ean", array, pa.array([1]), warnings)
    assert warnings.sentences() == []
