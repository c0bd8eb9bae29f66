"""Review session: what one person did since they began, in one console.

Inputs: items given, answers given, skips. Outputs: the pace, the newest answer to take back, which known items and
how many others were given. It lives in the console's memory: answers themselves are in the store.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from threading import Lock
from typing import NamedTuple

from catalogs.answers.answer import Answer
from catalogs.reviews.review_item import ReviewItem


class Undone(NamedTuple):
    """An answer that was taken back, and its item; None where a run has decided that one meanwhile."""

    answer: Answer
    item: ReviewItem | None


@dataclass
class ReviewSession:
    """One person's session. Guarded by the service's lock."""

    person: str
    began: datetime
    begins_after: str
    """The newest token when it began: later ones are this session's."""
    given: int = 0
    """Items that the person was given so far."""
    answers: list[tuple[Answer, str]] = field(default_factory=list)
    """Each answer that was not taken back with its item's name, oldest first."""
    skipped: set[str] = field(default_factory=set)
    known: dict[str, bool] = field(default_factory=dict)
    """Known items that were given -> whether they were answered."""
    undoing: Lock = field(default_factory=Lock)
    """Held while an answer is taken back, so that two requests do not take the same one back."""

    @property
    def median_seconds(self) -> float | None:
        """Return how long the person looks at an item, by the median."""
        seconds = [answer.seconds for answer, _ in self.answers if answer.seconds is not None]
        return median(seconds) if seconds else None

    def pace(self, now: datetime) -> float | None:
        """Return the answers an hour since the session began; None before the first."""
        hours = (now - self.began).total_seconds() / 3600
        return len(self.answers) / hours if self.answers and hours > 0 else None

    def count_given(self, items: Sequence[str], known: Container[str]) -> None:
        """Count items that were given for the first time; those in `known` measure the person."""
        self.given += len(items)
        self.known |= {item: False for item in items if item in known}

    def remember(self, answer: Answer, item: str) -> None:
        """Count an answer."""
        self.answers.append((answer, item))
        self.skipped.discard(item)
        if item in self.known:
            self.known[item] = True

    def forget(self, answer: Answer, item: str) -> None:
        """Leave out an answer that was taken back; a known item may be given again."""
        self.answers.remove((answer, item))
        if item in self.known:
            self.known[item] = False
