"""Nearest images: the live images that each gate nearly refused, from the scores that runs have stored.

Inputs: a release, and the policy in force. Outputs: a `NearestImages`. The newest runs are read first, until
`MAX_IMAGES` images were looked at: of a release of millions the rest is named as not looked at. Scores are kept as long
as the runs' folders.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.gallery.nearest_limits import NearImage, find_nearest
from catalogs.gallery.release_index import ReleaseIndex, ReleaseItem
from catalogs.policy.schema import ImageRule, Policy
from catalogs.table_schemas import MANIFEST, RECORDS
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_row_groups
from tasks.policies.accepted_scores import AcceptedScores, AttemptId

MAX_IMAGES = 50_000
MAX_ROWS = 2 * MAX_IMAGES
"""Of the release whose measurements are looked for: not all of them are kept."""
PER_RULE = 12
_ATTEMPT = ("request_key", "finish_digest", "attempt")
_SCHEMA = pa.schema([MANIFEST.field(name) for name in ("run_id", "slot_id", *_ATTEMPT)])

Attempts = dict[AttemptId, bytes]
"""Attempts that are live, and a slot that shows each."""


@dataclass(frozen=True)
class RuleImages:
    """The images nearest to one rule's limits."""

    rule: ImageRule
    measured: int
    images: Sequence[tuple[ReleaseItem, NearImage]]


@dataclass(frozen=True)
class NearestImages:
    """The images nearest to the limits of each rule, how many were looked at, and how many there are."""

    rules: Sequence[RuleImages]
    looked_at: int
    live: int


def read_nearest_images(
    store: ObjectStore, tables: TableStore, catalogue: str, release: tuple[int, ReleaseIndex], policy: Policy
) -> NearestImages:
    """Return the images of a release, by its version and index, that are nearest to the limits of a policy."""
    version, index = release
    table = layout.manifest_table(catalogue)
    scores, slots = AcceptedScores(not_of_scenes=policy.not_of_scenes), list[bytes]()
    for run_id, attempts in _read_attempts(tables, table, version).items():
        _add_scores(store, run_id, attempts, policy, scores, slots)
        if len(slots) >= MAX_IMAGES:
            break
    found = find_nearest(policy.image, scores.table.columns, scores.categories, PER_RULE)
    rules = [
        RuleImages(rule.rule, rule.measured, list(_items(index, slots, rule.nearest))) for rule in found if rule.nearest
    ]
    return NearestImages(rules, len(slots), len(index))


def _newest_runs(tables: TableStore, table: str, version: int) -> list[str]:
    """Return the runs that made a release's images, newest first, until they have enough of them."""
    counts: Counter[str] = Counter()
    for batch in tables.batches(table, ("run_id",), version=version):
        for counted in pc.value_counts(batch.column("run_id")).to_pylist():
            counts[counted["values"]] += counted["counts"]
    chosen: list[str] = []
    for run_id in sorted(counts, reverse=True):  # ids begin with the time
        if sum(counts[run] for run in chosen) >= MAX_IMAGES:
            break
        chosen.append(run_id)
    return chosen


def _read_attempts(tables: TableStore, table: str, version: int) -> dict[str, Attempts]:
    """Return what the newest runs made of a release, the newest run first."""
    attempts: dict[str, Attempts] = {run_id: {} for run_id in _newest_runs(tables, table, version)}
    wanted, rows = pa.array(list(attempts), pa.string()), 0
    for batch in tables.batches(table, _SCHEMA, version=version):
        chosen = batch.filter(pc.is_in(batch.column("run_id"), wanted))
        for run_id, slot, *attempt in zip(*(chosen.column(name).to_pylist() for name in _SCHEMA.names), strict=True):
            attempts[run_id][attempt[0], attempt[1], attempt[2]] = slot
        rows += len(chosen)
        if rows >= MAX_ROWS:
            break
    return attempts


def _add_scores(
    store: ObjectStore,
    run_id: str,
    attempts: Attempts,
    policy: Policy,
    scores: AcceptedScores,
    slots: list[bytes],
) -> None:
    """Add the scores of these attempts that a run has kept, and the slot of each."""
    categories = _read_categories(store, run_id) if policy.judged_categories else {}
    for record in read_row_groups(store, layout.RunFiles(run_id).records_prefix, [*_ATTEMPT, "scores"]):
        columns = [record[name].cast(RECORDS.field(name).type).to_pylist() for name in (*_ATTEMPT, "scores")]
        for key, finish, attempt, text in zip(*columns, strict=True):
            slot = attempts.get((key, finish, attempt))
            if slot is not None and text and len(slots) < MAX_IMAGES:
                scores.add(categories.get(slot, ""), json.loads(text))
                slots.append(slot)
        if len(slots) >= MAX_IMAGES:
            return


def _read_categories(store: ObjectStore, run_id: str) -> dict[bytes, str]:
    columns = ["slot_id", "category"]
    return {
        slot: category or ""
        for rows in read_row_groups(store, layout.RunFiles(run_id).slots, columns)
        for slot, category in zip(*(rows[name].to_pylist() for name in columns), strict=True)
    }


def _items(
    index: ReleaseIndex, slots: Sequence[bytes], nearest: Sequence[NearImage]
) -> "list[tuple[ReleaseItem, NearImage]]":
    found = [(index.find(slots[image.position]), image) for image in nearest]
    return [(index.item(position), image) for position, image in found if position is not None]
