"""Standing acceptances: shares that a person has let go before, and that have not become worse since.

Inputs: the checks that would hold a batch, with what was observed tonight; the releases before, with their reports.
Outputs: the checks that do not hold, each with the run for which a person accepted it. A catalogue of which a seventh
is no product is asked about once and not every night; a share that grows by more than a tenth is asked about again, and
so is one that was within its limit in between.
"""

from collections.abc import Mapping
from typing import Any

from catalogs import layout
from infra.errors import DocumentUnreadable
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import find_json
from tasks.runs.held_releases import read_accepted_checks

MAX_COMMITS = 30
"""Commits that are looked through for the acceptance: a month of nights. It is only asked where a check fails."""
TOLERANCE = 1.1
"""How much more than what was accepted is still the same."""


def find_standing(
    store: ObjectStore, tables: TableStore, catalogue: str, observed: Mapping[str, float]
) -> dict[str, str]:
    """Return which of these failed checks a person has accepted before, by name, with the run that was released."""
    open_checks, standing = dict(observed), dict[str, str]()
    accepted_by_run = read_accepted_checks(store, catalogue) if observed else {}
    for commit in tables.history(layout.manifest_table(catalogue), MAX_COMMITS) if observed else ():
        report = _find(store, layout.RunFiles(commit.run_id).report) if commit.run_id else {}
        checks = {check["name"]: check for check in report.get("checks") or ()}
        if not open_checks.keys() & checks.keys():
            continue  # another kind of commit, or a run that changed nothing and was not audited
        accepted = accepted_by_run.get(str(commit.run_id), ())
        for name in [name for name in open_checks if name in checks]:
            share, before = open_checks[name], checks[name]
            if before["success"]:
                del open_checks[name]
            elif name in accepted:
                del open_checks[name]
                if share <= float(before["observed"]) * TOLERANCE:
                    standing[name] = str(commit.run_id)
    return standing


def _find(store: ObjectStore, key: str) -> Mapping[str, Any]:
    """Return a stored document; an empty one where it was swept or is damaged."""
    try:
        return find_json(store, key) or {}
    except DocumentUnreadable:
        return {}
