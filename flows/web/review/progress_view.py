"""Progress view: how many items are left, answered, and how fast, as numbers with their words.

Inputs: a `ReviewProgress`. Outputs: lines for a page. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from catalogs.reviews.review_details import ReviewProgress
from tasks.reporting.formatting import format_number, printable


@dataclass(frozen=True)
class ProgressView:
    """Progress in words."""

    left: int
    lines: tuple[tuple[str, str], ...]


def view_progress(progress: ReviewProgress) -> ProgressView:
    """Return progress as a page shows it."""
    return ProgressView(progress.left, tuple(_lines(progress)))


def _lines(progress: ReviewProgress) -> Iterator[tuple[str, str]]:
    yield format_number(progress.left), "left"
    if progress.answered_by_me:
        yield format_number(progress.answered_by_me), "answered by you"
    if progress.answered_by_all > progress.answered_by_me:
        yield format_number(progress.answered_by_all), "by all"
    if progress.seconds_per_answer is not None:
        yield f"{progress.seconds_per_answer:.1f} s", "an answer"
    if progress.per_hour is not None:
        yield format_number(round(progress.per_hour)), "an hour"
    if progress.others:
        yield ", ".join(printable(name, 40) for name in progress.others), "beside you"
