"""Keep a table inside its own folder: no links on the way to it, and no files named in its log that lie elsewhere.

Inputs: a store, a table's name, an open table, paths from its log. Outputs: none, or `StoreError` and `TableError`.
Invariant: this is checked before deltalake reads or writes. It follows links and takes absolute paths, as Delta's
protocol allows, so whoever may write one log entry could have any file of the machine read as rows.
"""

import re
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from infra.errors import TableError
from infra.interfaces import ObjectStore

_LIBRARY_FOLDERS = ("_delta_log", "_change_data")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def require_no_links(store: ObjectStore, table: str) -> None:
    """Raise `StoreError` where the table's folder, or one that the library writes in it, is behind a symbolic link."""
    for folder in _LIBRARY_FOLDERS:
        store.exists(f"{table}/{folder}")


def require_own_files(table: str, version: DeltaTable) -> None:
    """Raise `TableError` where the version names a data file outside of its table."""
    for path in pa.table(version.get_add_actions())["path"].to_pylist():
        own_file_key(table, path)


def own_file_key(table: str, path: str) -> str:
    """Return the key of a file that a table's log names by `path`. Raises `TableError` where it lies elsewhere."""
    plain = unquote(path)
    if _SCHEME.match(plain) or any(part in {"", ".", ".."} for part in plain.split("/")):
        raise TableError(
            f"Table {table!r} names a file outside of its own folder, {path[:200]!r}: another program has written to"
            " its log. Restore the store from a backup, and give write rights to the pipeline alone."
        )
    return f"{table}/{plain}"
