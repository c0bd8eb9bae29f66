"""Data versions: the versions of a table that changed rows.

Inputs: a table, or its history. Outputs: commits and versions. A Delta version may change nothing that a reader sees:
compactions, marks and added columns are versions too. Whatever asks "what is live, and since when" counts data
versions; a commit's race is decided by Delta versions.
"""

from collections.abc import Iterable

from infra.interfaces import Commit, TableStore

_LOOKS = (2, 16, None)
"""Commits that are read at each look; most histories begin with one that changed rows."""


def data_commits(history: Iterable[Commit]) -> list[Commit]:
    """Return the commits that changed rows, in the order given."""
    return [commit for commit in history if commit.changes_data]


def newest_data_version(tables: TableStore, table: str, *, at: int | None = None) -> int | None:
    """Return the newest version, up to `at`, that changed rows; 0 for a table that never had any; None without a table.

    Reads a few log entries; more only where none of them changed rows. Where every such commit has left the log, the
    oldest version of the live history stands for it: it shows the same rows.
    """
    history: list[Commit] = []
    for limit in _LOOKS:
        history = [commit for commit in tables.history(table, limit) if at is None or commit.version <= at]
        if commits := data_commits(history):
            return commits[0].version
    return history[-1].version if history else at


def has_new_data(tables: TableStore, table: str, since: int) -> bool:
    """Tell whether a version after `since` changed rows. Reads only the log entries after it."""
    history = tables.history(table, after=since)
    is_gapless = not history or history[-1].version == since + 1  # what has left the log may have changed rows
    return not is_gapless or any(commit.changes_data for commit in history)
