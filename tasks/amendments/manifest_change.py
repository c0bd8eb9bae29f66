"""Manifest change: change what is live without a refresh, by one manifest commit and the outcomes that make it last.

Inputs: an intent (go back to a release, or withdraw what a policy refuses or people take back). Outputs: a
`ManifestChange`. The outcomes keep the next run from undoing it.

A change is a run of its own. Its intent is recorded before anything is committed, so the next process finds a killed
change and completes it. The commit is a diff like every other, so readers, the change feed and races are those of a
release. The caller that begins a change holds the catalogue's lease: no full run works beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import POLICY_KIND, READMISSION_KIND, ROLLBACK_KIND, UNDONE
from catalogs.runs.job import Run, new_run_id
from catalogs.runs.manifest_diff import ManifestDiff, name_slots
from infra.errors import LeaseLost, StoreError
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import find_json, write_json
from infra.stores.stored_documents import reading
from infra.tables.data_versions import newest_data_version
from infra.tables.idempotent_commit import commit_once
from tasks.amendments.change_operation import MANIFEST_BASE, OUTCOMES_BASE, ChangeOperation, ManifestChangeIntent
from tasks.amendments.policy_withdrawals import queue_withdrawn_reviews
from tasks.runs import run_state as runs
from tasks.runs.fencing import fence_run
from tasks.runs.policy_records import PolicyRecords


@dataclass(frozen=True)
class ManifestChange:
    """The result of a change: `version` is the new release, `previous` the one before, `target` the one restored.

    `restored` counts slots that show a different image, or an image again after none; `dropped` slots that show none;
    `withdrawn` images will not be published again by a refresh, `readmitted` ones will. `kept_new`, `changed_since` and
    `left_out` count slots that stay as they are (see `ManifestDiff`). `slots` names the first of each of these kinds.
    """

    run_id: str
    catalogue: str
    kind: str
    version: int
    previous: int
    target: int | None
    restored: int
    dropped: int
    withdrawn: int
    readmitted: int
    kept_new: int = 0
    changed_since: int = 0
    left_out: int = 0
    undone: tuple[int, ...] = ()
    """The releases that were taken back, where no earlier release was shown again."""
    published_meanwhile: int = 0
    """Slots that a run changed between the command and its turn; set by a rollback."""
    slots: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


def count_slots(diff: ManifestDiff, withheld: pa.Table) -> dict[str, Any]:
    """Return the fields of a `ManifestChange` that a diff fills; `withheld` says why slots are left out."""
    counts = {name: rows.num_rows for name, rows in vars(diff).items() if name != "lost"}
    return {**counts, "dropped": diff.dropped.num_rows, "slots": name_slots(diff, withheld)}


def new_change_run(catalogue: str, started: datetime) -> Run:
    """Return a new run for a change of this catalogue."""
    return Run(new_run_id(started), catalogue, "full", "", started, "")


def begin_change(
    store: ObjectStore, tables: TableStore, run: Run, kind: str, details: Mapping[str, Any]
) -> ManifestChangeIntent:
    """Record the intent, its marker last. Files that completing it needs beside `details` must be written before.

    With it stand the tables' versions, above which the change's own commits are searched.
    """
    manifest, outcomes = layout.manifest_table(run.catalogue), layout.outcomes_table(run.catalogue)
    details = {MANIFEST_BASE: tables.version(manifest), OUTCOMES_BASE: tables.version(outcomes), **details}
    document = {**asdict(run), "started_at": run.started_at.isoformat(), "kind": kind, **details}
    write_json(store, layout.RunFiles(run.run_id).run, document)
    write_json(store, layout.open_manifest_change(run.catalogue, run.run_id), {"kind": kind, **details})
    return ManifestChangeIntent(run, kind, details)


def _complete_readmission(
    store: ObjectStore, tables: TableStore, intent: ManifestChangeIntent, rows: pa.Table
) -> ManifestChange:
    """Close a readmission, which changes no release: `rows` are the outcomes that it deleted."""
    version = tables.version(layout.manifest_table(intent.run.catalogue)) or 0
    named = [{"sku": sku} for sku in sorted(set(rows["sku"].to_pylist()))]
    identity = (intent.run.run_id, intent.run.catalogue, intent.kind, version, version, None)
    change = ManifestChange(*identity, 0, 0, 0, rows.num_rows, slots={"readmitted": named})
    _close_change(store, intent.run, "done", asdict(change))
    return change


def abandon_change(store: ObjectStore, intent: ManifestChangeIntent, reason: str) -> None:
    """Close a change that was not committed."""
    _close_change(store, intent.run, "superseded", {"reason": reason})


def complete_change(
    store: ObjectStore,
    tables: TableStore,
    intent: ManifestChangeIntent,
    precomputed_diffs: dict[int, ManifestDiff] | None = None,
) -> ManifestChange:
    """Commit the change, record its outcomes and close it; each step may be repeated.

    `precomputed_diffs` (base version -> diff) is given by the caller that began the change, and by no other. An applied
    policy is committed also where it withdraws nothing: what was decided under the policy before it loses its race.
    """
    run, operation = intent.run, ChangeOperation(store, tables, intent)
    if intent.kind == READMISSION_KIND:
        return _complete_readmission(store, tables, intent, operation.drop_readmitted())
    base, diff, version = _commit_to_manifest(store, tables, operation, dict(precomputed_diffs or {}))
    withdrawn, readmitted = operation.record_outcomes(diff)
    if intent.kind == POLICY_KIND:
        queue_withdrawn_reviews(store, run, diff, intent.details["review_days"])
    change = ManifestChange(
        run_id=run.run_id,
        catalogue=run.catalogue,
        kind=intent.kind,
        version=version,
        previous=newest_data_version(tables, layout.manifest_table(run.catalogue), at=base) or 0,
        target=intent.details.get("target"),
        undone=tuple(_undone_versions(intent.details)),
        withdrawn=withdrawn,
        readmitted=readmitted,
        **count_slots(diff, operation.read_withheld()),
    )
    _close_change(store, run, "done", asdict(change))
    return change


def _commit_to_manifest(
    store: ObjectStore, tables: TableStore, operation: ChangeOperation, diffs: dict[int, ManifestDiff]
) -> tuple[int, ManifestDiff, int]:
    """Commit an intent's changes of the manifest; return the version before, the diff and the version committed."""
    intent = operation.intent

    def build(base: int) -> tuple[tuple[int, ManifestDiff], pa.Table | None]:
        if base not in diffs:
            diffs[base] = operation.compute_diff(base)
        changes = operation.with_standing_approvals(diffs[base]).manifest_changes()
        return (base, diffs[base]), None if intent.kind == POLICY_KIND and not changes.num_rows else changes

    table, metadata, after = _manifest_commit(intent)
    (base, diff), version = commit_once(
        tables,
        table,
        intent.run.run_id,
        build,
        on=["slot_id"],
        metadata=metadata,
        after=after,
        check=lambda: _require_open(store, intent),
    )
    return base, diff, version


# Recovery of killed changes


def recover_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, *, holds_lease: bool
) -> Iterator[tuple[ManifestChangeIntent, ManifestChange]]:
    """Complete the changes that have committed and were not closed; with the lease, end those that never committed.

    With the lease, a policy that is in force already is committed now, and every other change is discarded: a mark in
    the manifest first, so that its process, if it only stood still, cannot commit it any more. Without the catalogue's
    lease a change that has not committed may be about to, so it is left alone.
    """
    for info in list(store.list(layout.open_manifest_changes_prefix(catalogue))):
        intent = _find_intent(store, info.key)
        if intent is None:
            continue  # its own process has closed it since the markers were listed
        is_certain = intent.kind == READMISSION_KIND  # it needs no lease, and may be repeated
        is_certain |= runs.is_committed(tables, intent.run, after=intent.details.get(MANIFEST_BASE))
        if is_certain or (holds_lease and _is_in_force(store, intent)):
            yield intent, complete_change(store, tables, intent)
        elif holds_lease:
            fence_run(store, tables, intent.run)
            _close_change(store, intent.run, "superseded", {"reason": "it was killed before its commit"})


def _is_in_force(store: ObjectStore, intent: ManifestChangeIntent) -> bool:
    """Tell whether the change applies the policy that is in force."""
    if intent.kind != POLICY_KIND:
        return False
    record = PolicyRecords(store, intent.run.catalogue).in_force()
    return record is not None and record.run_id == intent.run.run_id


def recover_all_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, *, holds_lease: bool
) -> list[ManifestChange]:
    """Run `recover_changes` to its end, and return the completed changes."""
    return [change for _, change in recover_changes(store, tables, catalogue, holds_lease=holds_lease)]


def _find_intent(store: ObjectStore, marker: str) -> ManifestChangeIntent | None:
    details = find_json(store, marker)
    if details is None:
        return None
    try:
        run = runs.load_run(store, marker.rsplit("/", 1)[1].removesuffix(".json"))
    except OptionError as error:
        text = f"{marker} names an open change, and {error}; delete it once no process works on it"
        raise StoreError(text) from error
    with reading(marker, "an open manifest change"):
        return ManifestChangeIntent(run, details.pop("kind", ROLLBACK_KIND), details)


def _require_open(store: ObjectStore, intent: ManifestChangeIntent) -> None:
    """Raise `LeaseLost` where the change was closed: without its marker no process sees that outcomes are missing."""
    if not store.exists(layout.open_manifest_change(intent.run.catalogue, intent.run.run_id)):
        run_id = intent.run.run_id
        raise LeaseLost(f"The {intent.kind} {run_id} was taken for dead by another run; give the command again")


def _manifest_commit(intent: ManifestChangeIntent) -> tuple[str, dict[str, str], int | None]:
    """Return the table, the metadata, and the version above which an earlier commit of the change is searched."""
    metadata = {"run_id": intent.run.run_id, "kind": intent.kind}
    if intent.kind == ROLLBACK_KIND:
        undone = _undone_versions(intent.details)
        name, versions = (UNDONE, undone) if undone else ("target", [intent.details["target"]])
        metadata[name] = ",".join(map(str, versions))
    return layout.manifest_table(intent.run.catalogue), metadata, intent.details.get(MANIFEST_BASE)


def _undone_versions(details: Mapping[str, Any]) -> list[int]:
    """Return the releases that a rollback takes back; none where it shows an earlier release again."""
    return sorted(int(version) for version in details.get("undone", {}))


def _close_change(
    store: ObjectStore, run: Run, state: Literal["done", "superseded"], details: Mapping[str, object]
) -> None:
    runs.close_run(store, run, state, details)
    store.delete([layout.open_manifest_change(run.catalogue, run.run_id)])
