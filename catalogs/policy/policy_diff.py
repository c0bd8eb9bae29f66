"""What another policy would change: how many pictures get which word now, and which they would get then.

Comes in: one picture after another, with both words and the reasons. Goes out: a matrix of counts, and for each flip
how many slots there are by reason, with a few SKUs to look at: always the same ones, whatever order the rows come in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from catalogs.verdict import Word

WORDS: tuple[Word, ...] = get_args(Word)
EXAMPLES = 5


@dataclass
class _Seen:
    slots: int = 0
    skus: list[str] = field(default_factory=list)

    def add(self, sku: str) -> None:
        self.slots += 1
        if sku not in self.skus and (len(self.skus) < EXAMPLES or sku < self.skus[-1]):
            self.skus = sorted([*self.skus, sku])[:EXAMPLES]


@dataclass
class Flips:
    """The flip matrix: now -> then -> slots."""

    matrix: dict[str, dict[str, int]] = field(default_factory=lambda: {now: dict.fromkeys(WORDS, 0) for now in WORDS})
    _seen: dict[tuple[str, str, str], _Seen] = field(default_factory=dict)

    def stay(self, word: Word, slots: int = 1) -> None:
        """Count slots whose word is the same under both."""
        self.matrix[word][word] += slots

    def add(self, now: Word, then: Word, sku: str, reasons: Iterable[str]) -> None:
        """Count one slot. `reasons` are those of the worse word: why it goes, or what is forgiven."""
        self.matrix[now][then] += 1
        if now != then:
            for reason in reasons:
                self._seen.setdefault((now, then, reason), _Seen()).add(sku)

    @property
    def slots(self) -> int:
        """Return how many slots were counted."""
        return sum(sum(row.values()) for row in self.matrix.values())

    def changes(self) -> list[dict[str, Any]]:
        """Return each flip by reason, the most frequent first. A slot stands under each of its reasons."""
        ordered = sorted(self._seen.items(), key=lambda item: (-item[1].slots, item[0]))
        return [
            {"now": now, "then": then, "reason": reason, "slots": seen.slots, "skus": seen.skus}
            for (now, then, reason), seen in ordered
        ]
