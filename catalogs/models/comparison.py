"""A candidate beside production: pass rate, attempts a published image, GPU-seconds an image; is it worse?

Comes in: a `Sample` of each version, sums over the requests that it made images for. Goes out: a `Comparison`:
estimates with 95 % intervals, and sentences that say why a promotion is refused. All intervals take the normal
quantile: with the 100 requests that are asked for at least, Student's would be 1.2 % wider.

- A rate's interval is Wilson's score interval (E. B. Wilson, JASA 22, 1927, 209-212); the interval of a difference of
  two rates is built from both of them (R. G. Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10).
- Attempts a published image and seconds an image are ratios of two sums over requests; their variance is that of a
  ratio estimator (W. G. Cochran, Sampling Techniques, 3rd edition, 1977, section 2.11). It counts a request as one
  observation, so attempts at one prompt, which are alike, do not pass for many. The difference of two ratios adds their
  variances, unpooled, as Welch does (B. L. Welch, Biometrika 34, 1947, 28-35).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import sqrt
from statistics import NormalDist
from typing import Any, Literal

MINIMUM_REQUESTS = 100
"""Decided requests that each version must have."""
NEGLIGIBLE_SHARES = {"pass rate": 0.01, "attempts a published image": 0.01, "GPU-seconds an image": 0.05}
"""What is worse by less than this share of production's figure is no reason: large shops would prove trifles.

Seconds may differ more, since a small canary fills fewer of an engine's batches.
"""
CONFIDENCE_LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE_LEVEL) / 2)


@dataclass(frozen=True)
class VersionSample:
    """Sums over requests: how many were decided and published, attempts, images made, engine seconds, and products."""

    requests: float = 0
    published: float = 0
    attempts: float = 0
    generated: float = 0
    seconds: float = 0
    attempts_squared: float = 0
    attempts_of_published: float = 0
    seconds_squared: float = 0
    generated_squared: float = 0
    seconds_by_generated: float = 0

    def __add__(self, other: "VersionSample") -> "VersionSample":
        return VersionSample(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class IntervalEstimate:
    """A figure and its interval; all None where nothing is known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class MetricComparison:
    """One figure of both versions, and the candidate's less production's."""

    name: str
    better: Literal["higher", "lower"]
    candidate: IntervalEstimate
    production: IntervalEstimate
    difference: IntervalEstimate

    @property
    def worse(self) -> bool:
        """Tell whether the candidate is worse: the whole interval says so, and it is more than a trifle."""
        value, low, high = self.difference.value, self.difference.low, self.difference.high
        if value is None or low is None or high is None or self.production.value is None:
            return False
        bad = high < 0 if self.better == "higher" else low > 0
        return bad and abs(value) > NEGLIGIBLE_SHARES[self.name] * abs(self.production.value)


@dataclass(frozen=True)
class VersionComparison:
    """A candidate beside production, from the same runs as far as these have enough of both."""

    candidate: int
    production: int
    requests: Mapping[str, int]
    measures: Sequence[MetricComparison]
    runs: Mapping[str, int]
    """How many runs each version's figures come from."""

    @property
    def objections(self) -> list[str]:
        """Return a sentence for each reason against the candidate."""
        few = [
            f"version {number} has {self.requests[name]} decided requests in stored runs, and {MINIMUM_REQUESTS} "
            "are needed"
            for name, number in (("candidate", self.candidate), ("production", self.production))
            if self.requests[name] < MINIMUM_REQUESTS
        ]
        return few or [_describe_difference(measure) for measure in self.measures if measure.worse]

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "candidate": self.candidate,
            "production": self.production,
            "level": CONFIDENCE_LEVEL,
            "minimum": MINIMUM_REQUESTS,
            "requests": dict(self.requests),
            "runs": dict(self.runs),
            "measures": [asdict(measure) | {"worse": measure.worse} for measure in self.measures],
            "faults": self.objections,
        }


def compare_versions(
    version_numbers: tuple[int, int],
    candidate: VersionSample,
    production: VersionSample,
    run_counts: tuple[int, int] = (1, 1),
) -> VersionComparison:
    """Return a candidate's sample beside production's; `numbers` are their versions, `runs` whence the samples come."""
    pairs = ("candidate", "production")
    both = (candidate, production)
    return VersionComparison(
        *version_numbers,
        dict(zip(pairs, (int(one.requests) for one in both), strict=True)),
        (
            _compare_pass_rates("pass rate", candidate, production),
            _compare_ratios("attempts a published image", [_attempts_per_published_image(one) for one in both]),
            _compare_ratios("GPU-seconds an image", [_seconds_per_image(one) for one in both]),
        ),
        dict(zip(pairs, run_counts, strict=True)),
    )


def wilson_interval(successes: float, trials: float) -> IntervalEstimate:
    """Return a rate with Wilson's score interval."""
    if not trials:
        return IntervalEstimate()
    rate, spread = successes / trials, _Z**2 / trials
    middle = (rate + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    return IntervalEstimate(rate, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class _RatioEstimate:
    value: float
    variance: float

    def interval(self) -> IntervalEstimate:
        half = _Z * sqrt(self.variance)
        return IntervalEstimate(self.value, self.value - half, self.value + half)


def _compare_pass_rates(name: str, candidate: VersionSample, production: VersionSample) -> MetricComparison:
    mine, theirs = (wilson_interval(one.published, one.requests) for one in (candidate, production))
    difference = IntervalEstimate()
    if None not in (mine.value, theirs.value):
        gap = mine.value - theirs.value  # type: ignore[operator]
        down = sqrt((mine.value - mine.low) ** 2 + (theirs.high - theirs.value) ** 2)  # type: ignore[operator]
        up = sqrt((mine.high - mine.value) ** 2 + (theirs.value - theirs.low) ** 2)  # type: ignore[operator]
        difference = IntervalEstimate(gap, gap - down, gap + up)
    return MetricComparison(name, "higher", mine, theirs, difference)


def _compare_ratios(name: str, ratios: Sequence[_RatioEstimate | None]) -> MetricComparison:
    mine, theirs = ratios
    difference = _RatioEstimate(mine.value - theirs.value, mine.variance + theirs.variance) if mine and theirs else None
    shown = [each.interval() if each else IntervalEstimate() for each in (mine, theirs, difference)]
    return MetricComparison(name, "lower", *shown)


def _attempts_per_published_image(sample: VersionSample) -> _RatioEstimate | None:
    """Return attempts for each published image: a request publishes one or none, so its square is itself."""
    squares = (sample.attempts_squared, sample.attempts_of_published, sample.published)
    return _estimate_ratio(sample.requests, sample.attempts, sample.published, squares)


def _seconds_per_image(sample: VersionSample) -> _RatioEstimate | None:
    squares = (sample.seconds_squared, sample.seconds_by_generated, sample.generated_squared)
    return _estimate_ratio(sample.requests, sample.seconds, sample.generated, squares)


def _estimate_ratio(
    count: float, numerator: float, denominator: float, squares: tuple[float, float, float]
) -> _RatioEstimate | None:
    """Return a ratio of two sums over `count` requests; `squares` are the sums of y², x·y and x²."""
    if not denominator or count < 2:
        return None
    ratio = numerator / denominator
    rest = max(0.0, squares[0] - 2 * ratio * squares[1] + ratio**2 * squares[2])
    return _RatioEstimate(ratio, count * rest / ((count - 1) * denominator**2))


def _describe_difference(measure: MetricComparison) -> str:
    mine, theirs, gap = measure.candidate, measure.production, measure.difference
    return (
        f"{measure.name}: {mine.value:.4g} against {theirs.value:.4g}, a difference of {gap.value:+.4g}"
        f" ({gap.low:+.4g} to {gap.high:+.4g})"
    )
