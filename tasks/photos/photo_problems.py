"""Photo problems: what could not be used, counted by reason, with a sentence for the first of each.

Inputs: reasons and sentences, one a reference. Outputs: warnings for a run's report, which name at most one reference
each, shown safely. What was kept by an earlier sha256 is counted apart: it changes nothing that is live. So is what the
store had lost: photos by their sha256, not references.
"""

from dataclasses import dataclass, field


@dataclass
class PhotoProblems:
    """The problems of one run; each reference is added once."""

    notes: list[str] = field(default_factory=list)
    kept_earlier: int = 0
    """Photos that could not be asked for, and stay what they were when they were read last."""
    restored: int = 0
    """Photos that the store had lost and that were fetched again."""
    lost: int = 0
    """Photos that the store has lost and that their references no longer give."""
    not_read: int = 0
    """Photos that a dry run knows nothing of yet."""
    _counts: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, sentence: str) -> None:
        """Count a reference that cannot be used; the first sentence of a reason is told."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._first.setdefault(reason, sentence)

    def warnings(self) -> list[str]:
        """Return what a report says."""
        found = list(dict.fromkeys(self.notes))
        for reason in sorted(self._counts):
            count = self._counts[reason]
            more = f" So are {count - 1:,} others." if count > 1 else ""
            found.append(f"{count:,} × {reason}: {self._first[reason]}{more}")
        if self.kept_earlier:
            found.append(
                f"{self.kept_earlier:,} photos could not be asked for, so what was read of them earlier is used;"
                " they are asked for again in the next run"
            )
        if self.restored:
            found.append(
                f"{self.restored:,} photos were gone from the store, or damaged there: they were fetched again"
            )
        if self.lost:
            found.append(
                f"{self.lost:,} × photo.lost: the store holds these photos no longer, and their places give another one"
                " or none; their images fail, and the next run takes what is there then"
            )
        if self.not_read:
            found.append(f"{self.not_read:,} photos are not read yet: a dry run fetches none, and a refresh does")
        return found
