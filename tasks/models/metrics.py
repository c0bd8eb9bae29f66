"""What each version of a model made in a run, how much of it passed, and the sums that a promotion is decided by.

Comes in: a run's records and its batch. Goes out: a row a model for the report, and a `Sample` for each version of a
registered model, kept beside the registry: runs' tables are swept after a while, and these few numbers are not.
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
from infra.stores.json_objects import read_json, write_json

REQUEST_COLUMNS = ["request_key", "finish_digest"]
RECORD_COLUMNS = [*REQUEST_COLUMNS, "made", "engine_seconds", "backend"]
"""The columns of a record that this is made of."""
_MODEL_COLUMNS = ["model", "model_version", "precision"]


class ModelMetrics:
    """What a run's records say, request by request. Memory goes with some 150 bytes an attempt."""

    def __init__(self) -> None:
        self._records: list[pa.Table] = []

    def add_record(self, record: pa.Table) -> None:
        """Take in a shard's record."""
        self._records.append(record.select(RECORD_COLUMNS))

    def build_rows(self, decisions: pa.Table) -> list[dict[str, Any]]:
        """Return what each model of a batch made: images, attempts, pass rate, GPU-seconds, backends, its sample."""
        requests = self._aggregate_requests(decisions)
        found = []
        for model in (
            requests.select(_MODEL_COLUMNS).group_by(_MODEL_COLUMNS, use_threads=False).aggregate([]).to_pylist()
        ):
            own = requests
            for name, value in model.items():
                own = own.filter(pc.is_null(own[name]) if value is None else pc.equal(own[name], value))
            found.append(_build_row(model, own))
        return sorted(found, key=lambda row: (row["version"] or "", row["model"]))

    def _aggregate_requests(self, decisions: pa.Table) -> pa.Table:
        """Return a row a request that the run made or found images for: its model, its end, its sums."""
        if not self._records:
            return pa.table({name: pa.array([], pa.string()) for name in _MODEL_COLUMNS})
        made = pa.concat_tables(self._records)
        made = made.append_column("one", pa.array([1] * made.num_rows, pa.int64()))
        for how in ("generated", "failed"):
            made = made.append_column(how, pc.cast(pc.equal(made["made"], how), pa.int64()))
        for backend in (backends := sorted(set(made["backend"].drop_null().to_pylist()))):
            by = pc.and_(pc.equal(made["made"], "generated"), pc.fill_null(pc.equal(made["backend"], backend), False))
            made = made.append_column(f"by {backend}", pc.cast(by, pa.int64()))
        counted = ["one", "engine_seconds", "generated", "failed", *(f"by {backend}" for backend in backends)]
        sums = made.group_by(REQUEST_COLUMNS).aggregate([(name, "sum") for name in counted])
        ends = pa.table({name: decisions[name] for name in (*REQUEST_COLUMNS, *_MODEL_COLUMNS)})
        for name, state in (("published", (SlotState.PUBLISH,)), ("decided", (*JUDGED_STATES, SlotState.FAILED))):
            ends = ends.append_column(name, pc.is_in(decisions["state"], pa.array(state)))
        ends = ends.group_by([*REQUEST_COLUMNS, *_MODEL_COLUMNS]).aggregate([("published", "any"), ("decided", "any")])
        return sums.join(ends, REQUEST_COLUMNS, join_type="inner")


def write_model_samples(store: ObjectStore, run_id: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write down the samples of registered models' versions, under each model's name; doing it again is fine."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        if row["version"] and row["sample"]["requests"]:
            name, _, number = row["version"].rpartition("/")
            found.setdefault(name, {})[number] = row["sample"]
    for name, samples in found.items():
        write_json(store, layout.model_sample(name, run_id), {"run_id": run_id, "versions": samples})


def read_model_samples(
    store: ObjectStore, name: str, since: datetime | None = None
) -> dict[str, dict[int, VersionSample]]:
    """Return what the runs of a store, or those since a time, have kept of a model: run -> version -> sample."""
    prefix = layout.model_samples_prefix(name)
    first = f"{prefix}{since.astimezone(UTC):%Y%m%dT%H%M%S}" if since is not None else prefix  # ids begin with a time
    keys = sorted(info.key for info in store.list(prefix) if info.key >= first)
    documents = concurrent_map(store, partial(read_json, store), keys)
    return {
        document["run_id"]: {int(number): VersionSample(**sums) for number, sums in document["versions"].items()}
        for document in documents
    }


def pair_samples(
    samples_by_run: Mapping[str, Mapping[int, VersionSample]], candidate: int, production: int, min_requests: float
) -> tuple[tuple[VersionSample, VersionSample], tuple[int, int]]:
    """Return the candidate's and production's samples, and how many runs each comes from.

    Production's are those of the candidate's own runs, the same nights and the same catalogues; where these have too
    few (a candidate that has all SKUs), production's other runs are added, the newest first, until there are enough.
    """
    mine = [run for run, versions in samples_by_run.items() if candidate in versions]
    theirs = [run for run in mine if production in samples_by_run[run]]
    total = sum((samples_by_run[run][production] for run in theirs), VersionSample())
    for run in sorted(
        (run for run in samples_by_run if run not in mine and production in samples_by_run[run]), reverse=True
    ):
        if total.requests >= min_requests:
            break
        theirs.append(run)
        total += samples_by_run[run][production]
    return (sum((samples_by_run[run][candidate] for run in mine), VersionSample()), total), (len(mine), len(theirs))


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
    """Return the sums over decided requests that this run made something for: what was found was counted when made."""
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
