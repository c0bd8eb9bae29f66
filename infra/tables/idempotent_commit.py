"""Idempotent commits: one commit per run, whatever crashes and whichever other process commits.

Inputs: a table, a run's id, and a function that computes the changes against one version. Outputs: the version that
holds the run's changes, and the function's own result.
Invariant: the run id is looked for in the live history before every attempt, so no run commits twice. Delta's own
application transactions would let a second process commit the same work again. Callers say which version existed when
the run began: only later log entries are read, so a commit costs the same whatever was committed before.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from infra.errors import CommitConflict, TableError
from infra.interfaces import TableStore

T = TypeVar("T")
MAX_CONFLICTS = 50
"""Lost races in a row before giving up; each means that another process committed in between."""


def commit_once(  # noqa: PLR0913 - a commit is what, onto what, by which run, and under which limits
    tables: TableStore,
    table: str,
    run_id: str,
    build_changes: Callable[[int], tuple[T, pa.Table | None]],
    *,
    on: Sequence[str],
    metadata: Mapping[str, str],
    check: Callable[[], None] | None = None,
    after: int | None = None,
) -> tuple[T, int]:
    """Commit the changes of `build_changes(base)` as the version after `base`; return its result and the version.

    Where the run has committed already, `build_changes` is called with that commit's base, and nothing is written.
    An empty table of changes commits nothing, and the version is the base; None in its place commits the metadata
    alone. The table must exist. `after` is a version that existed before the run could commit, the same at each
    repetition; only later commits are searched for it, without it all of them.

    `check` raises where the run may not commit any more. It is asked after `base` was read and before each try, also
    where there are no changes: what forbids the commit is itself committed after `base`, and the try loses its race.

    Raises `TableError` after `MAX_CONFLICTS` lost races.
    """
    for _ in range(MAX_CONFLICTS):
        history = tables.history(table, after=after)
        own_version = next((commit.version for commit in history if commit.run_id == run_id), None)
        if own_version is not None:
            result, _ = build_changes(own_version - 1)
            return result, own_version
        base = history[0].version if history or after is None else after
        result, changes = build_changes(base)
        if check is not None:
            check()
        committed = {**metadata, "token": run_id}
        try:
            if changes is None:
                return result, tables.mark(table, base_version=base, metadata=committed)
            if changes.num_rows == 0:
                return result, base
            return result, tables.merge(table, changes, on=on, base_version=base, metadata=committed)
        except CommitConflict:
            continue
    raise TableError(
        f"{table}: {MAX_CONFLICTS} other commits came first, one after another; run the same command again"
    )
