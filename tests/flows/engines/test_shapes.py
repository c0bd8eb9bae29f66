"""One grammar for `--sizes` and `--batch`, whichever command reads them."""

import pytest

from catalogs.errors import OptionError
from flows.engines.benchmark import parse_batch_sizes, parse_sides
from flows.engines.build import parse_batch_range, parse_sizes
from flows.engines.shapes import parse_batch_list, parse_size_list
from infra.engines.tensorrt.profiles import AxisRange, ImageSize


def test_sides_and_width_by_height_are_both_sizes() -> None:
    assert parse_size_list("1024, 768x512,1024x1024") == [(1024, 1024), (768, 512)]
    assert parse_batch_list("1, 4-8,2") == [(1, 1), (4, 8), (2, 2)]


@pytest.mark.parametrize("text", ["", "big", "1024x", "1024x768x3", "-1", "1024;512", "1e3", "1" * 7])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"--sizes: .* is no size"):
        parse_size_list(text)


@pytest.mark.parametrize("text", ["", "many", "1-", "1-2-3", "1 - 2x", "1" * 7])
def test_what_is_no_batch_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"--batch: .* is no batch size"):
        parse_batch_list(text)


def test_build_and_bench_take_each_other_s_spelling() -> None:
    assert parse_sizes("512,768x768") == (ImageSize(512, 512), ImageSize(768, 768))
    assert parse_sides("768x768,512") == [512, 768]
    assert parse_batch_range("1,2,4") == AxisRange(1, 4, 4)
    assert parse_batch_sizes("1-3,8") == [1, 2, 3, 8]


def test_bench_measures_squares_alone() -> None:
    with pytest.raises(OptionError, match="--sizes: 768x512 is no square"):
        parse_sides("768x512")


@pytest.mark.parametrize("text", ["4-1", "1-65", "1-999999"])
def test_a_range_that_cannot_be_measured_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--batch"):
        parse_batch_sizes(text)
