"""Rollback plan: what a rollback goes back to, chosen in view of the release that is current when it is asked for.

Inputs: a `RollbackSelection` and a catalogue's history. Outputs: a `RollbackPlan`: one release to show again, or
commits to take back; and its `ManifestDiff` against any later version of the manifest. The plan is plain values, so
that another process completes a killed rollback with the same diff, and a lost race repeats it on the new version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.runs.commit_kinds import POLICY_KIND
from catalogs.runs.manifest_diff import ManifestDiff, diff_taking_back
from catalogs.runs.rollback_selection import RollbackSelection
from catalogs.table_schemas import MANIFEST
from infra.interfaces import Commit, ObjectStore, TableStore
from tasks.amendments.release_diff import diff_releases
from tasks.runs.release_history import data_commits, read_oldest_retained_release, require_history
from tasks.runs.shown_changes import BackwardDiff, ShownChange, read_changed_rows, walk_shown_changes

_MAX_NAMED = 20


@dataclass(frozen=True)
class RollbackPlan:
    """What a rollback goes back to.

    `target` is the release to show again, or the one before the oldest commit that is taken back. `undone` maps the
    version of each commit that is taken back to the SKUs that it is taken back for (None: all of them); it is empty
    where a release is shown again. `seen` is the release that was current when the plan was made.
    """

    selection: RollbackSelection
    target: int
    seen: int
    undone: Mapping[int, Sequence[str] | None]

    @property
    def details(self) -> dict[str, Any]:
        """Return plain values for the intent."""
        undone = {str(version): skus for version, skus in self.undone.items()}
        asked = self.selection.document
        words = {"target": self.target, "asked": asked["to"], "seen": self.seen}
        return {**words, "selection": asked, "undone": undone}

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> "RollbackPlan":
        """Return the plan that an intent holds."""
        asked = {**details["selection"], "skus": tuple(details["selection"]["skus"])}
        undone = {int(version): skus for version, skus in details["undone"].items()}
        return cls(RollbackSelection(**asked), details["target"], details["seen"], undone)

    def compute_diff(self, tables: TableStore, catalogue: str, base: int) -> ManifestDiff:
        """Return the diff against version `base` of the manifest, before anything is left out."""
        if self.undone:
            parts = (_diff_of_commit(tables, catalogue, base, *undone) for undone in self.undone.items())
            return reduce(add, parts)
        diff = diff_releases(tables, catalogue, base, self.target)
        if self.selection.skus:
            diff = diff.only_skus(self.selection.skus)
        return diff if self.selection.drop_new else diff.keeping_new_slots()


def plan_rollback(store: ObjectStore, tables: TableStore, catalogue: str, selection: RollbackSelection) -> RollbackPlan:
    """Return the plan of a rollback, in view of the current release. Nothing is written.

    Raises `OptionError` where there is no such catalogue, release, run or SKU, or where it is no longer kept.
    """
    commits = data_commits(require_history(tables, catalogue, store))
    kept_from = read_oldest_retained_release(store, catalogue)
    kept = [commit for commit in commits if commit.version >= kept_from]
    seen = commits[0].version if commits else 0
    undone: Mapping[int, Sequence[str] | None]
    if selection.run_id is not None:
        undone = {_find_run(catalogue, kept, selection.run_id).version: list(selection.skus) or None}
    elif selection.takes_commits_back:
        undone = _find_last_changes(store, tables, catalogue, kept, selection.skus)
    else:
        newest = kept[0].version if kept else None
        others = [commit.version for commit in kept[1:]]
        target = _choose_release(store, tables, catalogue, kept) if selection.to is None else selection.to
        if target not in others:
            raise OptionError(_refusal(catalogue, target, newest, others))
        return RollbackPlan(selection, target, seen, {})
    return RollbackPlan(selection, min(undone) - 1, seen, undone)


def _diff_of_commit(
    tables: TableStore, catalogue: str, base: int, version: int, skus: Sequence[str] | None
) -> ManifestDiff:
    removed, added = read_changed_rows(tables, catalogue, version)
    slots = pa.concat_tables([removed, added])["slot_id"].combine_chunks()
    batches = tables.batches(layout.manifest_table(catalogue), MANIFEST, version=base)
    live = pa.Table.from_batches((rows.filter(pc.is_in(rows.column("slot_id"), slots)) for rows in batches), MANIFEST)
    diff = diff_taking_back(removed, added, live)
    return diff if skus is None else diff.only_skus(skus)


def _choose_release(store: ObjectStore, tables: TableStore, catalogue: str, kept: Sequence[Commit]) -> int:
    """Return the newest kept release that shows something else than the current one. Raises `OptionError`."""
    difference = BackwardDiff()
    for change, before in zip(walk_shown_changes(store, tables, catalogue, kept[:-1]), kept[1:], strict=True):
        difference.undo(change)
        if len(difference):
            return before.version
    same = "; there is no other to go back to" if not kept[1:] else ", and all show the same images"
    raise OptionError(f"The catalogue {catalogue!r} has {len(kept)} release(s){same}")


def _find_run(catalogue: str, kept: Sequence[Commit], run_id: str) -> Commit:
    for commit, before in zip(kept, [*kept[1:], None], strict=True):
        if commit.run_id == run_id and (before is not None or commit.version == 1):
            if commit.metadata.get("kind") == POLICY_KIND:
                raise OptionError(f"--run: {run_id!r} applied a policy; only another policy takes that back")
            return commit
    raise OptionError(
        f"--run: {run_id!r} made no release of {catalogue!r} that is kept, or none with a kept one before it;"
        " `packshot releases` names each release's run"
    )


def _find_last_changes(
    store: ObjectStore, tables: TableStore, catalogue: str, kept: Sequence[Commit], skus: Sequence[str]
) -> dict[int, list[str]]:
    """Return the versions that last changed what each SKU shows, each with its SKUs. Raises `OptionError`."""
    missing, found = set(skus), dict[int, list[str]]()
    for change in walk_shown_changes(store, tables, catalogue, kept[:-1] if kept[-1].version > 1 else kept):
        changed = missing & _skus_of(change)
        if changed:
            found[change.commit.version] = sorted(changed)
            missing -= changed
        if not missing:
            return found
    raise OptionError(
        f"--sku: no release of {catalogue!r} that is kept has changed what {min(missing)!r} shows, so there is nothing"
        " to take back; --to N goes back to a release"
    )


def _skus_of(change: ShownChange) -> set[str]:
    return {*change.removed["sku"].to_pylist(), *change.added["sku"].to_pylist()}


def _refusal(catalogue: str, version: int, newest: int | None, others: Sequence[int]) -> str:
    """Return why one cannot go back to a version, naming up to 20 releases that one can go back to."""
    names = ", ".join(map(str, others[:_MAX_NAMED])) + (" …" if len(others) > _MAX_NAMED else "")
    choices = f"one can go back to: {names}" if others else "there is no other to go back to"
    if version == newest:
        return f"Release {version} of {catalogue!r} is the current one; {choices}"
    return f"The catalogue {catalogue!r} has no release {version!r}; {choices}"
