"""What is made, in which order, and what waits: never over budget, never the less urgent before the more urgent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.planning.budget import BudgetLimits
from catalogs.planning.plan import Shard, Urgency
from catalogs.planning.schedule import (
    DEFERRAL_REASONS,
    NO_DEADLINE,
    RequestUrgency,
    ShardSchedule,
    ShardSummary,
    apply_limits,
    build_schedule,
    key_prefixes,
    to_epoch_us,
)

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
FREE = BudgetLimits()
CODES = ["made", *DEFERRAL_REASONS]


def key(number: int) -> bytes:
    return number.to_bytes(32, "little")


def at(hours: float | None) -> int:
    return NO_DEADLINE if hours is None else to_epoch_us(NOW + timedelta(hours=hours))


def reasons(
    urgency: list[tuple[int, float | None]], seconds: float = 3600.0, allowance: BudgetLimits = FREE
) -> list[str]:
    """Return what becomes of requests that are said as (rank, hours until the deadline)."""
    requests = request_urgency([(rank, hours, 1) for rank, hours in urgency])
    codes = apply_limits(requests, np.full(len(urgency), seconds), allowance, to_epoch_us(NOW))
    return [CODES[code] for code in codes]


def request_urgency(requests: list[tuple[int, float | None, int]]) -> RequestUrgency:
    """Return requests that are said as (rank, hours until the deadline, whether their SKU shows an image)."""
    ranks, hours, has_image = zip(*requests, strict=True) if requests else ((), (), ())
    columns = (ranks, [at(one) for one in hours], has_image)
    return RequestUrgency(*(np.array(column, np.int64) for column in columns))


def filled(shard: Shard, first: int, rank: int = 1, hours: list[float | None] | None = None) -> ShardSummary:
    deadlines = None if hours is None else np.array([at(one) for one in hours], np.int64)
    return ShardSummary(
        rank, 3600.0, deadlines, key_prefixes([key(first + number) for number in range(shard.requests)])
    )


def two_shards() -> tuple[list[Shard], list[ShardSummary]]:
    """Return four requests, 0 to 3, of normal priority in two shards."""
    shards = [Shard("1-000000", "1-00000", 0, 2), Shard("1-000001", "1-00000", 1, 2)]
    return shards, [filled(shards[0], 0), filled(shards[1], 2)]


def work(schedule: ShardSchedule) -> list[tuple[str, list[int] | None]]:
    return [(shard.name, shard.rows) for shard in schedule.shards]


# The rule


def test_the_budget_goes_to_high_priority_then_to_early_deadlines_then_to_who_came_first() -> None:
    urgency: list[tuple[int, float | None]] = [(2, 5), (1, None), (1, 9), (0, None), (1, None)]
    made, over = "made", "over-budget"
    assert reasons(urgency, allowance=BudgetLimits(engine_seconds=3 * 3600)) == [over, made, made, made, over]


@pytest.mark.parametrize("limit", [None, 3.5])
def test_new_skus_go_before_changes_of_one_priority_and_deadline(limit: float | None) -> None:
    """A6: in a run after an edit of 40 images' template, the one new SKU was image 41 of 41."""
    shards = [Shard(f"1-{number:06d}", "1-00000", number, 2) for number in range(2)]
    summaries = [filled(shards[0], 0), replace(filled(shards[1], 2), has_image=0)]
    budget = FREE if limit is None else BudgetLimits(wall_seconds=limit * 3600)
    schedule = build_schedule(shards, summaries, {}, budget, NOW)
    changed_rows = None if limit is None else [0]
    assert work(schedule) == [("1-000001", None), ("1-000000", changed_rows)]


def test_a_priority_and_a_deadline_of_the_shop_go_before_new_skus() -> None:
    requests = request_urgency([(1, None, 0), (1, 9, 1), (0, None, 1), (1, None, 1)])
    assert requests.order().tolist() == [2, 1, 0, 3]


def test_a_changed_image_that_a_new_sku_shares_is_made_with_the_new_ones() -> None:
    shards, summaries = two_shards()
    raised = {key(3)[:8]: Urgency(1, NO_DEADLINE, 0)}
    schedule = build_schedule(shards, summaries, raised, BudgetLimits(engine_seconds=3600), NOW)
    assert work(schedule) == [("1-000001", [1])]


def test_time_that_runs_out_has_another_reason_than_money() -> None:
    urgency: list[tuple[int, float | None]] = [(1, None)] * 3
    assert reasons(urgency, allowance=BudgetLimits(engine_seconds=7200, wall_seconds=3600)) == [
        "made",
        "out-of-time",
        "out-of-time",
    ]
    assert reasons(urgency, allowance=BudgetLimits(engine_seconds=3600, wall_seconds=7200)) == [
        "made",
        "over-budget",
        "over-budget",
    ]
    assert reasons(urgency, allowance=BudgetLimits(wall_seconds=3600, engines=2)) == ["made", "made", "out-of-time"]
    assert reasons(urgency, allowance=BudgetLimits(engine_seconds=3600, engines=2)) == [
        "made",
        "over-budget",
        "over-budget",
    ]


def test_a_deadline_that_cannot_be_kept_is_passed_over_and_takes_no_time() -> None:
    assert reasons([(1, 1), (1, 1.5), (1, 2)]) == ["made", "past-deadline", "made"]
    assert reasons([(1, 1), (1, 1.5), (1, 2)], allowance=BudgetLimits(engines=2)) == ["made", "made", "made"]


def test_what_is_late_already_comes_first_and_is_made() -> None:
    assert reasons([(1, 3), (1, -1)], allowance=BudgetLimits(engine_seconds=3600)) == ["over-budget", "made"]


def test_a_budget_of_nothing_makes_nothing_that_costs() -> None:
    assert reasons([(0, None)], allowance=BudgetLimits(engine_seconds=0)) == ["over-budget"]
    assert reasons([(0, None)], seconds=0.0, allowance=BudgetLimits(engine_seconds=0)) == ["made"]


REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([None, -1.0, 0.5, 1.0, 2.0, 4.0]), st.integers(0, 1), st.floats(0, 4000)
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(requests=REQUESTS, paid=st.none() | st.floats(0, 40_000), hours=st.none() | st.floats(0.01, 10))
def test_the_cut_is_never_over_budget_and_never_out_of_order(
    requests: list[tuple[int, float | None, int, float]], paid: float | None, hours: float | None
) -> None:
    urgency = request_urgency([(rank, until, has_image) for rank, until, has_image, _ in requests])
    seconds = np.array([needed for *_, needed in requests], np.float64)
    allowance = BudgetLimits(paid, None if hours is None else hours * 3600)
    codes = apply_limits(urgency, seconds, allowance, to_epoch_us(NOW))
    spent = float(seconds[codes == 0].sum())
    for limit in (allowance.engine_seconds, allowance.wall_seconds):
        assert limit is None or spent <= limit * (1 + 1e-9)
    dues = [(rank, at(until), has_image) for rank, until, has_image, _ in requests]
    deadlines = [deadline for _, deadline, _ in dues]
    order = sorted(range(len(requests)), key=lambda one: (dues[one], one))
    words = [CODES[codes[one]] for one in order]
    short = [word for word in words if word in ("over-budget", "out-of-time")]
    assert len(set(short)) <= 1
    if short:
        assert "made" not in words[words.index(short[0]) :], "somebody was made after the first that did not fit"
        assert allowance.has_limits
    clock = 0.0
    for one, word in zip(order, words, strict=True):
        clock += seconds[one] if word == "made" else 0.0
        if word == "made" and to_epoch_us(NOW) < deadlines[one] < NO_DEADLINE:
            assert clock <= (deadlines[one] - to_epoch_us(NOW)) / 1e6 * (1 + 1e-9), "it would have been late"


# Shards


def test_without_limits_and_deadlines_shards_keep_their_order_and_nothing_is_written() -> None:
    shards, contents = two_shards()
    schedule = build_schedule(shards[::-1], contents[::-1], {}, FREE, NOW)
    assert (work(schedule), schedule.deferral_codes) == ([("1-000000", None), ("1-000001", None)], {})
    assert schedule.gpu_seconds == 4 * 3600


def test_a_budget_cuts_a_shard_in_the_middle_and_drops_those_behind() -> None:
    shards, contents = two_shards()
    schedule = build_schedule(shards, contents, {}, BudgetLimits(engine_seconds=3600), NOW)
    assert [(shard.name, shard.rows, shard.requests) for shard in schedule.shards] == [("1-000000", [0], 1)]
    assert schedule.deferral_codes == {"1-000000": b"\x00\x01", "1-000001": b"\x01\x01"}
    assert schedule.gpu_seconds == 3600


def test_slots_are_counted_by_the_requests_that_they_share() -> None:
    shards, contents = two_shards()
    schedule = build_schedule(shards, contents, {}, BudgetLimits(engine_seconds=3600), NOW)
    slots = key_prefixes([key(0), key(0), key(1), key(3), key(3)])
    assert schedule.count_deferred(slots) == {"over-budget": 3}


def test_the_shard_with_the_earliest_deadline_is_worked_on_first() -> None:
    shards = [Shard("1-000000", "1-00000", 0, 2), Shard("1-000001", "1-00000", 1, 2), Shard("0-000000", "0", 0, 1)]
    contents = [filled(shards[0], 0), filled(shards[1], 2, hours=[40, 50]), filled(shards[2], 4, rank=0)]
    schedule = build_schedule(shards, contents, {}, FREE, NOW)
    assert [name for name, _ in work(schedule)] == ["0-000000", "1-000001", "1-000000"]


def test_a_request_that_a_later_row_wants_sooner_leaves_its_shard_for_an_earlier_one() -> None:
    shards, contents = two_shards()
    schedule = build_schedule(shards, contents, {key(3)[:8]: Urgency(0, NO_DEADLINE, 1)}, FREE, NOW)
    assert work(schedule) == [("0-1-000001", [1]), ("1-000000", None), ("1-000001", [0])]
    cut_short = build_schedule(
        shards, contents, {key(3)[:8]: Urgency(0, NO_DEADLINE, 1)}, BudgetLimits(engine_seconds=7200), NOW
    )
    assert work(cut_short) == [("0-1-000001", [1]), ("1-000000", [0])]


def test_a_raised_deadline_moves_its_shard_forward() -> None:
    shards, contents = two_shards()
    schedule = build_schedule(shards, contents, {key(2)[:8]: Urgency(1, at(30), 1)}, FREE, NOW)
    assert [name for name, _ in work(schedule)] == ["1-000001", "1-000000"]


def test_what_is_wanted_sooner_is_so_in_each_of_its_finishes() -> None:
    shards, contents = two_shards()
    contents[1] = filled(shards[1], 1)  # the first shard's second request, once more in another finish
    schedule = build_schedule(shards, contents, {key(1)[:8]: Urgency(0, NO_DEADLINE, 1)}, FREE, NOW)
    assert work(schedule) == [("0-1-000000", [1]), ("0-1-000001", [0]), ("1-000000", [0]), ("1-000001", [1])]


def test_what_is_late_already_is_counted() -> None:
    shard = Shard("1-000000", "1-00000", 0, 3)
    schedule = build_schedule([shard], [filled(shard, 0, hours=[-2, -1, 30])], {}, FREE, NOW)
    assert (schedule.overdue, schedule.deferral_codes) == (2, {})


@pytest.mark.parametrize("allowance", [FREE, BudgetLimits(engine_seconds=0)])
def test_nothing_to_generate_is_an_empty_schedule(allowance: BudgetLimits) -> None:
    schedule = build_schedule([], [], {}, allowance, NOW)
    assert (schedule.shards, schedule.deferral_codes, schedule.gpu_seconds) == ([], {}, 0.0)


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    raised=st.dictionaries(
        st.integers(0, 29),
        st.builds(Urgency, st.integers(0, 2), st.sampled_from([NO_DEADLINE, at(3)]), st.integers(0, 1)),
    ),
    paid=st.none() | st.floats(0, 100_000),
)
def test_every_request_is_in_one_piece_of_work_or_left_out(
    sizes: list[int], raised: dict[int, Urgency], paid: float | None
) -> None:
    shards = [Shard(f"1-{number:06d}", "1-00000", number, size) for number, size in enumerate(sizes)]
    starts = np.cumsum([0, *sizes]).tolist()
    contents = [filled(shard, start) for shard, start in zip(shards, starts, strict=False)]
    prefixes = {key(number)[:8]: urgency for number, urgency in raised.items()}
    schedule = build_schedule(shards, contents, prefixes, BudgetLimits(paid), NOW)
    made = [
        (shard.row_group, row)
        for shard in schedule.shards
        for row in (shard.rows if shard.rows is not None else range(sizes[shard.row_group]))
    ]
    out = [
        (int(name[2:]), row)
        for name, codes in schedule.deferral_codes.items()
        for row, code in enumerate(codes)
        if code
    ]
    assert sorted(made + out) == [(number, row) for number, size in enumerate(sizes) for row in range(size)]
    assert sum(shard.requests for shard in schedule.shards) == len(made)
    assert schedule.gpu_seconds == 3600.0 * len(made)
    assert len({shard.name for shard in schedule.shards}) == len(schedule.shards)
