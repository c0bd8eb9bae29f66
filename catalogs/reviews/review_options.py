"""Review options: how items are mixed and measured, and what a person may say with an answer.

Inputs: none. Outputs: plain values with their defaults.
"""

from dataclasses import dataclass
from typing import TypedDict

CONFLICT_GROUP = "people-differ"
"""The group of items on which people differ; it comes first."""
SAMPLE_GROUP = "passed"
"""What samples are grouped by: they have no reason."""
HELD_GROUP = "held"
"""The group of the images of held batches."""


@dataclass(frozen=True)
class ReviewOptions:
    """How items are mixed and measured."""

    double_share: float = 0.05
    """Share of the items that two people are asked about independently: a hash of the item, the same everywhere."""
    known_per_session: int = 5
    """Known items that a person gets in a session, so that their error is measured."""
    known_every: int = 20
    """Every so many items one is a known one, the 15th at first."""
    sample_every: int = 10
    """Every so many items one is a sample of what passed."""


DEFAULT_OPTIONS = ReviewOptions()


class AnswerWords(TypedDict, total=False):
    """What a person may say with an answer."""

    reason: str
    """The code of a refusal."""
    why: str
    prompt: str
    """The edited prompt of another attempt."""
    seconds: float | None
    resolves: bool
    """Whether it ends a conflict between people."""
