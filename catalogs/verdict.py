"""The word on a prompt or an image: PASS, REVIEW or BLOCK, and why.

Comes in: findings, each a verdict of its own. Goes out: one verdict, in which the worst word wins. Reasons are short
stable codes ("blurred", "words.weapons", "scanner-missing.pixels"), because reports count them and people filter by
them; the numbers behind them are kept as raw scores.
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
    """A word, its reasons (sorted, each once), and whether another seed may turn a BLOCK into a PASS."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    retryable: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be explained: a no without a reason, a yes with one."""
        if self.decision not in _SEVERITY:
            raise ValueError(f"a verdict is one of {', '.join(_SEVERITY)}: {self.decision!r}")
        if (self.decision == "PASS") == bool(self.reasons):
            raise ValueError(
                f"a PASS has no reasons, every other word has some: {self.decision!r} with {self.reasons!r}"
            )
        if self.retryable and self.decision != "BLOCK":
            raise ValueError(f"only a BLOCK asks for another seed: {self.decision!r}")

    @property
    def severity(self) -> int:
        """Return 0 for PASS, 1 for REVIEW, 2 for BLOCK."""
        return _SEVERITY[self.decision]


PASS = Verdict("PASS")


def combine_verdicts(findings: Iterable[Verdict]) -> Verdict:
    """Return the worst word with the reasons of all findings; PASS where there are none.

    Another seed is asked for only if it may help against every BLOCK among them.
    """
    findings = tuple(findings)
    top = max(findings, key=lambda finding: finding.severity, default=PASS)
    reasons = sorted({reason for finding in findings for reason in finding.reasons})
    again = top.decision == "BLOCK" and all(finding.retryable for finding in findings if finding.decision == "BLOCK")
    return Verdict(top.decision, tuple(reasons), again)
