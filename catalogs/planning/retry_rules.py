"""Retry rules: refusals that say nothing of the image, and when they are tried again.

Inputs: an outcome's state, reasons and tries; the store's clock; the scanners that can be opened. Outputs: which
reasons are faults of our own, when the next try is, and whether an outcome is due.

Most refusals hold until prompt, finish or policy change, since the image itself was refused. Two kinds do not:

- A fault of our own (a scanner that failed or is missing, a staged image that was gone, an engine that died) is tried
  again after 1 night, then 1, 2, 4, 8 and 16 nights, and every 16 nights from then on. So a broken machine costs
  little, and a repair is always found. A missing scanner that can be opened again is used at once.
- A collision with another picture ends when that picture is no longer live.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from catalogs.answers.refusal_reasons import PERSON
from catalogs.policy.duplicates import LIKENESS_REASONS
from catalogs.policy.review_expiry import REVIEW_EXPIRED
from catalogs.slot_states import SlotState

SCANNER_FAILED = "scanner-failed."
SCANNER_MISSING = "scanner-missing."
CLASSIFIER_FAILED = "score-missing.classifier."
"""Prefix of the reasons for a text classifier that gave no score: it failed, or is not configured."""

COLLISION_REASONS = LIKENESS_REASONS - {"views-differ"}
"""Reasons that hold only while the other picture is live; views of one SKU that differ are a question of their own."""

FIRST_RETRY = timedelta(hours=20)
"""One night, less four hours: a nightly run that starts a little earlier than the one before is not left out."""
MAX_RETRY_NIGHTS = 16
TRIES_AT_ONCE = 3
"""Tries without waiting for a scanner that can be opened again: one machine may have it where another has not."""


def own_fault_reasons(state: str, reasons: Sequence[str] | None) -> list[str]:
    """Return the reasons that are faults of our own, where the outcome rests on them; none for an image's own refusal.

    A blocked outcome rests on what blocked it, which is never a scanner's failure, unless its review expired.
    """
    if state == SlotState.FAILED:
        return list(reasons or ())
    if state == SlotState.REVIEW or (state == SlotState.BLOCKED and REVIEW_EXPIRED in (reasons or ())):
        prefixes = (SCANNER_FAILED, SCANNER_MISSING, CLASSIFIER_FAILED)
        return [reason for reason in reasons or () if reason.startswith(prefixes)]
    return []


def is_collision(state: str, reasons: Sequence[str] | None) -> bool:
    """Tell whether an outcome was refused for another picture."""
    refused = state in (SlotState.REVIEW, SlotState.BLOCKED)
    return refused and not COLLISION_REASONS.isdisjoint(reasons or ())


def may_be_readmitted(state: str, reasons: Sequence[str] | None) -> bool:
    """Tell whether a person may order an outcome to be forgotten, so that the slot is tried at the next run.

    True for what a rollback withdrew, what a person refused and for faults of our own; an image that the gates refused
    is not let in so.
    """
    by_person = any(reason.startswith(PERSON) for reason in reasons or ())
    return state == SlotState.WITHDRAWN or by_person or bool(own_fault_reasons(state, reasons))


def next_retry(tries: int, now: datetime) -> datetime:
    """Return when an outcome is tried again that our own faults have kept for `tries` tries."""
    nights = min(2 ** max(0, min(tries, 10) - 2), MAX_RETRY_NIGHTS)
    return now + timedelta(days=nights - 1) + FIRST_RETRY


@dataclass(frozen=True)
class RetryClock:
    """Decides at one moment which outcomes are due. `scanners` can be opened here; None means that is not known."""

    now: datetime
    scanners: Collection[str] | None = None

    def is_due(self, state: str, reasons: Sequence[str] | None, tries: int | None, retry_at: datetime | None) -> bool:
        """Tell whether an outcome is tried again now, whatever its prompt, finish and policy."""
        missing = self.missing_scanners(state, reasons)
        if missing and self.scanners is not None:
            if not missing <= set(self.scanners):
                return False  # it would end the same
            if (tries or 0) <= TRIES_AT_ONCE:
                return True
        return retry_at is not None and retry_at <= self.now

    def missing_scanners(self, state: str, reasons: Sequence[str] | None) -> set[str]:
        """Return the scanners that an outcome waits for, whether or not they can be opened by now."""
        own = own_fault_reasons(state, reasons)
        return {reason.removeprefix(SCANNER_MISSING) for reason in own if reason.startswith(SCANNER_MISSING)}

    def expected_retry(self, state: str, reasons: Sequence[str] | None, retry_at: datetime | None) -> datetime | None:
        """Return when a waiting outcome is due; None while it waits for a scanner that is not installed."""
        missing = self.missing_scanners(state, reasons)
        unavailable = missing and self.scanners is not None and not missing <= set(self.scanners)
        return None if unavailable else retry_at


@dataclass
class RetrySummary:
    """Slots that wait because of a fault of our own: how many, for which reasons, and when the first is tried again."""

    slots: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    next_try: datetime | None = None

    def add(self, reasons: Sequence[str], retry_at: datetime | None) -> None:
        """Count one slot; `reasons` are its own-fault reasons."""
        self.slots += 1
        self.reasons.update(reasons)
        self._advance(retry_at)

    def combined(self, other: "RetrySummary") -> "RetrySummary":
        """Return both summaries as one."""
        both = RetrySummary(self.slots + other.slots, self.reasons + other.reasons, self.next_try)
        both._advance(other.next_try)
        return both

    def document(self) -> dict[str, Any]:
        """Return plain values for a report or a plan."""
        when = self.next_try.isoformat() if self.next_try else None
        return {"slots": self.slots, "reasons": dict(self.reasons.most_common()), "next_try": when}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "RetrySummary":
        """Return the summary of a stored plan; an empty one where the plan is older."""
        when = document.get("next_try")
        reasons = Counter(document.get("reasons", {}))
        return cls(document.get("slots", 0), reasons, datetime.fromisoformat(when) if when else None)

    def _advance(self, retry_at: datetime | None) -> None:
        if retry_at is not None and (self.next_try is None or retry_at < self.next_try):
            self.next_try = retry_at
