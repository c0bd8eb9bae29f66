"""Policy diff: the transition matrix of decisions from the policy in force to another one.

Inputs: slots, each with both decisions and the reasons. Outputs: a matrix of counts, and for each transition the number
of slots by reason with up to `MAX_EXAMPLE_SKUS` example SKUs. The examples are the alphabetically first ones, so they
do not depend on the order of the rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from catalogs.verdict import Decision

ALL_DECISIONS: tuple[Decision, ...] = get_args(Decision)
MAX_EXAMPLE_SKUS = 5


@dataclass
class _TransitionExamples:
    slots: int = 0
    skus: list[str] = field(default_factory=list)

    def add(self, sku: str) -> None:
        self.slots += 1
        if sku not in self.skus and (len(self.skus) < MAX_EXAMPLE_SKUS or sku < self.skus[-1]):
            self.skus = sorted([*self.skus, sku])[:MAX_EXAMPLE_SKUS]


@dataclass
class PolicyDiff:
    """The transition matrix: decision now -> decision then -> slots."""

    matrix: dict[str, dict[str, int]] = field(
        default_factory=lambda: {now: dict.fromkeys(ALL_DECISIONS, 0) for now in ALL_DECISIONS}
    )
    _examples: dict[tuple[str, str, str], _TransitionExamples] = field(default_factory=dict)

    def count_unchanged(self, decision: Decision, slots: int = 1) -> None:
        """Count slots whose decision is the same under both policies."""
        self.matrix[decision][decision] += slots

    def count_slot(self, now: Decision, then: Decision, sku: str, reasons: Iterable[str]) -> None:
        """Count one slot. `reasons` are those of the more severe decision of the two."""
        self.matrix[now][then] += 1
        if now != then:
            for reason in reasons:
                self._examples.setdefault((now, then, reason), _TransitionExamples()).add(sku)

    @property
    def slot_count(self) -> int:
        """Return how many slots were counted."""
        return sum(sum(row.values()) for row in self.matrix.values())

    def transitions(self) -> list[dict[str, Any]]:
        """Return each transition by reason, the most frequent first. A slot is counted under each of its reasons."""
        ordered = sorted(self._examples.items(), key=lambda item: (-item[1].slots, item[0]))
        return [
            {"now": now, "then": then, "reason": reason, "slots": examples.slots, "skus": examples.skus}
            for (now, then, reason), examples in ordered
        ]
