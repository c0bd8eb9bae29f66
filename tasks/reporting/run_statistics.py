"""Run statistics: count what a run generated, decided and published, from its records.

Inputs: a run's folder and its batch. Outputs: image counts, reasons by slot, SKUs in a notable state, what was
published and how soon, and prompts by request key for the contact sheet. The records include what an earlier, killed
process of the same run generated.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.runs.report import NEW_SKU_TARGET, DeliveryCounts, ImageCounts
from catalogs.runs.report_schema import ReportChannel
from catalogs.slot_states import SlotState
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_row_groups
from infra.visible_text import printable
from tasks.models.metrics import ModelMetrics

MAX_SENTENCES = 5
"""Different sentences of engine and scanners that a report repeats."""
MAX_SKU_CHARACTERS = 60
_DIGITS = re.compile(r"\d+")

REFUSED_KINDS = {"image": "staged images", "file": "finished files", "scores": "score files"}
"""What records call stored work that was refused, and its names for people."""


def collect_run_statistics(
    store: ObjectStore, run_id: str, batch: ReleaseBatch
) -> tuple[ImageCounts, dict[str, int], list[dict[str, Any]]]:
    """Return the run's image counts, the number of slots with each reason, and one row per model that generated any."""
    images, models = ImageCounts(), ModelMetrics()
    refused: Counter[str] = Counter()
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix):
        outcomes = Counter(record["made"].to_pylist())
        images.generated += outcomes["generated"]
        images.reused += outcomes["reused"]
        images.failed += outcomes["failed"]
        images.attempts += record.num_rows
        images.gpu_seconds += float(pc.sum(record["engine_seconds"]).as_py() or 0.0)
        if "refused_work" in record.column_names:  # records of older versions have no such column
            refused.update(pc.list_flatten(record["refused_work"]).to_pylist())
        models.add_record(record)
    pairs = pa.table({"key": batch.decisions["request_key"], "finish": batch.decisions["finish_digest"]})
    images.refused_work = dict(refused)
    images.shared = batch.decisions.num_rows - pairs.group_by(["key", "finish"]).aggregate([]).num_rows
    reasons: Counter[str] = Counter()
    for slot_reasons in batch.decisions["reasons"].to_pylist():
        reasons.update(slot_reasons or ())
    return images, dict(reasons), models.build_rows(batch.decisions)


def refused_work_warnings(counts: Mapping[str, int]) -> list[str]:
    """Return what a report says of stored work that no key vouched for; nothing where there was none."""
    if not any(counts.values()):
        return []
    kinds = ", ".join(f"{counts[kind]} {name}" for kind, name in REFUSED_KINDS.items() if counts.get(kind))
    return [
        f"{sum(counts.values())} × stored work was not believed and was made anew ({kinds}): another key signed it, or"
        " somebody else wrote it. Hosts that share a store need one integrity key: `packshot doctor` names each host's"
    ]


def spoken_warnings(batch: ReleaseBatch) -> list[str]:
    """Return what engine and scanners themselves said of slots that were not published, the most frequent first.

    Sentences that differ in their numbers only count as one; the first of them is repeated, with its SKU.
    """
    rows = batch.decisions.filter(pc.is_valid(batch.decisions["sentence"])).select(["sku", "reasons", "sentence"])
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for row in rows.to_pylist():
        key = (", ".join(row["reasons"] or ()), _DIGITS.sub("0", row["sentence"]))
        counts[key] += 1
        first.setdefault(key, (row["sentence"], row["sku"]))
    warnings = []
    for (reasons, shape), count in counts.most_common(MAX_SENTENCES):
        sentence, sku = first[reasons, shape]
        warnings.append(f"{count} × {reasons}, first of {printable(sku, MAX_SKU_CHARACTERS)!r}: {sentence}")
    more = sum(counts.values()) - sum(count for _, count in counts.most_common(MAX_SENTENCES))
    return (
        [*warnings, f"{more} × other sentences of engine and scanners: `packshot why` has each SKU's"]
        if more
        else warnings
    )


def sum_engine_seconds(store: ObjectStore, run_id: str) -> float:
    """Return the engine seconds that a run has spent so far, in all its processes."""
    records = read_row_groups(store, layout.RunFiles(run_id).records_prefix)
    return sum(float(pc.sum(record["engine_seconds"]).as_py() or 0.0) for record in records)


def measure_delivery(
    tables: TableStore, batch: ReleaseBatch, superseded: frozenset[bytes], previous: int | None, now: datetime
) -> DeliveryCounts:
    """Return how many SKUs the batch published, what was deferred, and how many new SKUs were published in time.

    A new SKU has a creation time and no image in the release before, `previous`. It is in time when the batch's commit
    published all of its images within `NEW_SKU_TARGET` of its creation.
    """
    rows = batch.decisions.select(["slot_id", "sku", "state", "reasons", "created_at", "live_file_sha"])
    if superseded:
        rows = rows.filter(pc.invert(pc.is_in(rows["slot_id"], pa.array(superseded, pa.binary()))))
    published = rows.filter(pc.equal(rows["state"], SlotState.PUBLISH))
    delivery = DeliveryCounts(skus=pc.count_distinct(published["sku"]).as_py())
    deferred = pc.list_flatten(rows.filter(pc.equal(rows["state"], SlotState.DEFERRED))["reasons"])
    delivery.deferred = {entry["values"]: entry["counts"] for entry in pc.value_counts(deferred).to_pylist()}
    new_rows = rows.filter(pc.and_(pc.is_valid(rows["created_at"]), pc.is_null(rows["live_file_sha"])))
    released = _find_release_time(tables, batch)
    if new_rows.num_rows == 0 or (released is None and delivery.skus):
        return delivery  # an unreleased batch is neither in time nor late yet
    new_skus = new_rows.group_by("sku").aggregate(
        [("created_at", "min"), ("state", "count_distinct"), ("state", "min")]
    )
    released_skus = _find_released_skus(tables, batch.catalogue, new_skus["sku"], previous)
    new_skus = new_skus.filter(pc.invert(pc.is_in(new_skus["sku"], released_skus)))
    is_complete = pc.and_(
        pc.equal(new_skus["state_count_distinct"], 1), pc.equal(new_skus["state_min"], SlotState.PUBLISH)
    )
    latest = (released or now) - NEW_SKU_TARGET
    is_in_time = pc.greater_equal(new_skus["created_at_min"], pa.scalar(latest, pa.timestamp("us", "UTC")))
    delivery.new_skus, delivery.in_time = new_skus.num_rows, pc.sum(pc.and_(is_complete, is_in_time)).as_py() or 0
    return delivery


def summarize_channels(
    batch: ReleaseBatch, superseded: frozenset[bytes], channels: Iterable[str]
) -> dict[str, ReportChannel]:
    """Return for each channel how many images of the batch are usable there, how many are not, and the reasons.

    Empty where the batch publishes nothing.
    """
    rows = batch.decisions.filter(pc.equal(batch.decisions["state"], SlotState.PUBLISH))
    if superseded:
        rows = rows.filter(pc.invert(pc.is_in(rows["slot_id"], pa.array(superseded, pa.binary()))))
    if rows.num_rows == 0:
        return {}
    usable = {
        entry["values"]: entry["counts"] for entry in pc.value_counts(pc.list_flatten(rows["channels"])).to_pylist()
    }
    reasons: dict[str, dict[str, int]] = {name: {} for name in sorted(channels)}
    for entry in pc.value_counts(pc.list_flatten(rows["channel_reasons"])).to_pylist():
        name, _, reason = entry["values"].partition(":")
        if name in reasons:
            reasons[name][reason] = entry["counts"]
    return {
        name: ReportChannel(
            usable=usable.get(name, 0),
            not_usable=rows.num_rows - usable.get(name, 0),
            reasons=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        )
        for name, counts in reasons.items()
    }


def _find_release_time(tables: TableStore, batch: ReleaseBatch) -> datetime | None:
    table = layout.manifest_table(batch.catalogue)
    history = tables.history(table, after=batch.base_version)
    commits = (commit for commit in history if commit.run_id == batch.run_id)
    return next((commit.timestamp for commit in commits), None)


def _find_released_skus(tables: TableStore, catalogue: str, skus: pa.Array, version: int | None) -> pa.Array:
    """Return those of the given SKUs that had an image in a release."""
    released = pa.array([], pa.string())
    if version is not None and len(skus):
        for rows in tables.batches(layout.manifest_table(catalogue), ("sku",), version=version):
            present = rows.column("sku").filter(pc.is_in(rows.column("sku"), skus)).unique()
            released = pa.concat_arrays([released, present.cast(pa.string())])
    return released


def find_incomplete_skus(tables: TableStore, batch: ReleaseBatch) -> dict[str, list[str]]:
    """Return the SKUs that show an old image beside a new one, and those without any live image, after the batch."""
    columns = (batch.decisions[name].to_pylist() for name in ("sku", "state", "live_file_sha"))
    published: set[str] = set()
    skus_with_old: set[str] = set()
    skus_without_image: set[str] = set()
    for sku, state, live_sha in zip(*columns, strict=True):
        if state == SlotState.PUBLISH:
            published.add(sku)
        elif live_sha is None:
            skus_without_image.add(sku)
        else:
            skus_with_old.add(sku)
    skus_with_nothing = skus_without_image - published - skus_with_old
    table = layout.manifest_table(batch.catalogue)
    if skus_with_nothing and tables.version(table) is not None:
        candidates = pa.array(sorted(skus_with_nothing), pa.string())
        for rows in tables.batches(table, ("sku",)):
            skus_with_nothing -= set(rows.column("sku").filter(pc.is_in(rows.column("sku"), candidates)).to_pylist())
    return {"old_beside_new": sorted(skus_with_old & published), "nothing_live": sorted(skus_with_nothing)}


def read_prompts(store: ObjectStore, run_id: str, request_keys: Iterable[bytes]) -> dict[bytes, str]:
    """Return the prompts of some requests of a run."""
    keys = pa.array(sorted(set(request_keys)), pa.binary())
    prompts: dict[bytes, str] = {}
    for table in read_row_groups(store, layout.RunFiles(run_id).requests_prefix):
        rows = table.select(["request_key", "prompt"]).filter(pc.is_in(table["request_key"], keys))
        prompts.update(zip(rows["request_key"].to_pylist(), rows["prompt"].to_pylist(), strict=True))
    return prompts
