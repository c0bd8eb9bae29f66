"""A time is read as shops write it, where it can mean one thing only."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.ingest.values.time_text import is_ambiguous_date, parse_time

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_times_without_a_zone_are_utc() -> None:
    assert parse_time("2026-11-22T12:00:00") == parse_time("2026-11-22T13:00:00+01:00") == NOON
    assert parse_time("2026-11-22T13:00:00+01:00").utcoffset() == NOON.utcoffset()  # type: ignore[union-attr]
    assert parse_time("noon") is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22 12:00:00 UTC", "2026-11-22 13:00:00 +0100", "2026/11/22 12:00", "22.11.2026 12:00",
        "22.11.26 12:00",
        "22/11/2026 12:00:00", "22-11-2026 12:00", "11/22/26, 12:00 PM", "11/22/2026 12:00 pm", "20261122T120000Z",
        "Sun, 22 Nov 2026 13:00:00 +0100", "22 Nov 2026 12:00", "1795348800", "1795348800000", "22.11.2026 12.00",
    ],
)  # fmt: skip
def test_times_are_read_as_shops_write_them(text: str) -> None:
    assert parse_time(text) == NOON


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3/14/25, 9:05 AM", datetime(2025, 3, 14, 9, 5, tzinfo=UTC)),
        ("3/14/25, 12:05 AM", datetime(2025, 3, 14, 0, 5, tzinfo=UTC)),
        ("04/04/2026", datetime(2026, 4, 4, tzinfo=UTC)),
        ("1 Mar 2024", datetime(2024, 3, 1, tzinfo=UTC)),
        ("March 1, 2024", datetime(2024, 3, 1, tzinfo=UTC)),
        ("20240301", datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_days_are_read_where_only_one_number_can_be_the_month(text: str, day: datetime) -> None:
    assert parse_time(text) == day


@pytest.mark.parametrize("text", ["03/04/2026", "3/4/26", "03-04-2026 10:00", "1/2/2026, 9:05 AM"])
def test_two_numbers_that_may_be_the_month_are_no_time(text: str) -> None:
    assert parse_time(text) is None
    assert is_ambiguous_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "12", "2024", "yesterday", "2026-02-30", "31.02.2026", "13/13/2026", "1.2.3", "Mon", "Jan", "25:00",
        "11/22/26, 13:00 PM", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "31.12.9999 23:00 -1400",
        "\u0662/\u0663/\u0662\u0660\u0662\u0664", "51.0", "100",
    ],
)  # fmt: skip
def test_other_texts_are_no_time(text: str) -> None:
    assert parse_time(text) is None
    assert not is_ambiguous_date(text)


@given(text=st.text(max_size=40) | st.from_regex(r"[0-9./: -]{1,24}", fullmatch=True))
def test_any_text_is_a_time_in_utc_or_none(text: str) -> None:
    time = parse_time(text)
    assert time is None or time.utcoffset() == timedelta()


@given(day=st.dates(min_value=date(1000, 1, 1)), separator=st.sampled_from("/-"))
def test_a_date_that_is_read_is_the_day_that_was_written(day: date, separator: str) -> None:
    for form in (f"%d{separator}%m{separator}%Y", f"%m{separator}%d{separator}%Y"):
        time = parse_time(day.strftime(form))
        assert time is None or time.date() == day
