"""Exact Hamming-radius search over 256-bit fingerprints.

Inputs: fingerprints, 32 bytes per row. Outputs: for each query, the rows within a radius. The search is exhaustive: for
2,000,000 fingerprints it takes some 3 ms per query on one core and 64 MB. A gate that misses no duplicate is worth more
than the milliseconds that an approximate index would save.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Fingerprints = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Distances = npt.NDArray[np.int32]

FINGERPRINT_BYTES = 32

_NEAREST_FIRST = 32
_QUERIES_PER_SEARCH = 1024
_SMALL_SEARCH = 1_000_000
"""Comparisons that one thread does in some 2 ms; to wait for a second one took 32 ms on a busy host of two cores."""
_ROWS_PER_COMPARISON = 65_536


class HammingIndex:
    """An index in memory; rows are numbered from 0 in the order in which they are added.

    Equal fingerprints (placeholders, blank images) are searched once and share one result: 20,000 of them would give
    400,000,000 hits otherwise. The index is built at the first search after an addition.
    """

    def __init__(self) -> None:
        """Create an empty index."""
        self._added: list[Fingerprints] = []
        self._index: Any = None
        self._members: Rows = np.empty(0, np.int64)
        self._starts: Rows = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return sum(len(fingerprints) for fingerprints in self._added) + (
            len(self._members) if self._index is not None else 0
        )

    def add(self, fingerprints: Fingerprints) -> None:
        """Append rows: `fingerprints` is n x 32, uint8. Raises ValueError for another shape or type."""
        added = _validated(fingerprints).copy()
        if self._index is not None:
            self._added, self._index = [self._indexed_fingerprints()], None
        self._added.append(added)

    def range_search(self, fingerprints: Fingerprints, radius: int) -> Sequence[tuple[Rows, Distances]]:
        """Return for each query the rows at most `radius` bits (0 to 256) away, and their distances.

        `fingerprints` is n x 32, uint8. Hits are ordered by distance, then row; an indexed fingerprint finds itself.
        Equal queries get the same arrays, which must not be modified.
        """
        queries = _validated(fingerprints)
        if not 0 <= radius <= 8 * FINGERPRINT_BYTES:
            raise ValueError(f"A radius is 0 to {8 * FINGERPRINT_BYTES} bits; this is {radius!r}.")
        if not len(queries) or not len(self):
            no_hits = (np.empty(0, np.int64), np.empty(0, np.int32))
            return [no_hits] * len(queries)
        if self._index is None:
            self._build()
        order, starts = _group_equal(queries)
        distinct = queries[order[starts[:-1]]]
        results: list[tuple[Rows, Distances]] = []
        for first in range(0, len(distinct), _QUERIES_PER_SEARCH):
            results += self._search(distinct[first : first + _QUERIES_PER_SEARCH], radius)
        result_numbers = np.empty(len(queries), np.int64)
        result_numbers[order] = np.repeat(np.arange(len(distinct)), np.diff(starts))
        return [results[number] for number in result_numbers]

    def _build(self) -> None:
        import faiss

        fingerprints = self._take_all_rows()
        self._members, self._starts = _group_equal(fingerprints)
        fingerprints = fingerprints[self._members[self._starts[:-1]]]
        self._index = faiss.IndexBinaryFlat(8 * FINGERPRINT_BYTES)
        # In one call: growing in parts would take twice the memory.
        self._index.add(fingerprints)

    def _indexed_fingerprints(self) -> Fingerprints:
        """Return the rows that the index holds, in the order in which they were added."""
        import faiss

        distinct = faiss.vector_to_array(self._index.xb).reshape(-1, FINGERPRINT_BYTES)
        fingerprints = np.empty((len(self._members), FINGERPRINT_BYTES), np.uint8)
        fingerprints[self._members] = np.repeat(distinct, np.diff(self._starts), axis=0)
        return fingerprints

    def _take_all_rows(self) -> Fingerprints:
        """Return all rows; the parts are freed one by one, so that millions of rows are not held twice."""
        fingerprints = np.empty((len(self), FINGERPRINT_BYTES), np.uint8)
        end = len(fingerprints)
        while self._added:
            part = self._added.pop()
            fingerprints[end - len(part) : end] = part
            end -= len(part)
        return fingerprints

    def _search(self, distinct: Fingerprints, radius: int) -> list[tuple[Rows, Distances]]:
        import faiss

        # No other work runs while a batch is decided; faiss would count cores that this process may not use.
        is_small = len(distinct) * self._index.ntotal < _SMALL_SEARCH
        faiss.omp_set_num_threads(1 if is_small else len(os.sched_getaffinity(0)))
        nearest = min(_NEAREST_FIRST, self._index.ntotal)
        distances, groups = self._index.search(distinct, nearest)
        results = []
        for number in range(len(distinct)):
            inside = distances[number] <= radius
            near_groups, near_distances = groups[number][inside], distances[number][inside]
            if len(near_groups) == nearest < self._index.ntotal:
                # faiss returns distances below its radius, not equal to it.
                _, near_distances, near_groups = self._index.range_search(distinct[number : number + 1], radius + 1)
            results.append(self._expand_groups(near_groups, near_distances.astype(np.int32)))
        return results

    def _expand_groups(self, groups: Rows, group_distances: Distances) -> tuple[Rows, Distances]:
        members = [self._members[self._starts[group] : self._starts[group + 1]] for group in groups]
        if not members:
            return np.empty(0, np.int64), group_distances
        rows = np.concatenate(members)
        distances = np.repeat(group_distances, [len(rows_of_group) for rows_of_group in members])
        order = np.lexsort((rows, distances))
        return rows[order], distances[order]


def _validated(fingerprints: Fingerprints) -> Fingerprints:
    if fingerprints.dtype != np.uint8 or fingerprints.ndim != 2 or fingerprints.shape[1] != FINGERPRINT_BYTES:
        raise ValueError(
            f"Fingerprints are n x {FINGERPRINT_BYTES} of uint8, not {fingerprints.shape} of {fingerprints.dtype}."
        )
    return np.ascontiguousarray(fingerprints)


def _group_equal(fingerprints: Fingerprints) -> tuple[Rows, Rows]:
    """Return the row numbers with equal fingerprints side by side, and where each group starts (and the end)."""
    words = fingerprints.view(np.uint64)
    order = np.lexsort(words.T)
    new = np.empty(len(fingerprints) - 1, bool)
    for start in range(0, len(new), _ROWS_PER_COMPARISON):
        part = words[order[start : start + _ROWS_PER_COMPARISON + 1]]
        new[start : start + _ROWS_PER_COMPARISON] = np.any(part[1:] != part[:-1], axis=1)
    return order, np.concatenate([[0], np.flatnonzero(new) + 1, [len(fingerprints)]])
