"""Batches of a source's rows: those that are read, and what stands between them.

Inputs: a reader's rows of one file. Outputs: the same with the rows' numbers over the whole source.
Invariant: each row of a file is exactly one of readable, damaged or empty, and takes one number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.sources.source_files import SourceFile

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FileBatch:
    """Consecutive rows of one file, in which some may be damaged and some wholly empty."""

    file: SourceFile
    rows: pa.RecordBatch
    """The readable rows, in order."""
    offsets: Offsets | None = None
    """The place of each readable row among all rows of the batch; None where these are the only ones."""
    damaged: Mapping[int, str] = field(default_factory=dict)
    """Place of a row that cannot be read -> why, with the row's number in its file."""
    empty: int = 0
    """Rows without any value."""

    @property
    def length(self) -> int:
        """Return the number of rows of the file that the batch is about."""
        return int(self.rows.num_rows) + len(self.damaged) + self.empty


@dataclass(frozen=True)
class DamagedRow:
    """A row that cannot be read: its number over the whole source, and why, with its number in its file."""

    number: int
    reason: str


@dataclass(frozen=True)
class SourceBatch:
    """Some consecutive rows of a source."""

    numbers: pa.Array
    """The numbers of the readable rows, from 1 over the whole source."""
    rows: pa.RecordBatch
    damaged: tuple[DamagedRow, ...] = ()
    empty: int = 0
    """Rows without any value, which are no rows of a catalogue."""


def number_rows(batch: FileBatch, first: int, rows: pa.RecordBatch) -> SourceBatch:
    """Return `rows`, the batch's readable rows in the wanted columns, with their numbers; `first` is of the first."""
    offsets = np.arange(rows.num_rows) if batch.offsets is None else batch.offsets
    damaged = tuple(DamagedRow(first + offset, reason) for offset, reason in sorted(batch.damaged.items()))
    return SourceBatch(pa.array(offsets + first, pa.int64()), rows, damaged, batch.empty)
