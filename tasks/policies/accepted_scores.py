"""Accepted scores: the scores of accepted images, from which thresholds are calibrated.

Inputs: a store and a catalogue (its live images), or a folder of images that people accepted. Outputs: an
`AcceptedScores` with the scores, their categories and what was skipped. Live images have passed the present thresholds,
so they can only suggest tighter ones; a folder of accepted images can suggest looser ones too. A quantile does not need
more than `MAX_IMAGES` images, so an even sample of a large catalogue is read.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.photos.kept_judgement import is_on_scene
from catalogs.policy.threshold_calibration import AcceptedScoreTable
from catalogs.table_schemas import RECORDS, SLOTS
from infra.interfaces import ObjectStore, TableStore
from infra.screening.folders import IMAGE_SUFFIXES, list_images, list_unread_images, measure_folder
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.runs.release_history import require_history

MAX_IMAGES = 100_000

AttemptId = tuple[bytes, str, int]
"""Request key, finish digest and attempt: one image, however many slots show it."""


@dataclass
class AcceptedScores:
    """Scores of accepted images by column, and what was skipped: pairs of a name and a reason."""

    categories: list[str] = field(default_factory=list)
    columns: dict[str, "array[float]"] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    not_of_scenes: frozenset[str] = frozenset()
    """The scores that say nothing of a product on a stage (`Policy.not_of_scenes`)."""

    def add(self, category: str, scores: Mapping[str, float]) -> None:
        """Add one image; a score that it does not have is NaN, and so is one that says nothing on a stage."""
        if is_on_scene(scores):
            scores = {name: value for name, value in scores.items() if name not in self.not_of_scenes}
        for name in scores:
            if name not in self.columns:
                self.columns[name] = array("d", [np.nan]) * len(self.categories)
        for name, column in self.columns.items():
            column.append(scores.get(name, np.nan))
        self.categories.append(category)

    @property
    def table(self) -> AcceptedScoreTable:
        """Return the images as `catalogs.policy.threshold_calibration` takes them."""
        return AcceptedScoreTable(self.categories, {name: np.array(column) for name, column in self.columns.items()})


def read_published_scores(
    store: ObjectStore, tables: TableStore, catalogue: str, not_of_scenes: frozenset[str]
) -> AcceptedScores:
    """Read the stored scores of a catalogue's live images; of those on a stage, all but `not_of_scenes`.

    Raises `OptionError` for an unknown catalogue.
    """
    version = require_history(tables, catalogue, store)[0].version
    accepted = AcceptedScores(not_of_scenes=not_of_scenes)
    for run_id, attempt_of_slot in sorted(_sample_published_attempts(tables, catalogue, version).items()):
        attempts = set(attempt_of_slot.values())
        scores = dict(_read_attempt_scores(store, run_id, attempts))
        slots = read_table(store, layout.RunFiles(run_id).slots, SLOTS)
        categories = dict(zip(slots["slot_id"].to_pylist(), slots["category"].to_pylist(), strict=True))
        pairs = {(key, categories.get(slot) or "") for slot, key in attempt_of_slot.items() if key in scores}
        for key, category in sorted(pairs):
            accepted.add(category, scores[key])
        missing = len(attempts - scores.keys())
        if missing:
            accepted.skipped.append((f"run {run_id}", f"the scores of {missing:,} images are no longer kept"))
    return accepted


def measure_folder_scores(folder: Path) -> AcceptedScores:
    """Measure every JPEG and PNG below a folder; the first folder below it is the category.

    A file that is no image is skipped and named. Raises `OptionError` where there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise OptionError(f"--from-folder: there is no folder {str(folder)!r}")
    paths = list_images(folder)
    if not paths:
        raise OptionError(f"--from-folder: {str(folder)!r} holds no image ({', '.join(IMAGE_SUFFIXES)})")
    accepted = AcceptedScores()
    for path, scores in measure_folder(folder, paths[:MAX_IMAGES]):
        if isinstance(scores, str):  # why the file could not be measured
            accepted.skipped.append((str(path), scores))
        else:
            accepted.add(path.parts[0] if len(path.parts) > 1 else "", scores)
    for path in list_unread_images(folder):
        accepted.skipped.append((str(path), f"{path.suffix} is not read; save it as JPEG or PNG"))
    if len(paths) > MAX_IMAGES:
        accepted.skipped.append((str(folder), f"{len(paths) - MAX_IMAGES:,} images beyond the first {MAX_IMAGES:,}"))
    return accepted


def _sample_published_attempts(tables: TableStore, catalogue: str, version: int) -> dict[str, dict[bytes, AttemptId]]:
    """Return run id -> slot id -> attempt, for an even sample of the slots."""
    columns = ("slot_id", "run_id", "request_key", "finish_digest", "attempt")
    table = layout.manifest_table(catalogue)
    total = sum(batch.num_rows for batch in tables.batches(table, ("slot_id",), version=version))
    limit = (1 << 64) * min(1.0, MAX_IMAGES / max(total, 1))  # slot ids are digests: their first bytes are uniform
    attempts: dict[str, dict[bytes, AttemptId]] = {}
    for batch in tables.batches(table, columns, version=version):
        for slot, run_id, *key in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
            if int.from_bytes(slot[:8], "big") < limit:
                attempts.setdefault(run_id, {})[slot] = (key[0], key[1], key[2])
    return attempts


def _read_attempt_scores(
    store: ObjectStore, run_id: str, attempts: set[AttemptId]
) -> Iterator[tuple[AttemptId, dict[str, float]]]:
    names = ("request_key", "finish_digest", "attempt", "scores")
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix):
        rows: Iterable[tuple[bytes, str, int, str]] = zip(
            *(record[name].cast(RECORDS.field(name).type).to_pylist() for name in names), strict=True
        )
        for key, finish, attempt, text in rows:
            if (key, finish, attempt) in attempts and (scores := json.loads(text or "{}")):
                yield (key, finish, attempt), scores
