"""Photo problems: what could not be used, counted by reason, with a sentence for the first of each.

Inputs: reasons and sentences, one a reference. Outputs: warnings for a run's report, which name at most one reference
each, shown safely. What was kept by an earlier sha256 is counted apart: it changes nothing that is live.
"""

from dataclasses import dataclass, field

from catalogs.photos.photo_tokens import NOT_READ


@dataclass
class PhotoProblems:
    """The problems of one run; each reference is added once."""

    notes: list[str] = field(default_factory=list)
    kept_earlier: int = 0
    """Photos that could not be asked for, and stay what they were when they were read last."""
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
        if self.not_read:
            found.append(f"{self.not_read:,} × {NOT_READ}: a refresh reads these photos; a plan reads none")
        return found
