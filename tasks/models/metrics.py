"""Model metrics: what each model version generated in a run, how much passed, and the sums for a promotion.

Inputs: a run's records and its batch. Outputs: a row for each model for the report, and a `VersionSample` for each
version of a registered model. Samples are stored beside the registry, because runs' tables are swept after some time.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.models.comparison import VersionSample
from catalogs.slot_states import JUDGED_STATES, SlotState
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json, write_json
from infra.stores.stored_documents import reading

REQUEST_COLUMNS = ["request_key", "finish_digest"]
RECORD_COLUMNS = [*REQUEST_COLUMNS, "made", "engine_seconds", "backend"]
"""The columns of a record that the metrics use."""
_MODEL_COLUMNS = ["model", "model_version", "precision"]


class ModelMetrics:
    """Collects a run's records and sums them by model. Memory: about 150 bytes for each attempt."""

    def __init__(self) -> None:
        self._records: list[pa.Table] = []

    def add_record(self, record: pa.Table) -> None:
        """Add a shard's record."""
        self._records.append(record.select(RECORD_COLUMNS))

    def build_rows(self, decisions: pa.Table) -> list[dict[str, Any]]:
        """Return a row for each model of a batch: images, attempts, pass rate, GPU-seconds, backends and its sample."""
        requests = self._aggregate_requests(decisions)
        rows = []
        for model in (
            requests.select(_MODEL_COLUMNS).group_by(_MODEL_COLUMNS, use_threads=False).aggregate([]).to_pylist()
        ):
            of_model = requests
            for name, value in model.items():
                column = of_model[name]
                of_model = of_model.filter(pc.is_null(column) if value is None else pc.equal(column, value))
            rows.append(_build_row(model, of_model))
        return sorted(rows, key=lambda row: (row["version"] or "", row["model"]))

    def _aggregate_requests(self, decisions: pa.Table) -> pa.Table:
        """Return a row for each request with an attempt in this run: its model, its final states and its sums."""
        if not self._records:
            return pa.table({name: pa.array([], pa.string()) for name in _MODEL_COLUMNS})
        attempts = pa.concat_tables(self._records)
        attempts = attempts.append_column("one", pa.array([1] * attempts.num_rows, pa.int64()))
        generated = pc.equal(attempts["made"], "generated")
        for origin in ("generated", "failed"):
            attempts = attempts.append_column(origin, pc.cast(pc.equal(attempts["made"], origin), pa.int64()))
        for backend in (backends := sorted(set(attempts["backend"].drop_null().to_pylist()))):
            by_backend = pc.and_(generated, pc.fill_null(pc.equal(attempts["backend"], backend), False))
            attempts = attempts.append_column(f"by {backend}", pc.cast(by_backend, pa.int64()))
        counted = ["one", "engine_seconds", "generated", "failed", *(f"by {backend}" for backend in backends)]
        sums = attempts.group_by(REQUEST_COLUMNS).aggregate([(name, "sum") for name in counted])
        slots = pa.table({name: decisions[name] for name in (*REQUEST_COLUMNS, *_MODEL_COLUMNS)})
        for name, state in (("published", (SlotState.PUBLISH,)), ("decided", (*JUDGED_STATES, SlotState.FAILED))):
            slots = slots.append_column(name, pc.is_in(decisions["state"], pa.array(state)))
        final = slots.group_by([*REQUEST_COLUMNS, *_MODEL_COLUMNS]).aggregate(
            [("published", "any"), ("decided", "any")]
        )
        return sums.join(final, REQUEST_COLUMNS, join_type="inner")


def write_model_samples(store: ObjectStore, run_id: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the samples of registered models' versions, under each model's name; it may be repeated."""
    samples_by_model: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        if row["version"] and row["sample"]["requests"]:
            name, _, number = row["version"].rpartition("/")
            samples_by_model.setdefault(name, {})[number] = row["sample"]
    for name, samples in samples_by_model.items():
        write_json(store, layout.model_sample(name, run_id), {"run_id": run_id, "versions": samples})


def read_model_samples(
    store: ObjectStore, name: str, since: datetime | None = None
) -> dict[str, dict[int, VersionSample]]:
    """Return a model's stored samples as run id -> version -> sample, by default of all runs, else since a time."""
    prefix = layout.model_samples_prefix(name)
    first = (
        f"{prefix}{since.astimezone(UTC):%Y%m%dT%H%M%S}" if since is not None else prefix
    )  # run ids begin with their start time
    keys = sorted(info.key for info in store.list(prefix) if info.key >= first)
    samples: dict[str, dict[int, VersionSample]] = {}
    for key, document in zip(keys, concurrent_map(store, partial(find_json, store), keys), strict=True):
        if document is not None:  # otherwise swept since it was listed
            with reading(key, "a run's measurements of a model"):
                versions = document["versions"].items()
                samples[document["run_id"]] = {int(number): VersionSample(**sums) for number, sums in versions}
    return samples


def pair_samples(
    samples_by_run: Mapping[str, Mapping[int, VersionSample]], candidate: int, production: int, min_requests: float
) -> tuple[tuple[VersionSample, VersionSample], tuple[int, int]]:
    """Return the candidate's and production's samples, and how many runs each comes from.

    Production's sample comes from the candidate's own runs: the same dates and the same catalogues. Where these have
    fewer than `min_requests` (a candidate that has all SKUs), production's other runs are added, the newest first.
    """
    candidate_runs = [run for run, versions in samples_by_run.items() if candidate in versions]
    production_runs = [run for run in candidate_runs if production in samples_by_run[run]]
    other_runs = [run for run in samples_by_run if run not in candidate_runs and production in samples_by_run[run]]
    production_sample = sum((samples_by_run[run][production] for run in production_runs), VersionSample())
    for run in sorted(other_runs, reverse=True):
        if production_sample.requests >= min_requests:
            break
        production_runs.append(run)
        production_sample += samples_by_run[run][production]
    candidate_sample = sum((samples_by_run[run][candidate] for run in candidate_runs), VersionSample())
    return (candidate_sample, production_sample), (len(candidate_runs), len(production_runs))


def _build_row(model: Mapping[str, Any], requests: pa.Table) -> dict[str, Any]:
    sums = {name.removesuffix("_sum"): _sum(requests[name]) for name in requests.column_names if name.endswith("_sum")}
    decided = requests.filter(requests["decided_any"])
    published = int(_sum(pc.cast(decided["published_any"], pa.int64())))
    return {
        "model": model["model"],
        "version": model["model_version"],
        "precision": model["precision"],
        "images": int(sums["generated"]),
        "attempts": int(sums["one"]),
        "backends": {name[3:]: int(count) for name, count in sums.items() if name.startswith("by ") and count},
        "gpu_seconds": round(sums["engine_seconds"], 3),
        "requests": decided.num_rows,
        "passed": published,
        "pass_rate": round(published / decided.num_rows, 4) if decided.num_rows else None,
        "sample": vars(_build_sample(decided)),
    }


def _build_sample(decided: pa.Table) -> VersionSample:
    """Return the sums over decided requests with an attempt of this run: reused images count in their own run."""
    own = decided.filter(pc.greater(pc.add(decided["generated_sum"], decided["failed_sum"]), 0))
    attempts, seconds, generated = own["one_sum"], own["engine_seconds_sum"], own["generated_sum"]
    published = pc.cast(own["published_any"], pa.int64())
    return VersionSample(
        requests=own.num_rows,
        published=_sum(published),
        attempts=_sum(attempts),
        generated=_sum(generated),
        seconds=_sum(seconds),
        attempts_squared=_sum(pc.multiply(attempts, attempts)),
        attempts_of_published=_sum(pc.multiply(attempts, published)),
        seconds_squared=_sum(pc.multiply(seconds, seconds)),
        generated_squared=_sum(pc.multiply(generated, generated)),
        seconds_by_generated=_sum(pc.multiply(seconds, pc.cast(generated, pa.float64()))),
    )


def _sum(column: pa.ChunkedArray) -> float:
    return float(pc.sum(column).as_py() or 0)
