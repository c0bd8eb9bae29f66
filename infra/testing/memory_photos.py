"""Photos in memory: a `PhotoResolver` that is told what each reference stands for.

Inputs: reference -> token, cutter -> version. Outputs: tokens. It records what it was asked for, and what was planned
of photos, call by call.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass
class MemoryPhotos:
    """Knows the photos that it is told; others are missing."""

    tokens: Mapping[str, str]
    cutters: Mapping[str, str] = field(default_factory=lambda: {"plain-ground": "1", "u2netp": "1"})
    asked: list[list[str]] = field(default_factory=list)
    """The references of each call."""
    needed: list[set[str]] = field(default_factory=list)
    """The photos that each batch's images are planned of."""
    sentences: Sequence[str] = ()
    """What it warns of."""

    def resolve(self, cells: pa.Array) -> pa.Array:
        """Return the token of each reference; empty for an empty one."""
        references = cells.to_pylist()
        self.asked.append(references)
        return pa.array([self.tokens.get(text, "!photo.missing") if text else "" for text in references], pa.string())

    def restore(self, photos: Collection[str]) -> None:
        """Note what is needed."""
        self.needed.append(set(photos))

    def warnings(self) -> list[str]:
        """Return what it was told to warn of."""
        return [*self.sentences]
