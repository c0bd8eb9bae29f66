"""Row warnings: what is doubtful in a source's rows, counted by its kind, with the first three values that show it.

Inputs: findings, batch by batch. Outputs: a sentence for each kind, in the order of their first rows.

Values are written as Python literals of at most 40 characters, so that hostile text stays visible and short.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_EXAMPLES = 3
MAX_EXAMPLE_CHARACTERS = 40


@dataclass
class _Finding:
    count: int = 0
    examples: list[tuple[str, int]] = field(default_factory=list)


class RowWarnings:
    """Counts findings by their reason."""

    def __init__(self) -> None:
        self._findings: dict[str, _Finding] = {}

    def add(self, reason: str, values_and_rows: Iterable[tuple[str, int]]) -> None:
        """Add rows to a reason: the value that each has, and the row's number."""
        finding = self._findings.setdefault(reason, _Finding())
        for value, row in values_and_rows:
            finding.count += 1
            if len(finding.examples) < MAX_EXAMPLES and value not in (known for known, _ in finding.examples):
                finding.examples.append((value, row))

    def sentences(self) -> list[str]:
        """Return each reason with its count, and the first values with their rows."""
        return list(self.sentences_by_reason().values())

    def sentences_by_reason(self) -> dict[str, str]:
        """Return the same, by reason."""
        return {
            reason: f"{finding.count} × {reason}{_examples_text(finding.examples)}"
            for reason, finding in sorted(self._findings.items(), key=_first_row_and_reason)
            if finding.count
        }


def _first_row_and_reason(item: tuple[str, _Finding]) -> tuple[int, str]:
    reason, finding = item
    return (finding.examples[0][1] if finding.examples else 0), reason


def _examples_text(examples: list[tuple[str, int]]) -> str:
    return ": " + ", ".join(f"{value[:MAX_EXAMPLE_CHARACTERS]!r} in row {row}" for value, row in examples)
