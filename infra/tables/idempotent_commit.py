"""One commit for one token, whatever crashes and whoever else commits.

Comes in: a table, a token (a run's id) and a function that works out the changes against one version. Goes out: the
version in which the token's changes are, and what the function said of them. The token is looked for in the live
history before every try: Delta's own application transactions would let a second process commit the same work twice.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import pyarrow as pa

from infra.errors import CommitConflict, TableError
from infra.interfaces import TableStore

T = TypeVar("T")
MAX_CONFLICTS = 50
"""Lost races in a row before giving up; each means that somebody else committed in between."""


def commit_once(
    tables: TableStore,
    table: str,
    run_id: str,
    build_changes: Callable[[int], tuple[T, pa.Table]],
    *,
    on: list[str],
    metadata: Mapping[str, str],
) -> tuple[T, int]:
    """Commit what `build(base_version)` returns, as the version after that base; return its word and the version.

    Where the token is committed already, `build` is asked again for the base of that commit and nothing is written.
    Where there is nothing to change, nothing is committed and the version is the base. The table must be there.
    Raises `TableError` after `MAX_CONFLICTS` lost races.
    """
    for _ in range(MAX_CONFLICTS):
        history = tables.history(table)
        mine = next((commit.version for commit in history if commit.run_id == run_id), None)
        if mine is not None:
            said, _ = build_changes(mine - 1)
            return said, mine
        base = history[0].version
        said, changes = build_changes(base)
        if changes.num_rows == 0:
            return said, base
        try:
            return said, tables.merge(table, changes, on=on, base_version=base, metadata={**metadata, "token": run_id})
        except CommitConflict:
            continue
    raise TableError(
        f"{table}: {MAX_CONFLICTS} other commits came first, one after another; run the same command again"
    )
