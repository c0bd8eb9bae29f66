"""Gather what was measured of accepted pictures: those that a catalogue shows, or those in a folder.

Comes in: a store and a catalogue, or a folder. Goes out: a `Gathered`: the scores with their categories, and what had
to be left out. What is shown has passed the present thresholds, so it can only suggest tighter ones; a folder of
pictures that people accepted can suggest looser ones too. More than `MOST` pictures are not needed for a quantile, so
of a large catalogue an even sample is read.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from catalogs import layout
from catalogs.calibration import Accepted
from catalogs.errors import OptionError
from catalogs.schemas import RECORDS, SLOTS
from infra.codecs import decode
from infra.errors import BadImage
from infra.interfaces import ObjectStore, TableStore
from infra.parquet import read_records, read_table
from infra.pixel.background import measure_background
from infra.pixel.metrics import measure_pixels
from tasks.releases import required_history

MOST = 100_000
FILE_BYTES = 100_000_000
KINDS = (".jpg", ".jpeg", ".png")

Name = tuple[bytes, str, int]
"""Request key, finish digest and attempt: one picture, however many slots show it."""


@dataclass
class Gathered:
    """Scores of accepted pictures, column by column, and what could not be used: a name each, with its reason."""

    categories: list[str] = field(default_factory=list)
    columns: dict[str, "array[float]"] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def add(self, category: str, scores: Mapping[str, float]) -> None:
        """Add one picture."""
        for name in scores:
            if name not in self.columns:
                self.columns[name] = array("d", [np.nan]) * len(self.categories)
        for name, column in self.columns.items():
            column.append(scores.get(name, np.nan))
        self.categories.append(category)

    @property
    def accepted(self) -> Accepted:
        """Return the pictures as a calibration takes them."""
        return Accepted(self.categories, {name: np.array(column) for name, column in self.columns.items()})


def gather_published(store: ObjectStore, tables: TableStore, catalogue: str) -> Gathered:
    """Read the stored scores of what a catalogue's current release shows. Raises `OptionError` for an unknown one."""
    version = required_history(tables, catalogue, store)[0].version
    gathered = Gathered()
    for run_id, wanted in sorted(_shown(tables, catalogue, version).items()):
        found = dict(_measured(store, run_id, set(wanted.values())))
        slots = read_table(store, layout.run_file(run_id, "slots.parquet"), SLOTS)
        categories = dict(zip(slots["slot_id"].to_pylist(), slots["category"].to_pylist(), strict=True))
        pairs = {(name, categories.get(slot) or "") for slot, name in wanted.items() if name in found}
        for name, category in sorted(pairs):
            gathered.add(category, found[name])
        lost = len(set(wanted.values()) - found.keys())
        if lost:
            gathered.left_out.append((f"run {run_id}", f"the scores of {lost:,} pictures are no longer kept"))
    return gathered


def gather_folder(folder: Path) -> Gathered:
    """Measure every JPEG and PNG below a folder; the first folder below it is the category.

    What is no picture is left out and named. Raises `OptionError` where there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise OptionError(f"--from-folder: there is no folder {str(folder)!r}")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS and path.is_file())
    if not files:
        raise OptionError(f"--from-folder: {str(folder)!r} holds no picture ({', '.join(KINDS)})")
    gathered = Gathered()
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "calibrate") as threads:
        for path, answer in zip(files, threads.map(_measure, files[:MOST]), strict=False):
            inside = path.relative_to(folder)
            if isinstance(answer, str):
                gathered.left_out.append((str(inside), answer))
            else:
                gathered.add(inside.parts[0] if len(inside.parts) > 1 else "", answer)
    if len(files) > MOST:
        gathered.left_out.append((str(folder), f"{len(files) - MOST:,} pictures beyond the first {MOST:,}"))
    return gathered


def _measure(path: Path) -> dict[str, float] | str:
    try:
        if path.stat().st_size > FILE_BYTES:
            return f"it is larger than {FILE_BYTES:,} bytes"
        pixels = decode(path.read_bytes())
    except (OSError, BadImage) as error:
        return str(error)
    return {**measure_pixels(pixels), **measure_background(pixels)}


def _shown(tables: TableStore, catalogue: str, version: int) -> dict[str, dict[bytes, Name]]:
    """Return run -> slot -> picture, of an even sample of the slots."""
    columns = ("slot_id", "run_id", "request_key", "finish_digest", "attempt")
    table = layout.manifest(catalogue)
    total = sum(batch.num_rows for batch in tables.batches(table, ("slot_id",), version=version))
    most = (1 << 64) * min(1.0, MOST / max(total, 1))  # slot ids are digests: their heads are spread evenly
    found: dict[str, dict[bytes, Name]] = {}
    for batch in tables.batches(table, columns, version=version):
        for slot, run_id, *name in zip(*(batch.column(each).to_pylist() for each in columns), strict=True):
            if int.from_bytes(slot[:8], "big") < most:
                found.setdefault(run_id, {})[slot] = (name[0], name[1], name[2])
    return found


def _measured(store: ObjectStore, run_id: str, wanted: set[Name]) -> Iterator[tuple[Name, dict[str, float]]]:
    names = ("request_key", "finish_digest", "attempt", "scores")
    for record in read_records(store, layout.run_records(run_id)):
        rows: Iterable[tuple[bytes, str, int, str]] = zip(
            *(record[name].cast(RECORDS.field(name).type).to_pylist() for name in names), strict=True
        )
        for key, finish, attempt, scores in rows:
            if (key, finish, attempt) in wanted and (known := json.loads(scores or "{}")):
                yield (key, finish, attempt), known
