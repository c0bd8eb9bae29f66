"""Current state of a catalogue for planning: the live manifest and the outcomes, in compact arrays.

Inputs: record batches of the manifest and outcomes tables. Outputs: `CurrentRelease` and `OutcomeIndex`, which find a
slot's row by its id. 2,000,000 live rows take about 160 MB, since no row is a Python object.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.indexes.dictionary_encoder import EncodedColumn, hex_texts
from catalogs.indexes.digest_index import (
    DIGEST_BYTES,
    DigestIndex,
    Uint64Array,
    column_halves,
    fixed_bytes,
    split_halves,
)
from catalogs.ingest.values.number_text import EXPONENT_HINT, name_in_full
from catalogs.slot_states import NOT_ASKED_FOR, REFUSED_BY_GATES, SlotState

LIVE_COLUMNS = (
    "slot_id", "sku", "source_digest", "request_key", "finish_digest", "file_sha", "model", "variant", "pixel_sha",
    "attempt", "stage",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "slot_id", "request_key", "state", "attempts", "source_digest", "finish_digest", "policy_digest", "decided_at",
    "image_key", "reasons", "tries", "retry_at", "collides_with", "run_id", "answer", "pixel_sha",
)  # fmt: skip


class CurrentRelease:
    """The rows of the current release."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        halves: list[list[npt.NDArray[np.uint64]]] = [[] for _ in range(6)]
        shas: list[npt.NDArray[np.uint8]] = []
        pixels: list[Uint64Array] = []
        attempts: list[npt.NDArray[np.int16]] = []
        finishes, models, stages = EncodedColumn(), EncodedColumn(), EncodedColumn()
        self.exponent_names: dict[str, str] = {}
        """SKU -> the exponent that it was read as, and under which it is live: usually none (see `number_text`)."""
        self.variants: set[str] = set()
        """The variants that any live row is of."""
        for batch in batches:
            if batch.num_rows == 0:
                continue
            self.variants.update(pc.unique(batch.column("variant")).to_pylist())
            for number, name in enumerate(("slot_id", "source_digest", "request_key")):
                high, low = column_halves(batch.column(name))
                halves[2 * number].append(high)
                halves[2 * number + 1].append(low)
            self.exponent_names.update(_exponent_names(batch.column("sku")))
            shas.append(fixed_bytes(batch.column("file_sha")).copy())
            pixels.append(column_halves(batch.column("pixel_sha").drop_null())[0])
            finishes.add(batch.column("finish_digest"))
            models.add(batch.column("model"))
            stages.add(hex_texts(batch.column("stage")))
            attempts.append(pc.fill_null(batch.column("attempt"), 0).to_numpy(zero_copy_only=False).astype(np.int16))
        joined = [np.concatenate(parts) if parts else np.empty(0, np.uint64) for parts in halves]
        self.index = DigestIndex(joined[0], joined[1])
        self.source_high, self.source_low, self.key_high, self.key_low = joined[2:]
        self._file_sha = np.concatenate(shas) if shas else np.empty((0, 32), np.uint8)
        self._pixels = np.sort(np.concatenate(pixels)) if pixels else np.empty(0, np.uint64)
        self._finish, self._finishes = finishes.positions(), finishes.names
        self.model_index, self.model_names = models.positions(), models.names
        """The manifest's names of the models, and each row's position among them."""
        self.stage_index, self.stage_names = stages.positions(), stages.names
        """The stages on which live products stand, in hex, and each row's position among them, -1 without one."""
        self.attempt = np.concatenate(attempts) if attempts else np.empty(0, np.int16)
        """Which attempt of its request each row shows."""
        self.requested = np.zeros(len(self.index), bool)
        self.renamed = np.zeros(len(self.index), bool)
        """Rows under an exponent whose right SKU the catalogue has."""

    def __len__(self) -> int:
        return len(self.index)

    def unrequested_mask(self, slot_ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Tell which of these live slots the catalogue has requested under no name.

        They are found by id, as tables keep no order.
        """
        positions = self.index.find(*column_halves(slot_ids))
        wanted = self.requested | self.renamed
        return (positions >= 0) & ~wanted[positions] if len(self) else np.zeros(len(slot_ids), bool)

    def requested_mask(self, slot_ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Tell which of these live slots the catalogue has requested under their own name."""
        return self.requested[self.index.find(*column_halves(slot_ids))]

    def file_sha(self, position: int) -> bytes:
        """Return the sha256 of the published file of a row."""
        return bytes(self._file_sha[position].tobytes())

    def has_pixels(self, pixel_sha: bytes) -> bool:
        """Tell whether any row shows these pixels, compared by the first 64 bits of their sha256."""
        wanted = np.frombuffer(pixel_sha[:8], dtype=">u8")[0].astype(np.uint64)
        position = int(np.searchsorted(self._pixels, wanted))
        return position < len(self._pixels) and bool(self._pixels[position] == wanted)

    def finish_digest(self, position: int) -> str:
        """Return the finish digest of a row."""
        return self._finishes[int(self._finish[position])]

    def has_request_key(self, position: int, request_key: bytes) -> bool:
        """Tell whether a row shows the image of this request, compared by the first 128 bits of the key."""
        high, low = np.frombuffer(request_key[:16], dtype=">u8")
        return bool(self.key_high[position] == high and self.key_low[position] == low)

    def positions_of_request(self, request_key: bytes) -> list[int]:
        """Return the rows that show an image of this request."""
        high, low = split_halves(request_key[:DIGEST_BYTES])
        return self._keys.find_all(int(high[0]), int(low[0]))

    def shows_request(self, request_key: bytes) -> bool:
        """Tell whether any row shows the image of this request."""
        return bool(self._keys.find(*split_halves(request_key[:DIGEST_BYTES]))[0] >= 0)

    @cached_property
    def _keys(self) -> DigestIndex:
        return DigestIndex(self.key_high, self.key_low)

    def same_source(
        self, positions: npt.NDArray[np.int64], high: Uint64Array, low: Uint64Array
    ) -> npt.NDArray[np.bool_]:
        """Tell, row by row, whether the source digest equals the one given; False where a position is -1."""
        is_live = positions >= 0
        same = np.zeros(len(positions), bool)
        rows = positions[is_live]
        same[is_live] = (self.source_high[rows] == high[is_live]) & (self.source_low[rows] == low[is_live])
        return same


def _exponent_names(skus: pa.Array) -> Iterator[tuple[str, str]]:
    """Yield (name in full, name) of the SKUs that were read as exponents."""
    for name in skus.filter(pc.match_substring_regex(skus, EXPONENT_HINT)).unique().to_pylist():
        full = name_in_full(name)
        if full is not None:
            yield full, name


@dataclass(frozen=True)
class Outcome:
    """One outcome: the reason why a request is not published for a slot."""

    request_key: bytes
    state: str
    attempts: int
    source_digest: bytes
    finish_digest: str
    policy_digest: str
    image_key: bytes | None
    reasons: list[str] | None
    tries: int | None
    retry_at: datetime | None
    collides_with: bytes | None
    decided_at: datetime
    run_id: str | None = None
    """The run that decided it last."""
    answer: str | None = None
    """Token of the answer that it was decided with."""
    pixel_sha: bytes | None = None
    """Of the image of `image_key`, in this finish; older versions did not keep it."""


class OutcomeIndex:
    """The outcomes by slot, and the attempts spent by request key."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        filled, ending = [], []
        for batch in batches:
            # Deferred slots are planned as if they had no outcome, and may be most of a first run.
            relevant = batch.filter(pc.not_equal(batch.column("state"), SlotState.DEFERRED))
            if relevant.num_rows:
                filled.append(relevant)
            not_withdrawn = batch.filter(pc.not_equal(batch.column("state"), SlotState.WITHDRAWN))
            ending.append(column_halves(not_withdrawn.column("slot_id")))
        self._table = pa.Table.from_batches(filled) if filled else None
        slots = [column_halves(batch.column("slot_id")) for batch in filled]
        keys = [column_halves(batch.column("request_key")) for batch in filled]
        self._slots = DigestIndex(*_concatenate_halves(slots))
        self._keys = DigestIndex(*_concatenate_halves(keys))
        self._ending_slots = DigestIndex(*_concatenate_halves(ending))
        self._requested = np.zeros(len(self._ending_slots), bool)

    def __len__(self) -> int:
        return len(self._slots)

    def mark_requested(self, high: Uint64Array, low: Uint64Array) -> None:
        """Record that the catalogue requests these slots, so that their outcomes stay."""
        if len(self._ending_slots):
            positions = self._ending_slots.find(high, low)
            self._requested[positions[positions >= 0]] = True

    def unrequested_slots(self, live: CurrentRelease) -> list[bytes]:
        """Return the slots with an outcome that the catalogue has not requested, each once.

        Withdrawn outcomes are left out: they never end. A slot that is unchanged is marked in `live` alone.
        """
        index = self._ending_slots
        if not len(index):
            return []
        high, low = np.unique(np.stack([index.high, index.low]), axis=1)
        positions = live.index.find(high, low)
        is_requested = self._requested[index.find(high, low)]
        if len(live):
            is_requested |= (positions >= 0) & live.requested[positions]
        gone = ~is_requested
        return [slot.tobytes() for slot in np.stack([high[gone], low[gone]], axis=1).astype(">u8")]

    def differing_requests(self, live: CurrentRelease) -> npt.NDArray[np.bool_]:
        """Tell of which live rows the slot waits, or is blocked, with another request than the one that it shows.

        What is known to be asked for no more does not count.
        """
        differing = np.zeros(len(live), bool)
        if self._table is None or not len(live):
            return differing
        refused = pc.is_in(self._table["state"], pa.array(REFUSED_BY_GATES, pa.string()))
        is_asked = pc.not_equal(self._table["source_digest"], NOT_ASKED_FOR)
        rows = self._table.filter(pc.and_(refused, is_asked))
        slots, keys = (column_halves(rows[name].combine_chunks()) for name in ("slot_id", "request_key"))
        positions = live.index.find(*slots)
        shown = (live.key_high[positions] == keys[0]) & (live.key_low[positions] == keys[1])
        differing[positions[(positions >= 0) & ~shown]] = True
        return differing

    def has_outcome(self, high: Uint64Array, low: Uint64Array) -> npt.NDArray[np.bool_]:
        """Tell, slot by slot, whether the slot has any outcome."""
        return self._slots.find(high, low) >= 0

    def slot_outcomes(self, slot_id: bytes) -> Iterator[Outcome]:
        """Yield the outcomes of one slot."""
        return self._rows(self._slots, slot_id)

    def has_request(self, request_key: bytes) -> bool:
        """Tell whether any slot has an outcome of this request."""
        return bool(self._keys.find(*split_halves(request_key[:DIGEST_BYTES]))[0] >= 0)

    def attempts_failed(self, request_key: bytes) -> tuple[int, int]:
        """Return how many attempts at a request failed, the highest over its slots, and how many of them by our fault.

        An attempt that failed by our fault is not taken from those that the gates may refuse.
        """
        failed = (outcome for outcome in self._rows(self._keys, request_key) if outcome.state == SlotState.FAILED)
        return max(((outcome.attempts, outcome.tries or 0) for outcome in failed), default=(0, 0))

    def _rows(self, index: DigestIndex, digest: bytes) -> Iterator[Outcome]:
        high, low = (int(half) for half in np.frombuffer(digest[:16], dtype=">u8"))
        for position in index.find_all(high, low):
            assert self._table is not None  # noqa: S101 - an index with rows has a table
            row = self._table.slice(position, 1).to_pylist()[0]
            yield Outcome(**{name: row[name] for name in Outcome.__dataclass_fields__})


def _concatenate_halves(halves: Sequence[tuple[Uint64Array, Uint64Array]]) -> tuple[Uint64Array, Uint64Array]:
    empty = np.empty(0, np.uint64)
    if not halves:
        return empty, empty
    return np.concatenate([high for high, _ in halves]), np.concatenate([low for _, low in halves])
