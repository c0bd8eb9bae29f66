"""Verdict on a prompt or an image: PASS, REVIEW or BLOCK, with its reasons.

Inputs: the verdicts of several gates. Outputs: one verdict, with the worst decision of all. Reasons are short stable
codes ("blurred", "words.weapons", "scanner-missing.pixels"), because reports count them and people filter by them; the
numbers behind them are stored as raw scores.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from catalogs.slot_states import SlotState

Decision = Literal["PASS", "REVIEW", "BLOCK"]

DECISION_STATES: dict[str, SlotState] = {
    "PASS": SlotState.PUBLISH,
    "REVIEW": SlotState.REVIEW,
    "BLOCK": SlotState.BLOCKED,
}
"""A decision -> the state of the slot that it is about."""

_SEVERITY: dict[Decision, int] = {"PASS": 0, "REVIEW": 1, "BLOCK": 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, its reasons (sorted, each once), and whether another seed may turn a BLOCK into a PASS."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    retryable: bool = False

    def __post_init__(self) -> None:
        """Require reasons for REVIEW and BLOCK, and none for PASS."""
        if self.decision not in _SEVERITY:
            raise ValueError(f"a verdict is one of {', '.join(_SEVERITY)}: {self.decision!r}")
        if (self.decision == "PASS") == bool(self.reasons):
            raise ValueError(
                f"a PASS has no reasons, every other decision has some: {self.decision!r} with {self.reasons!r}"
            )
        if self.retryable and self.decision != "BLOCK":
            raise ValueError(f"only a BLOCK may be retried with another seed: {self.decision!r}")

    @property
    def severity(self) -> int:
        """Return 0 for PASS, 1 for REVIEW, 2 for BLOCK."""
        return _SEVERITY[self.decision]


PASS = Verdict("PASS")


def combine_verdicts(findings: Iterable[Verdict]) -> Verdict:
    """Return the worst decision with the reasons of all findings; PASS where there are none.

    It is retryable only if another seed may help against every BLOCK among them.
    """
    findings = tuple(findings)
    top = max(findings, key=lambda finding: finding.severity, default=PASS)
    reasons = sorted({reason for finding in findings for reason in finding.reasons})
    retryable = top.decision == "BLOCK" and all(
        finding.retryable for finding in findings if finding.decision == "BLOCK"
    )
    return Verdict(top.decision, tuple(reasons), retryable)
