"""Channel eligibility: where an image may be used, when it is screened and again when a recipe changes its channels.

Inputs: what was measured of an image, or manifest rows whose recipe has changed. Outputs: a `ChannelEligibility` for
each. The second evaluation opens no image: the records of the runs that published the rows hold the scores, until they
are swept. A row whose record is gone is evaluated as an image of which nothing is known.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.photos.kept_request import parse_kept_result
from catalogs.policy.channels import NOT_ELIGIBLE, ChannelEligibility, ImageFacts, evaluate_channels
from catalogs.recipe.render_settings import Finish
from catalogs.recipe.schema import Recipe
from catalogs.runs.release_batch import ReleaseBatch, refreshed_rows
from catalogs.table_rows import ManifestRow
from infra.imaging.source_marks import mark_for
from infra.interfaces import ObjectStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.approvals import apply_approvals, read_approvals

KEPT_BROKEN = "kept.broken"
"""The score of the proof that is made again when a kept image is measured: 0 where it holds."""

Row = Mapping[str, Any]
_RECORD_COLUMNS = ["request_key", "finish_digest", "attempt", "width", "height", "scores", "looks", "mark"]


def build_image_facts(record: Row, finish: Finish, *, shows_article: bool = False) -> ImageFacts:
    """Return the facts that channel rules use; `record` has width, height, scores, looks, mark, and kept if there is.

    `shows_article` tells whether the recipe says that its photos show the very articles that are sold.
    """
    scores: Mapping[str, float] = record["scores"]
    generated_side = max(scores.get("size.width", 0.0), scores.get("size.height", 0.0))
    if finish.enlarge is None:
        enlarged = 1.0
    else:
        enlarged = max(1.0, finish.enlarge / generated_side) if generated_side else float("nan")
    looks: Sequence[float] = record["looks"] or ()
    kept = record.get("kept")
    mode = parse_kept_result(kept).mode if kept else None
    return ImageFacts(
        width=record["width"],
        height=record["height"],
        scores=scores,
        fill=looks[-1] if looks else None,
        enlarged=enlarged,
        has_source_mark=record["mark"] == mark_for(mode).name,
        source_mark=record["mark"],
        kept_mode=mode,
        proven=mode is not None and scores.get(KEPT_BROKEN) == 0,
        shows_article=shows_article,
    )


def evaluate_batch_channels(
    store: ObjectStore, batch: ReleaseBatch, live_rows: Mapping[bytes, ManifestRow]
) -> dict[bytes, ChannelEligibility]:
    """Return slot id -> eligibility, for the images whose eligibility is not the one in the batch's own rows.

    Those are images that stay while their recipe has changed, and images with a recorded approval. `live_rows` are the
    manifest's rows, by slot id, at the version that the batch is compared with.
    """
    unchanged = list(refreshed_rows(batch, live_rows))
    eligibility = reevaluate_channels(store, batch.run_id, unchanged)
    approvals = read_approvals(store, batch.catalogue)
    if not approvals:
        return eligibility
    for row in unchanged:
        eligibility[row["slot_id"]] = apply_approvals(eligibility[row["slot_id"]], row["pixel_sha"], approvals)
    for decisions in batch.published_decisions():
        for decision in decisions:
            if decision["finished_sha"].hex() in approvals:
                by_rules = ChannelEligibility.from_row(decision)
                eligibility[decision["slot_id"]] = apply_approvals(by_rules, decision["finished_sha"], approvals)
    return eligibility


def reevaluate_channels(
    store: ObjectStore, run_id: str, rows: Iterable[ManifestRow]
) -> dict[bytes, ChannelEligibility]:
    """Return slot id -> eligibility of manifest rows by the recipe of the run `run_id`, without approvals.

    Reads only the records of the runs that published these rows.
    """
    rows_by_run: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        rows_by_run[row["run_id"]].append(row)
    if not rows_by_run:
        return {}
    recipe = Recipe.model_validate(read_json(store, layout.RunFiles(run_id).recipe))
    if not recipe.channels:
        return {row["slot_id"]: NOT_ELIGIBLE for published in rows_by_run.values() for row in published}
    eligibility: dict[bytes, ChannelEligibility] = {}
    for published_by, published in rows_by_run.items():
        by_attempt = dict(_evaluate_records(store, published_by, published, recipe))
        for row in published:
            attempt = (row["request_key"], row["finish_digest"], row["attempt"])
            eligibility[row["slot_id"]] = by_attempt.get(attempt) or evaluate_channels(recipe.channels, None)
    return eligibility


def _evaluate_records(
    store: ObjectStore,
    run_id: str,
    rows: Sequence[ManifestRow],
    recipe: Recipe,
) -> Iterator[tuple[tuple[bytes, str, int], ChannelEligibility]]:
    finishes, channels = recipe.finishes_by_digest, recipe.channels
    request_keys = pa.array({row["request_key"] for row in rows}, pa.binary())
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix):
        if not set(_RECORD_COLUMNS) <= set(record.column_names):
            continue
        columns = [name for name in (*_RECORD_COLUMNS, "kept") if name in record.column_names]  # older ones lack `kept`
        records = record.filter(pc.is_in(record["request_key"], request_keys)).select(columns).to_pylist()
        for row in records:
            finish = finishes.get(row["finish_digest"])
            if finish is not None:
                record_facts = row | {"scores": json.loads(row["scores"])}
                facts = build_image_facts(record_facts, finish, shows_article=recipe.shows_article)
                yield (row["request_key"], row["finish_digest"], row["attempt"]), evaluate_channels(channels, facts)
