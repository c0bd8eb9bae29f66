"""The seam between what Packshot decides and what it touches.

Comes in: keys (slash-separated text, relative to a store), bytes, Arrow tables, prompts. Goes out: the same,
and pixels.
Every protocol here has a real adapter and a shipped fake; one contract test is asked of both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, RGB, 8 bits a channel."""


# Objects


@dataclass(frozen=True)
class ObjectInfo:
    """One object in a listing: its key, its size in bytes, when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime


class ObjectStore(Protocol):
    """Bytes under keys. A write is whole or not there at all. Safe to call from several threads."""

    url: str
    max_concurrency: int
    """How many operations are worth having under way at once: one on a disk, many where each waits for a network."""

    def read(self, key: str) -> bytes:
        """Return the object's bytes, or raise `ObjectMissing`."""

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None, by one look.

        For what mostly is not there, and is made again where it is not seen: a bucket may be a moment behind its own
        writes, so `read` and `exists` look twice before they say so, which takes time.
        """

    def write(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> None:
        """Store `data`, replacing what was there. The two headers are kept where the store serves over HTTP."""

    def write_once(
        self, key: str, data: bytes, *, content_type: str | None = None, cache_control: str | None = None
    ) -> bool:
        """Store `data` only if nothing is there; True if this call made the object. First write wins."""

    def exists(self, key: str) -> bool:
        """Tell whether there is an object under `key`."""

    def size(self, key: str) -> int:
        """Return the object's size in bytes, or raise `ObjectMissing`."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, at any depth, in key order within a folder."""

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects (missing ones are fine) and return how many keys were given."""

    def open_input(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """Open an object for seeking reads (Parquet), or raise `ObjectMissing`."""

    def open_output(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """Open an object for streamed writing: it appears whole on a clean exit, and never on an exception."""

    def remove_leftovers(self, older_than: datetime) -> int:
        """Delete what killed writers left half done (no listing shows it) before `older_than`; return how many."""


# Tables


@dataclass(frozen=True)
class Commit:
    """One version of a table, the metadata committed with it, and how many rows it changed (None: the log has none)."""

    version: int
    timestamp: datetime
    metadata: Mapping[str, str]
    rows: int | None = None

    @property
    def run_id(self) -> str:
        """Return the run that made the commit; empty for a commit by another tool.

        `commit_once` writes `token`, and its callers write the same value as `run_id` for readers outside Packshot.
        """
        return self.metadata.get("token") or self.metadata.get("run_id", "")


class TableStore(Protocol):
    """Versioned tables under names such as `manifest/shoes`, each changed by one atomic commit at a time."""

    url: str

    def ensure(self, table: str, schema: pa.Schema) -> None:
        """Make the table (version 0, empty, change data feed on) unless it is there."""

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where the table has not been made."""

    def read(self, table: str, columns: Sequence[str] | None = None, *, version: int | None = None) -> pa.Table:
        """Return the rows of one version (the newest by default); an empty table's schema is kept."""

    def batches(self, table: str, columns: Sequence[str], *, version: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one version in bounded memory."""

    def merge(
        self,
        table: str,
        changes: "pa.Table | pa.RecordBatchReader",
        *,
        on: Sequence[str],
        base_version: int,
        metadata: Mapping[str, str],
    ) -> int:
        """Commit `changes` as exactly the version after `base_version` and return that version.

        `changes` has the table's columns and one more, `_op`: "put" (insert, or replace the row with the same
        `on` values) or "drop" (delete it). Raises `CommitConflict` when another commit has taken the place: nothing is
        written then, and the caller compares its rows again. Raises `ValueError` for empty changes.
        """

    def changes(self, table: str, version: int) -> pa.Table:
        """Return what one version changed: the table's columns and `_change_type` (insert, delete, update_…)."""

    def history(self, table: str, limit: int | None = None) -> Sequence[Commit]:
        """Return the live history, newest first (at most `limit`); an empty sequence where there is no table."""

    def vacuum(self, table: str, *, keep_hours: int, keep_versions: Sequence[int] = (), dry_run: bool = False) -> int:
        """Delete data files that neither `keep_versions` nor a version younger than `keep_hours` needs.

        Returns how many; a dry run only counts them.
        """


# Engines


@dataclass(frozen=True)
class Prompt:
    """One image to make. `key` is the caller's name for it and reaches no pixel."""

    key: str
    text: str
    seed: int
    width: int
    height: int
    steps: int = 8
    guidance: float = 0.0
    negative: str = ""


@dataclass(frozen=True)
class Frame:
    """A made image: it owns its pixels (plain uint8, height x width x 3, RGB). `seconds` is engine time."""

    key: str
    pixels: Pixels
    seconds: float


@dataclass(frozen=True)
class Failure:
    """A prompt that could not be made, or an image that could not be measured, and why. The others are unharmed.

    `at` is the scanner that was at work, where it is known.
    """

    key: str
    reason: str
    seconds: float = 0.0
    scanner: str = ""


class Engine(Protocol):
    """Makes images. It owns one thread for its life; `generate` may be called from several threads at once."""

    name: str

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield one Frame or Failure a prompt, in any order, reading ahead within a bounded window."""

    def busy_seconds(self) -> float:
        """Return the seconds spent inside the model since the engine was opened."""

    def close(self) -> None:
        """End the thread and free the device. Calling it twice is fine."""


S = TypeVar("S")
R = TypeVar("R")


class Pool(Protocol):
    """Runs work beside an engine: `work(engine, shard)` generates, encodes, stages and returns keys."""

    def submit(self, work: "Callable[[Engine, S], R]", shard: S) -> "Future[R]":
        """Start `work` beside an engine as soon as one has room."""

    def busy_seconds(self) -> float:
        """Return the engine seconds of all engines since the pool was opened."""

    def close(self) -> None:
        """End all engines; work that has not started is cancelled."""


# Screening


@dataclass(frozen=True)
class ScreeningRequest:
    """One staged image to finish and to measure, in a process of its own: only keys and plain values travel.

    `finish` is the finish's parameters (see `infra.imaging.finishing`); `deadline_seconds` is how long the measuring
    may take before its process is killed. Where the finish names a watermark, `watermark` says whose code it is
    (module:factory).
    """

    key: str
    store_url: str
    raw_key: str
    finished_key: str
    scores_key: str
    finish: Mapping[str, object]
    scanners: Sequence[str]
    deadline_seconds: float = 60.0
    watermark: str | None = None
    scanner_settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By scanner, for those that have settings."""


@dataclass(frozen=True)
class Screened:
    """What was measured on one image. Scores are raw numbers; deciding is somebody else's work.

    `finished_sha` names the finished picture's pixels, `file_sha` its file's bytes; both in hex. `crop` and `looks` are
    those of `infra.imaging.metrics.appearance`; empty where there is no product to be seen, or none was looked for.
    `mark` is the source type that the file says of itself, "" where it says none.
    """

    key: str
    finished_sha: str
    file_sha: str
    file_bytes: int
    width: int
    height: int
    scores: Mapping[str, float]
    fingerprint: bytes
    fingerprint_quality: float
    crop: bytes = b""
    looks: Sequence[float] = ()
    scanners: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    mark: str | None = None
    details: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)
    """By scanner, what its numbers stand for: boxes, lines of text. For people; nothing decides by it."""


class Screener(Protocol):
    """Measures images in processes of its own, with a kill after a timeout an image."""

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        """Yield one answer an order, in any order. A killed or crashed measuring is a Failure, never an exception."""

    def close(self) -> None:
        """End the processes; whoever waits for answers gets `ExternalError`: it says nothing of the pictures."""


# Marks


class Watermark(Protocol):
    """Hides a few bytes in a picture, where neither a person nor a re-encoding at the finish's quality loses them."""

    name: str
    """With its version: it is part of the finish's digest, so another name finishes every picture anew."""

    def embed(self, pixels: Pixels, payload: bytes) -> Pixels:
        """Return a copy of the pixels that holds the payload (8 bytes), the same for the same input."""

    def extract(self, pixels: Pixels) -> bytes | None:
        """Return the payload that the pixels hold, or None."""
