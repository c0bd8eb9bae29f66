"""Version comparison: pass rate, attempts per published image and GPU-seconds per image of candidate and production.

Inputs: a `VersionSample` of each version: sums over the requests that it generated images for. Outputs: a
`VersionComparison`: estimates with 95 % intervals, and the objections to a promotion. All intervals use the normal
quantile: with the required minimum of 100 requests, Student's would be 1.2 % wider.

- A rate's interval is Wilson's (`catalogs.intervals`); the interval of a difference of two rates is built from both
  of them (R. G. Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10).
- Attempts per published image and seconds per image are ratios of two sums over requests; their variance is that of a
  ratio estimator (W. G. Cochran, Sampling Techniques, 3rd edition, 1977, section 2.11). It counts a request as one
  observation, since attempts at one prompt are correlated. The difference of two ratios adds their variances, unpooled,
  as Welch does (B. L. Welch, Biometrika 34, 1947, 28-35).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import sqrt
from typing import Any, Literal

from catalogs.intervals import CONFIDENCE_LEVEL, NORMAL_QUANTILE, IntervalEstimate, wilson_interval

MINIMUM_REQUESTS = 100
"""Decided requests that each version needs."""
NEGLIGIBLE_SHARES = {"pass rate": 0.01, "attempts a published image": 0.01, "GPU-seconds an image": 0.05}
"""A difference below this share of production's value is no objection: with many images any trifle is significant.

Seconds may differ more, since a small canary fills fewer of an engine's batches.
"""


@dataclass(frozen=True)
class VersionSample:
    """Sums over requests: decided and published requests, attempts, generated images, engine seconds, and products."""

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
        return VersionSample(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both versions, and the candidate's value minus production's."""

    name: str
    better: Literal["higher", "lower"]
    candidate: IntervalEstimate
    production: IntervalEstimate
    difference: IntervalEstimate

    @property
    def worse(self) -> bool:
        """Tell whether the candidate is worse: by its whole interval, and by more than a negligible share."""
        value, low, high = self.difference.value, self.difference.low, self.difference.high
        if value is None or low is None or high is None or self.production.value is None:
            return False
        significant = high < 0 if self.better == "higher" else low > 0
        return significant and abs(value) > NEGLIGIBLE_SHARES[self.name] * abs(self.production.value)


@dataclass(frozen=True)
class VersionComparison:
    """A candidate compared with production, from the same runs if these have enough requests of both."""

    candidate: int
    production: int
    requests: Mapping[str, int]
    measures: Sequence[MetricComparison]
    runs: Mapping[str, int]
    """Number of runs that each version's sample comes from."""

    @property
    def objections(self) -> list[str]:
        """Return a sentence for each reason against promoting the candidate."""
        too_few = [
            f"version {number} has {self.requests[name]} decided requests in stored runs, and {MINIMUM_REQUESTS} "
            "are needed"
            for name, number in (("candidate", self.candidate), ("production", self.production))
            if self.requests[name] < MINIMUM_REQUESTS
        ]
        return too_few or [_describe_difference(measure) for measure in self.measures if measure.worse]

    def document(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
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
    """Return the comparison of two samples; `version_numbers` and `run_counts` are (candidate's, production's)."""
    names = ("candidate", "production")
    samples = (candidate, production)
    return VersionComparison(
        *version_numbers,
        dict(zip(names, (int(sample.requests) for sample in samples), strict=True)),
        (
            _compare_pass_rates("pass rate", candidate, production),
            _compare_ratios("attempts a published image", [*map(_attempts_per_published_image, samples)]),
            _compare_ratios("GPU-seconds an image", [*map(_seconds_per_image, samples)]),
        ),
        dict(zip(names, run_counts, strict=True)),
    )


@dataclass(frozen=True)
class _RatioEstimate:
    value: float
    variance: float

    def interval(self) -> IntervalEstimate:
        half_width = NORMAL_QUANTILE * sqrt(self.variance)
        return IntervalEstimate(self.value, self.value - half_width, self.value + half_width)


def _compare_pass_rates(name: str, candidate: VersionSample, production: VersionSample) -> MetricComparison:
    new, old = (wilson_interval(sample.published, sample.requests) for sample in (candidate, production))
    difference = IntervalEstimate()
    if None not in (new.value, old.value):
        gap = new.value - old.value  # type: ignore[operator]
        down = sqrt((new.value - new.low) ** 2 + (old.high - old.value) ** 2)  # type: ignore[operator]
        up = sqrt((new.high - new.value) ** 2 + (old.value - old.low) ** 2)  # type: ignore[operator]
        difference = IntervalEstimate(gap, gap - down, gap + up)
    return MetricComparison(name, "higher", new, old, difference)


def _compare_ratios(name: str, ratios: Sequence[_RatioEstimate | None]) -> MetricComparison:
    """Compare (the candidate's ratio, production's)."""
    new, old = ratios
    difference = _RatioEstimate(new.value - old.value, new.variance + old.variance) if new and old else None
    intervals = [ratio.interval() if ratio else IntervalEstimate() for ratio in (new, old, difference)]
    return MetricComparison(name, "lower", *intervals)


def _attempts_per_published_image(sample: VersionSample) -> _RatioEstimate | None:
    """Return the attempts per published image. A request publishes one image or none, so its square is itself."""
    squares = (sample.attempts_squared, sample.attempts_of_published, sample.published)
    return _estimate_ratio(sample.requests, sample.attempts, sample.published, squares)


def _seconds_per_image(sample: VersionSample) -> _RatioEstimate | None:
    squares = (sample.seconds_squared, sample.seconds_by_generated, sample.generated_squared)
    return _estimate_ratio(sample.requests, sample.seconds, sample.generated, squares)


def _estimate_ratio(
    count: float, numerator: float, denominator: float, squares: tuple[float, float, float]
) -> _RatioEstimate | None:
    """Return the ratio y / x of two sums over `count` requests; `squares` are the sums of y², x·y and x²."""
    if not denominator or count < 2:
        return None
    ratio = numerator / denominator
    residual = max(0.0, squares[0] - 2 * ratio * squares[1] + ratio**2 * squares[2])
    return _RatioEstimate(ratio, count * residual / ((count - 1) * denominator**2))


def _describe_difference(measure: MetricComparison) -> str:
    new, old, gap = measure.candidate, measure.production, measure.difference
    return (
        f"{measure.name}: {new.value:.4g} against {old.value:.4g}, a difference of {gap.value:+.4g}"
        f" ({gap.low:+.4g} to {gap.high:+.4g})"
    )
