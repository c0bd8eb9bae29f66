"""Where pictures may be used: judged when they are measured, and anew when a recipe asks for other channels.

Comes in: what was measured of a picture, or rows of the manifest whose recipe has moved. Goes out:
`ChannelEligibility`. The second looks at no picture: the records of the runs that published them hold the numbers,
until they are swept.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.policy.channels import NOT_ELIGIBLE, Channel, ChannelEligibility, ImageFacts, evaluate_channels
from catalogs.recipe.schema import Finish, Recipe
from catalogs.runs.release_batch import ReleaseBatch, refreshed_rows
from catalogs.slot_states import SlotState
from infra.imaging.finishing import TRAINED_ALGORITHMIC_MEDIA
from infra.interfaces import ObjectStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.approvals import apply_approvals, read_approvals

SOURCE_MARK = TRAINED_ALGORITHMIC_MEDIA.rsplit("/", 1)[-1]
"""What a record says of a file that carries the source mark."""

Row = Mapping[str, Any]
_RECORD_COLUMNS = ["request_key", "finish_digest", "attempt", "width", "height", "scores", "looks", "mark"]


def build_image_facts(record: Row, finish: Finish) -> ImageFacts:
    """Return what is known of a picture: `measured` has width, height, scores, looks and mark, as a record has."""
    scores: Mapping[str, float] = record["scores"]
    made = max(scores.get("size.width", 0.0), scores.get("size.height", 0.0))
    enlarged = 1.0 if finish.enlarge is None else max(1.0, finish.enlarge / made) if made else float("nan")
    looks: Sequence[float] = record["looks"] or ()
    return ImageFacts(
        width=record["width"],
        height=record["height"],
        scores=scores,
        fill=looks[-1] if looks else None,
        enlarged=enlarged,
        has_source_mark=record["mark"] == SOURCE_MARK,
    )


def evaluate_batch_channels(
    store: ObjectStore, batch: ReleaseBatch, live_rows: Mapping[bytes, Row]
) -> dict[bytes, ChannelEligibility]:
    """Return slot -> where its picture may be used, for those of which a batch's own rows do not say it.

    Those are pictures that stay while their recipe has moved, and pictures that a person has spoken of. `live` holds
    the manifest's rows at the version that the batch is compared with.
    """
    stay = list(refreshed_rows(batch, live_rows))
    found = reevaluate_channels(store, batch.run_id, stay)
    words = read_approvals(store, batch.catalogue)
    if words:
        found |= {row["slot_id"]: apply_approvals(found[row["slot_id"]], row["pixel_sha"], words) for row in stay}
        for rows in batch.decisions_in_state(SlotState.PUBLISH):
            shown = [row for row in rows if row["finished_sha"].hex() in words]
            found |= {
                row["slot_id"]: apply_approvals(ChannelEligibility.from_row(row), row["finished_sha"], words)
                for row in shown
            }
    return found


def reevaluate_channels(store: ObjectStore, run_id: str, rows: Iterable[Row]) -> dict[bytes, ChannelEligibility]:
    """Return slot -> where its live picture may be used, by the recipe of a run; `rows` are the manifest's.

    People's words are not asked. Only the records of the runs that published these rows are read.
    """
    by_run: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_run[row["run_id"]].append(row)
    if not by_run:
        return {}
    recipe = Recipe.model_validate(read_json(store, layout.RunFiles(run_id).recipe))
    if not recipe.channels:
        return {row["slot_id"]: NOT_ELIGIBLE for shown in by_run.values() for row in shown}
    found: dict[bytes, ChannelEligibility] = {}
    for published_by, shown in by_run.items():
        measured = dict(_evaluate_records(store, published_by, shown, recipe.finishes_by_digest, recipe.channels))
        for row in shown:
            key = (row["request_key"], row["finish_digest"], row["attempt"])
            found[row["slot_id"]] = measured.get(key) or evaluate_channels(recipe.channels, None)
    return found


def _evaluate_records(
    store: ObjectStore,
    run_id: str,
    rows: Sequence[Row],
    finishes: Mapping[str, Finish],
    channels: Mapping[str, Channel],
) -> Iterator[tuple[tuple[bytes, str, int], ChannelEligibility]]:
    wanted = pa.array({row["request_key"] for row in rows}, pa.binary())
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix):
        if not set(_RECORD_COLUMNS) <= set(record.column_names):
            continue
        for row in record.filter(pc.is_in(record["request_key"], wanted)).select(_RECORD_COLUMNS).to_pylist():
            finish = finishes.get(row["finish_digest"])
            if finish is not None:
                picture = build_image_facts(row | {"scores": json.loads(row["scores"])}, finish)
                yield (row["request_key"], row["finish_digest"], row["attempt"]), evaluate_channels(channels, picture)
