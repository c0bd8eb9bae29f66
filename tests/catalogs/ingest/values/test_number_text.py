"""A1: whole numbers read the same as integers and as floats, and the spelling of before is recognised both ways."""

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.values.number_text import float_text, name_in_full, text_as_exponents

WHOLE = st.integers(1, 2**53 - 1)
LONG = st.integers(10**10, 2**53 - 1)


@given(numbers=st.lists(WHOLE | LONG, max_size=5))
def test_a_whole_number_reads_alike_as_an_integer_and_as_a_float(numbers: list[int]) -> None:
    as_integers = pc.cast(pa.array([*numbers, None], pa.int64()), pa.string())
    as_floats = float_text(pa.array([*(float(number) for number in numbers), None], pa.float64()))
    assert as_floats.equals(as_integers)


@given(values=st.lists(st.floats(allow_nan=False), max_size=5))
def test_a_float_whose_text_has_no_exponent_keeps_it(values: list[float]) -> None:
    before = pc.cast(pa.array(values, pa.float64()), pa.string()).to_pylist()
    after = float_text(pa.array(values, pa.float64())).to_pylist()
    for value, old, new in zip(values, before, after, strict=True):
        is_whole_and_exact = "e+" in old and value == int(value) and abs(value) < 2**53
        assert new == (str(int(value)) if is_whole_and_exact else old)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7.0, "7"),
        (1.5, "1.5"),
        (-0.0, "-0"),
        (1e9, "1000000000"),
        (1e10, "10000000000"),
        (4006381333931.0, "4006381333931"),
        (-4006381333931.0, "-4006381333931"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9.007199254740992e+15"),
        (1.234567890125e10, "1.234567890125e+10"),
        (1e-7, "1e-7"),
        (float("inf"), "inf"),
        (float("nan"), None),
        (None, None),
    ],
)
def test_a_float_reads_as(value: float | None, text: str | None) -> None:
    assert float_text(pa.array([value], pa.float64())).to_pylist() == [text]


def test_short_floats_read_whole_numbers_in_full_too() -> None:
    assert float_text(pa.array([1e10, 16777215.0, 7.5, None], pa.float32())).to_pylist() == [
        "10000000000",
        "16777215",
        "7.5",
        None,
    ]


@given(number=LONG, before=st.sampled_from(["", "shirt-", "A"]), after=st.sampled_from(["", "-L", " cm"]))
def test_a_name_is_recognised_by_what_arrow_made_of_it(number: int, before: str, after: str) -> None:
    exponent = pc.cast(pa.array([float(number)]), pa.string())[0].as_py()
    full, name = f"{before}{number}{after}", f"{before}{exponent}{after}"
    assert name_in_full(name) == full
    assert text_as_exponents(full) == name


@pytest.mark.parametrize(
    "name", ["", "mug", "4006381333931", "7e+3", "1.23456789012e+10", "9.007199254740992e+15", "1.5e+300", "1.1.5e+12"]
)
def test_a_name_without_an_exponent_of_a_whole_number_is_left_alone(name: str) -> None:
    assert name_in_full(name) is None


@pytest.mark.parametrize("text", ["", "mug 1234567890", "9007199254740992", "40063813339311234567", "1.40063813339311"])
def test_a_text_without_a_long_whole_number_reads_as_before(text: str) -> None:
    assert text_as_exponents(text) == text
