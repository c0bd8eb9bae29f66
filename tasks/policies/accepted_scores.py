"""Gather what was measured of accepted pictures: those that a catalogue shows, or those in a folder.

Comes in: a store and a catalogue, or a folder. Goes out: a `AcceptedScores`: the scores with their categories, and what
had to be left out. What is shown has passed the present thresholds, so it can only suggest tighter ones; a folder of
pictures that people accepted can suggest looser ones too. More than `MOST` pictures are not needed for a quantile, so
of a large catalogue an even sample is read.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.threshold_calibration import AcceptedScoreTable
from catalogs.table_schemas import RECORDS, SLOTS
from infra.interfaces import ObjectStore, TableStore
from infra.screening.folders import IMAGE_SUFFIXES, list_images, measure_folder
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.runs.release_history import require_history

MAX_IMAGES = 100_000

AttemptId = tuple[bytes, str, int]
"""Request key, finish digest and attempt: one picture, however many slots show it."""


@dataclass
class AcceptedScores:
    """Scores of accepted pictures, column by column, and what could not be used: a name each, with its reason."""

    categories: list[str] = field(default_factory=list)
    columns: dict[str, "array[float]"] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def add(self, category: str, scores: Mapping[str, float]) -> None:
        """Add one picture."""
        for name in scores:
            if name not in self.columns:
                self.columns[name] = array("d", [np.nan]) * len(self.categories)
        for name, column in self.columns.items():
            column.append(scores.get(name, np.nan))
        self.categories.append(category)

    @property
    def table(self) -> AcceptedScoreTable:
        """Return the pictures as a calibration takes them."""
        return AcceptedScoreTable(self.categories, {name: np.array(column) for name, column in self.columns.items()})


def read_published_scores(store: ObjectStore, tables: TableStore, catalogue: str) -> AcceptedScores:
    """Read the stored scores of what a catalogue's current release shows. Raises `OptionError` for an unknown one."""
    version = require_history(tables, catalogue, store)[0].version
    gathered = AcceptedScores()
    for run_id, wanted in sorted(_sample_published_attempts(tables, catalogue, version).items()):
        found = dict(_read_attempt_scores(store, run_id, set(wanted.values())))
        slots = read_table(store, layout.RunFiles(run_id).slots, SLOTS)
        categories = dict(zip(slots["slot_id"].to_pylist(), slots["category"].to_pylist(), strict=True))
        pairs = {(name, categories.get(slot) or "") for slot, name in wanted.items() if name in found}
        for name, category in sorted(pairs):
            gathered.add(category, found[name])
        lost = len(set(wanted.values()) - found.keys())
        if lost:
            gathered.skipped.append((f"run {run_id}", f"the scores of {lost:,} pictures are no longer kept"))
    return gathered


def measure_folder_scores(folder: Path) -> AcceptedScores:
    """Measure every JPEG and PNG below a folder; the first folder below it is the category.

    What is no picture is left out and named. Raises `OptionError` where there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise OptionError(f"--from-folder: there is no folder {str(folder)!r}")
    pictures = list_images(folder)
    if not pictures:
        raise OptionError(f"--from-folder: {str(folder)!r} holds no picture ({', '.join(IMAGE_SUFFIXES)})")
    gathered = AcceptedScores()
    for path, answer in measure_folder(folder, pictures[:MAX_IMAGES]):
        if isinstance(answer, str):
            gathered.skipped.append((str(path), answer))
        else:
            gathered.add(path.parts[0] if len(path.parts) > 1 else "", answer)
    if len(pictures) > MAX_IMAGES:
        gathered.skipped.append(
            (str(folder), f"{len(pictures) - MAX_IMAGES:,} pictures beyond the first {MAX_IMAGES:,}")
        )
    return gathered


def _sample_published_attempts(tables: TableStore, catalogue: str, version: int) -> dict[str, dict[bytes, AttemptId]]:
    """Return run -> slot -> picture, of an even sample of the slots."""
    columns = ("slot_id", "run_id", "request_key", "finish_digest", "attempt")
    table = layout.manifest_table(catalogue)
    total = sum(batch.num_rows for batch in tables.batches(table, ("slot_id",), version=version))
    most = (1 << 64) * min(1.0, MAX_IMAGES / max(total, 1))  # slot ids are digests: their heads are spread evenly
    found: dict[str, dict[bytes, AttemptId]] = {}
    for batch in tables.batches(table, columns, version=version):
        for slot, run_id, *name in zip(*(batch.column(each).to_pylist() for each in columns), strict=True):
            if int.from_bytes(slot[:8], "big") < most:
                found.setdefault(run_id, {})[slot] = (name[0], name[1], name[2])
    return found


def _read_attempt_scores(
    store: ObjectStore, run_id: str, attempts: set[AttemptId]
) -> Iterator[tuple[AttemptId, dict[str, float]]]:
    names = ("request_key", "finish_digest", "attempt", "scores")
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix):
        rows: Iterable[tuple[bytes, str, int, str]] = zip(
            *(record[name].cast(RECORDS.field(name).type).to_pylist() for name in names), strict=True
        )
        for key, finish, attempt, scores in rows:
            if (key, finish, attempt) in attempts and (known := json.loads(scores or "{}")):
                yield (key, finish, attempt), known
