"""Intervals are those of the books, equals pass, worse ones are refused with their numbers, and few say nothing."""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.models.comparison import (
    MINIMUM_REQUESTS,
    MetricComparison,
    VersionComparison,
    VersionSample,
    compare_versions,
)


def sample(
    requests: int, published: int, attempts: int = 1, seconds: float = 1.0, jitter: float = 0.1
) -> VersionSample:
    """Return the sums of so many requests, of so many attempts each; a jitter moves their seconds up and down."""
    times = [attempts * (seconds + jitter * (1 if place % 2 else -1)) for place in range(requests)]
    return VersionSample(
        requests=requests,
        published=published,
        attempts=requests * attempts,
        generated=requests * attempts,
        seconds=sum(times),
        attempts_squared=requests * attempts**2,
        attempts_of_published=published * attempts,
        seconds_squared=sum(time**2 for time in times),
        generated_squared=requests * attempts**2,
        seconds_by_generated=sum(time * attempts for time in times),
    )


def measures(comparison: VersionComparison) -> dict[str, MetricComparison]:
    return {measure.name: measure for measure in comparison.measures}


GOOD = sample(1000, 950)


def many(published: int) -> VersionSample:
    """Return the sums of a million requests of one image each, all in equal times."""
    return VersionSample(
        requests=1_000_000, published=published, attempts=1_000_000, generated=1_000_000, seconds=1_000_000,
        attempts_squared=1_000_000, attempts_of_published=published, seconds_squared=1_000_000,
        generated_squared=1_000_000, seconds_by_generated=1_000_000,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "theirs", "low", "high"),
    [
        # Newcombe 1998, table II, method 10, cases (a) to (d).
        ((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0), ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)  # fmt: skip
def test_a_difference_of_rates_has_newcombes_interval(
    mine: tuple[int, int], theirs: tuple[int, int], low: float, high: float
) -> None:
    comparison = compare_versions((2, 1), *(sample(trials, successes) for successes, trials in (mine, theirs)))
    difference = measures(comparison)["pass rate"].difference
    assert difference.value == pytest.approx(mine[0] / mine[1] - theirs[0] / theirs[1])
    assert (round(difference.low or 0, 4), round(difference.high or 0, 4)) == (low, high)


def test_seconds_are_those_of_an_image_with_the_spread_that_they_have() -> None:
    slow, fast = sample(400, 400, seconds=1.5, jitter=0.2), sample(900, 900, seconds=1.0, jitter=0.3)
    comparison = measures(compare_versions((2, 1), slow, fast))["GPU-seconds an image"]
    assert (comparison.candidate.value, comparison.production.value) == (pytest.approx(1.5), pytest.approx(1.0))
    half = 1.959964 * sqrt(0.2**2 / 399 + 0.3**2 / 899)  # Welch's, each variance by its own size
    assert comparison.difference.low == pytest.approx(0.5 - half, rel=1e-6)
    assert comparison.difference.high == pytest.approx(0.5 + half, rel=1e-6)
    assert comparison.worse


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.5, 0.95))
def test_attempts_of_one_request_count_as_one_observation(seed: int, rate: float) -> None:
    chance = np.random.default_rng(seed)
    attempts = np.minimum(chance.geometric(rate, 500), 3)
    published = (chance.random(500) < 0.9).astype(int)
    comparison = measures(
        compare_versions(
            (2, 1),
            replace(
                GOOD, requests=500, published=published.sum(), attempts=attempts.sum(),
                attempts_squared=(attempts**2).sum(), attempts_of_published=(attempts * published).sum(),
            ),
            GOOD,
        )
    )["attempts a published image"]  # fmt: skip
    ratio = attempts.sum() / published.sum()
    rest = attempts - ratio * published
    error = sqrt((rest**2).sum() * 500 / 499) / published.sum()  # the textbook's, row by row
    assert comparison.candidate.value == pytest.approx(ratio)
    assert (comparison.candidate.high or 0) - ratio == pytest.approx(1.959964 * error, rel=1e-5)


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (sample(1000, 950), []),
        (sample(1000, 990), []),
        (sample(1000, 945), []),  # worse, but by nothing that the numbers prove
        (
            sample(1000, 800),
            ["pass rate: 0.8 against 0.95, a difference of -0.15 (-0.", "attempts a published image: 1.25"],
        ),
        (sample(1000, 950, attempts=2), ["attempts a published image: 2.105 against 1.053"]),
        (sample(1000, 950, seconds=2), ["GPU-seconds an image: 2 against 1, a difference of +1 (+0.99"]),
        (sample(1000, 950, seconds=0.5), []),
        (sample(1000, 950, seconds=1.049, jitter=0.0001), []),  # proven, and a trifle
        (sample(1000, 950, seconds=1.06, jitter=0.0001), ["GPU-seconds an image: 1.06 against 1"]),
        (many(989_000), []),  # 0.9 percentage points, proven, and a trifle
        (many(985_000), ["pass rate: 0.985 against 0.998", "attempts a published image: 1.015"]),
    ],
)
def test_what_is_shown_to_be_worse_is_refused_with_its_numbers(candidate: VersionSample, words: list[str]) -> None:
    production = many(998_000) if candidate.requests > 1000 else sample(1000, 950, jitter=0.0001)
    faults = compare_versions((2, 1), candidate, production).objections
    assert len(faults) == len(words), faults
    assert all(fault.startswith(word) for fault, word in zip(faults, words, strict=True)), faults


@pytest.mark.parametrize("sizes", [(MINIMUM_REQUESTS - 1, 1000), (1000, MINIMUM_REQUESTS - 1), (3, 4), (0, 0)])
def test_too_few_requests_prove_nothing_either_way(sizes: tuple[int, int]) -> None:
    mine, theirs = (sample(size, 0) for size in sizes)
    comparison = compare_versions((7, 5), mine, theirs)
    message = {f"version {number} has {size} decided requests in stored runs, and 100 are needed"
            for number, size in zip((7, 5), sizes, strict=True) if size < MINIMUM_REQUESTS}  # fmt: skip
    assert set(comparison.objections) == message


def test_enough_is_enough() -> None:
    assert compare_versions((2, 1), sample(MINIMUM_REQUESTS, 90), sample(MINIMUM_REQUESTS, 90)).objections == []


def test_a_version_that_published_nothing_is_worse_by_its_pass_rate_alone() -> None:
    comparison = compare_versions((2, 1), sample(500, 0), GOOD)
    assert [fault.split(":")[0] for fault in comparison.objections] == ["pass rate"]
    assert measures(comparison)["attempts a published image"].candidate.value is None


def test_samples_add_up_and_the_document_is_plain() -> None:
    both = sample(300, 280) + sample(700, 670)
    assert vars(both) == pytest.approx(vars(GOOD))
    document: dict[str, Any] = compare_versions((2, 1), both, GOOD, (3, 1)).document()
    assert (document["candidate"], document["production"], document["runs"]) == (
        2,
        1,
        {"candidate": 3, "production": 1},
    )
    assert [measure["worse"] for measure in document["measures"]] == [False, False, False]
    assert (document["level"], document["minimum"], document["faults"]) == (0.95, 100, [])
