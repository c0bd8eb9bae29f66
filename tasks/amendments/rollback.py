"""Rollback: show again what an earlier release showed, and keep what this takes away from being published again.

Inputs: a catalogue and a `RollbackPlan` (`catalogs.runs.rollback_selection` says what follows for which slot). Outputs:
a `ManifestChange`. A rollback is a commit like every other, because Delta's own restore would not record which rows
changed. The caller holds the catalogue's lease; the plan may be older than the lease, so what was published meanwhile
is found and named.

A sweep takes no lease. It writes how far back releases are kept, then looks for open rollbacks, then deletes; a
rollback writes its marker, then looks how far back releases are kept. One of the two sees the other.
"""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import ROLLBACK_KIND
from catalogs.runs.manifest_diff import MAX_SLOTS_NAMED, SLOT_NAME_COLUMNS, ManifestDiff
from catalogs.runs.rollback_selection import RollbackSelection
from infra.errors import StoreError, TableError
from infra.interfaces import ObjectStore, TableStore
from infra.stores.concurrency import concurrent_map
from infra.stores.parquet_objects import write_table
from tasks.amendments.manifest_change import (
    ManifestChange,
    abandon_change,
    begin_change,
    complete_change,
    count_slots,
    new_change_run,
    recover_changes,
)
from tasks.amendments.release_diff import diff_releases
from tasks.amendments.resembling_images import find_resembling_images
from tasks.amendments.rollback_plan import RollbackPlan, plan_rollback
from tasks.amendments.takedowns import find_policy_in_force, find_refused_images
from tasks.runs.release_history import read_oldest_retained_release


def rollback(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    to: int | None = None,
    *,
    run_id: str | None = None,
    skus: Sequence[str] = (),
    drop_new: bool = False,
) -> ManifestChange:
    """Plan a rollback and perform it at once: see `plan_rollback` and `perform_rollback`."""
    selection = RollbackSelection(to, run_id, tuple(skus), drop_new)
    return perform_rollback(store, tables, catalogue, plan_rollback(store, tables, catalogue, selection))


def perform_rollback(store: ObjectStore, tables: TableStore, catalogue: str, plan: RollbackPlan) -> ManifestChange:
    """Perform a rollback in one commit. A killed one that was asked for the same is completed instead of begun again.

    Two rollbacks without options cancel out: the newest release that shows something else than a rollback's is the one
    that it went back from.

    Raises `OptionError` where the release is no longer kept or nothing would change but what is new, and `StoreError`
    where one of its images is gone; the shop shows what it showed then.
    """
    for intent, change in recover_changes(store, tables, catalogue, holds_lease=True):
        if intent.kind == ROLLBACK_KIND and plan.selection.is_completed_by(intent.details):
            return change
    run = new_change_run(catalogue, store.now())
    base, diff, withheld = _compute(store, tables, catalogue, plan)
    _require_effect(plan, diff)
    if withheld.num_rows:
        write_table(store, layout.RunFiles(run.run_id).withheld, withheld)
    intent = begin_change(store, tables, run, ROLLBACK_KIND, plan.details)
    try:
        _require_kept(store, catalogue, plan)
        _require_objects(store, diff.restored["object"].to_pylist(), plan.target)
    except (OptionError, StoreError) as error:
        abandon_change(store, intent, str(error))
        raise
    return name_published_meanwhile(tables, plan, complete_change(store, tables, intent, {base: diff}))


def preview_rollback(store: ObjectStore, tables: TableStore, catalogue: str, plan: RollbackPlan) -> ManifestChange:
    """Return what a rollback would do now, without writing anything; outcomes are not counted."""
    base, diff, withheld = _compute(store, tables, catalogue, plan)
    _require_effect(plan, diff)
    identity, undone = ("", catalogue, ROLLBACK_KIND, base, base, plan.target), tuple(sorted(plan.undone))
    return ManifestChange(*identity, withdrawn=0, readmitted=0, undone=undone, **count_slots(diff, withheld))


def name_published_meanwhile(tables: TableStore, plan: RollbackPlan, change: ManifestChange) -> ManifestChange:
    """Return the result with the slots that showed something else before the commit than when the plan was made."""
    if change.previous <= plan.seen:
        return change
    meanwhile = diff_releases(tables, change.catalogue, plan.seen, change.previous).restored
    taken = diff_releases(tables, change.catalogue, change.previous, change.version).lost
    taken_slots = set(taken["slot_id"].to_pylist())
    slots = [
        {name: row[name] for name in SLOT_NAME_COLUMNS} | {"taken_back": row["slot_id"] in taken_slots}
        for row in meanwhile.slice(0, MAX_SLOTS_NAMED).to_pylist()
    ]
    named = {**change.slots, "published_meanwhile": slots}
    return replace(change, published_meanwhile=meanwhile.num_rows, slots=named)


def _compute(
    store: ObjectStore, tables: TableStore, catalogue: str, plan: RollbackPlan
) -> tuple[int, ManifestDiff, pa.Table]:
    """Return the newest version, the plan's diff against it, and the images that the diff leaves out."""
    history = tables.history(layout.manifest_table(catalogue))
    base = history[0].version
    try:
        diff = plan.compute_diff(tables, catalogue, base)
    except TableError:
        _require_kept(store, catalogue, plan)  # a sweep since the plan says it better than a missing file
        raise
    withheld = find_refused_images(store, tables, catalogue, diff.restored, plan.target, history)
    diff = diff.leaving_out(withheld)
    policy = find_policy_in_force(store, catalogue, history)
    resembling = find_resembling_images(store, tables, catalogue, diff, policy)
    return base, diff.leaving_out(resembling), pa.concat_tables([withheld, resembling])


def _require_effect(plan: RollbackPlan, diff: ManifestDiff) -> None:
    """Raise `OptionError` where a rollback without a named release would change nothing, and say what else there is."""
    selection = plan.selection
    if selection.to is not None or selection.takes_commits_back or diff.restored.num_rows or diff.lost.num_rows:
        return
    differs = f"Release {plan.target} differs from the current one only by"
    if diff.left_out.num_rows:
        raise OptionError(
            f"{differs} images that a policy refuses since, or that another SKU shows the like of: not shown again"
        )
    raise OptionError(
        f"{differs} {diff.kept_new.num_rows} image(s) of slots that are new since, which stay: --drop-new takes them"
        " away, --run or --sku takes back one thing, --to goes further back"
    )


def _require_kept(store: ObjectStore, catalogue: str, plan: RollbackPlan) -> None:
    """Raise `OptionError` where a sweep has let the release go since the plan was made."""
    oldest = read_oldest_retained_release(store, catalogue)
    if 0 < plan.target < oldest:
        raise OptionError(f"Release {plan.target} of {catalogue!r} is no longer kept; the oldest kept one is {oldest}")


def _require_objects(store: ObjectStore, keys: list[str], target: int) -> None:
    for key, exists in zip(keys, concurrent_map(store, store.exists, keys), strict=True):
        if not exists:
            raise StoreError(
                f"Release {target} cannot be shown again: its image {key!r} is gone; choose a later release"
            )
