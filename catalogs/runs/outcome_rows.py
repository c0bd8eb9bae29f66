"""Outcome rows: what a run remembers of a slot that it did not publish, given what was remembered before.

Inputs: a refused decision, the slot's outcome of the same request so far, the policy, the time. Outputs: the row to
write. Pure: the same decision over the same row gives the same row.

A run that could only defer a slot learns nothing of it, so what is known stays: the review's age and image, the spent
attempts, the withdrawal. A fault of our own is remembered with the number of its tries and the time of the next one.
"""

from dataclasses import dataclass
from datetime import datetime

from catalogs.planning.plan import WAITING
from catalogs.planning.retry_rules import is_collision, next_retry, own_fault_reasons
from catalogs.policy.review_expiry import apply_review_expiry, was_sent_to_review
from catalogs.slot_states import SlotState
from catalogs.table_rows import DecisionRow, OutcomeRow


@dataclass(frozen=True)
class OutcomeWriter:
    """Writes the outcomes of one run, under its policy, at the time of its commit."""

    run_id: str
    policy_digest: str
    review_days: int
    now: datetime

    def refuse(self, decision: DecisionRow, before: OutcomeRow | None) -> OutcomeRow:
        """Return the row of a refused decision; `before` is the row of its slot and request, but for a deferred one."""
        outcome: OutcomeRow = {
            "slot_id": decision["slot_id"],
            "request_key": decision["request_key"],
            "sku": decision["sku"],
            "state": decision["state"],
            "attempts": decision["attempts_spent"] or 0,
            "reasons": decision["reasons"],
            "source_digest": decision["source_digest"],
            "finish_digest": decision["finish_digest"],
            "policy_digest": self.policy_digest,
            "image_key": decision["image_key"],
            "run_id": self.run_id,
            "decided_at": self.now,
            "expires_at": None,
            "tries": None,
            "retry_at": None,
            "collides_with": decision["collides_with"],
            "sentence": decision["sentence"],
            "answer": decision["answer"],
            "pixel_sha": decision["finished_sha"],
        }
        if own_fault_reasons(outcome["state"], outcome["reasons"]):
            outcome["tries"] = tries = _tries_so_far(before) + 1
            outcome["retry_at"] = next_retry(tries, self.now)
        if outcome["state"] != SlotState.REVIEW:
            return outcome
        if before is not None and _is_same_review(decision, before):
            outcome["decided_at"] = before["decided_at"]
        return apply_review_expiry(outcome, self.review_days, self.now)

    def adopt(self, row: OutcomeRow) -> OutcomeRow:
        """Return an older version's row with the time of its next try; any other row as it is.

        Older versions recorded neither tries nor the picture that an image collides with; their rows would wait for
        ever.
        """
        if row["retry_at"] is not None or row["collides_with"] is not None:
            return row
        if own_fault_reasons(row["state"], row["reasons"]):
            tries = max(1, _tries_so_far(row))
            return {**row, "tries": tries, "retry_at": next_retry(tries, self.now)}
        if is_collision(row["state"], row["reasons"]):
            return {**row, "retry_at": next_retry(1, self.now)}
        return row


def keep_while_deferred(decision: DecisionRow, before: OutcomeRow) -> OutcomeRow:
    """Return the row before, with the attempts spent since and the digest of the source as it is now."""
    kept: OutcomeRow = {**before, "attempts": max(before["attempts"], decision["attempts_spent"] or 0)}
    if before["finish_digest"] == decision["finish_digest"]:
        kept["source_digest"] = decision["source_digest"]
    return kept


def _tries_so_far(before: OutcomeRow | None) -> int:
    """Return how often our own faults have kept a slot; older versions counted failed attempts alone."""
    if before is None:
        return 0
    if before["tries"] is None and before["state"] == SlotState.FAILED:
        return before["attempts"]
    return before["tries"] or 0


def _is_same_review(decision: DecisionRow, before: OutcomeRow) -> bool:
    """Tell whether a decision asks a person about the very image that the row before asks about."""
    same_image = before["image_key"] == decision["image_key"]
    return decision["kind"] == WAITING and same_image and was_sent_to_review(before)
