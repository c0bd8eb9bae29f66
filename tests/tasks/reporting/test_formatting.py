"""Figures are written as people read them, and hostile text cannot act."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.runs.report_schema import RunReport
from tasks.reporting.formatting import (
    MAX_TEXT_CHARACTERS,
    BalanceCheck,
    attempt_name,
    build_balance_checks,
    describe_release,
    format_compact_datetime,
    format_datetime,
    format_duration,
    format_money,
    format_number,
    format_percent,
    format_price_range,
    format_release_command,
    printable,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (0, "0"),
        (1234567, "1,234,567"),
        (12.0, "12"),
        (0.18734, "0.1873"),
        (0.00012345, "0.0001234"),
        (1234.56, "1,234.6"),
        (float("nan"), "nan"),
        ("[{'a': 1}]", "[{'a': 1}]"),
    ],
)
def test_numbers_have_separators_and_four_digits(value: float | str | None, written: str) -> None:
    assert format_number(value) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [(None, "–"), (0, "0.00 USD"), (2.9786, "2.98 USD"), (1234.5, "1,234.50 USD"), (0.000521, "0.000521 USD")],
)
def test_cheap_images_keep_their_digits(amount: float | None, written: str) -> None:
    assert format_money(amount, "USD") == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),
        (0.4167, "0.42 s"),
        (9.999, "10.0 s"),
        (59.97, "1 min 00 s"),
        (184, "3 min 04 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (4301.7, "1 h 12 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float | None, written: str) -> None:
    assert format_duration(seconds) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (None, "–"),
        (0, "0 %"),
        (1, "100 %"),
        (0.2799, "28 %"),
        (0.125, "12.5 %"),
        (0.99999, "> 99.9 %"),
        (1e-6, "< 0.1 %"),
    ],
)
def test_all_and_nothing_are_only_written_where_they_are_exact(share: float | None, written: str) -> None:
    assert format_percent(share) == written


def test_times_are_in_utc_whatever_zone_they_came_in() -> None:
    there = datetime(2026, 11, 22, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert format_datetime(there) == "22 November 2026, 02:05 UTC"
    assert format_datetime("2026-11-22T02:05:00") == "22 November 2026, 02:05 UTC"
    assert format_compact_datetime(there.isoformat()) == "2026-11-22 02:05"
    assert format_compact_datetime(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04"
    assert format_compact_datetime("tomorrow\x1b[2J") == "tomorrow\\x1b[2J"
    assert format_compact_datetime(None) == "–"


def test_attempts_are_counted_from_the_first() -> None:
    assert [attempt_name(attempt) for attempt in (0, 1, 2, 20)] == [
        "first attempt",
        "second attempt",
        "third attempt",
        "attempt 21",
    ]


def test_escape_sequences_and_turned_writing_become_visible() -> None:
    assert printable("\x1b[31mred\x07\x9b2J") == "\\x1b[31mred\\x07\\x9b2J"
    assert printable("invoice\u202egpj.exe") == "invoice\\u202egpj.exe"
    assert printable("two\nlines\tand \u2028 more") == "two lines and \\u2028 more"
    assert printable("half \ud800 a pair") == "half \\ud800 a pair"


def test_people_s_own_scripts_stay_as_they_are() -> None:
    for text in ("湯呑み 青磁", "Bouclé", "👩‍👩‍👧", "حقيبة", "שלום"):
        assert printable(text) == text


@given(st.text(max_size=600))
def test_printable_text_is_one_bounded_line_that_every_encoder_takes(text: str) -> None:
    line = printable(text)
    assert len(line) <= MAX_TEXT_CHARACTERS
    assert all(character >= " " and character != "\x7f" for character in line)
    line.encode()


def test_a_megabyte_is_cut() -> None:
    assert printable("x" * 1_000_000) == "x" * (MAX_TEXT_CHARACTERS - 1) + "…"


ROWS = {"input": 10, "accepted": 7, "rejected": 2, "ignored": 1}
SLOTS = {"new": 5, "changed": 4, "published": 3, "review": 2, "blocked": 1, "failed": 1, "deferred": 1, "superseded": 1}


def balance_checks(document: dict[str, object]) -> list[BalanceCheck]:
    return build_balance_checks(RunReport.from_json(document))


def test_both_sums_add_up_or_say_by_how_much_they_do_not() -> None:
    rows, slots = balance_checks({"rows": ROWS, "slots": SLOTS})
    assert (rows.difference, slots.difference) == (0, 0)
    assert rows.left == (("input", 10),)
    assert [name for name, _ in slots.right] == ["published", "review", "blocked", "failed", "deferred", "superseded"]
    assert balance_checks({"rows": ROWS | {"rejected": 1}, "slots": SLOTS | {"failed": 3}})[0].difference == -1
    assert balance_checks({"rows": ROWS, "slots": SLOTS | {"failed": 3}})[1].difference == 2


def test_a_plan_has_no_sum_of_slots_and_unknown_counts_have_none() -> None:
    assert len(balance_checks({"dry_run": True, "rows": ROWS, "slots": SLOTS})) == 1
    assert balance_checks({"rows": ROWS | {"ignored": None}, "slots": {}}) == []


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (
            {"dry_run": True, "release": {"version": None, "previous": 3}},
            "Dry run: nothing was made, nothing was published.",
        ),
        ({"release": {"version": 4, "previous": 3}}, "Published as release 4."),
        ({"release": {"version": 3, "previous": 3}}, "Nothing to publish: release 3 stays."),
        (
            {
                "release": {"version": 3, "previous": 3},
                "rows": {"input": 9, "accepted": 0, "rejected": 7, "ignored": 2},
            },
            "Nothing to publish: release 3 stays. No row was accepted: 7 rejected, 2 ignored.",
        ),
        (
            {"release": {"version": 3, "previous": 3}, "slots": {"new": 8, "changed": 4, "review": 9, "blocked": 3}},
            "Nothing to publish: release 3 stays. None of the 12 new or changed slots passed: 9 review, 3 blocked.",
        ),
        (
            {
                "release": {"version": 3, "previous": 3},
                "slots": {"new": 0, "changed": 0, "unchanged": 1200, "waiting": 3},
                "rows": {"input": 9, "accepted": 7, "rejected": 2, "ignored": 0},
            },
            "Nothing to publish: release 3 stays."
            " Nothing is new or changed: 1,200 unchanged, 3 waiting; 2 rows were rejected.",
        ),
        (
            {
                "release": {"version": 1, "previous": 1},
                "slots": {"unchanged": 3},
                "rows": {"input": 4, "accepted": 3, "rejected": 1, "ignored": 0},
            },
            "Nothing to publish: release 1 stays. Nothing is new or changed: 3 unchanged; 1 row was rejected.",
        ),
        ({"release": {"version": 0, "previous": 0}}, "Nothing to publish: there is no release yet."),
        ({"held": ["x"], "release": {"version": None, "previous": 3}}, "Held: nothing was published, release 3 stays."),
    ],
)
def test_one_sentence_says_what_the_shop_sees(report: dict[str, object], sentence: str) -> None:
    assert describe_release(RunReport.from_json(report)) == sentence


def test_the_command_that_lets_a_batch_go_is_quoted_for_a_shell() -> None:
    report = RunReport.from_json({"run_id": "r1", "held": ["retired-share", "x; rm -rf ~"], "store": "s3://a b/c"})
    assert report.is_held
    assert format_release_command(report) == (
        "packshot release r1 --store 's3://a b/c' --accept retired-share --accept 'x; rm -rf ~' --reason …"
    )
    assert "--store URL " in format_release_command(RunReport.from_json({"run_id": "r1", "held": ["a"]}))


def test_a_range_of_prices_is_told_from_the_lowest_to_the_highest() -> None:
    assert format_price_range([0.003, 0.008], "USD") == "0.003 to 0.008 USD"
    assert format_price_range(None, "USD") == "–"
