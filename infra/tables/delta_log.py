"""Read a Delta table's history from its log objects.

Inputs: a store and a table's name. Outputs: the commits with Packshot's metadata.
deltalake's own `history` holds the interpreter's lock while it waits for the store (measured: every other thread stands
still, also the one that renews a lease). The log's JSON lines, which the Delta protocol fixes, are therefore read here,
several at a time.
"""

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from deltalake import CommitProperties

from infra.errors import ObjectMissing, TableError, one_line
from infra.interfaces import Commit, ObjectStore

_METADATA_PREFIX = "packshot."  # keeps Packshot's metadata apart from Delta's own fields in a commit
COMMIT_TIME = "at"
"""Metadata of every commit: when it was made, by the clock of the store."""
_LOG_ENTRY_NAME = re.compile(r"(\d{20})\.json")
_READER_THREADS = 8
_ROW_COUNT_METRICS = (
    "num_added_rows",
    "num_target_rows_inserted",
    "num_target_rows_updated",
    "num_target_rows_deleted",
)


def to_commit_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return commit metadata under the names that it has in the log."""
    return {f"{_METADATA_PREFIX}{name}": value for name, value in metadata.items()}


def new_commit_properties(metadata: Mapping[str, str], now: datetime) -> CommitProperties:
    """Return the properties of a commit at `now` by the store's clock, which loses its race instead of rebasing."""
    dated = {COMMIT_TIME: now.isoformat(), **metadata}
    return CommitProperties(custom_metadata=to_commit_metadata(dated), max_commit_retries=0)


def read_history(
    store: ObjectStore, table: str, limit: int | None = None, *, after: int | None = None
) -> Sequence[Commit]:
    """Return the commits whose log entries are still there, newest first, at most `limit`, only versions > `after`."""
    folder = f"{table}/_delta_log/"
    names = (info.key.removeprefix(folder) for info in store.list(folder))
    found = (int(match[1]) for name in names if (match := _LOG_ENTRY_NAME.fullmatch(name)))
    versions = sorted((version for version in found if after is None or version > after), reverse=True)
    with ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="history") as readers:
        entries = readers.map(lambda version: _read_entry(store, f"{folder}{version:020d}.json"), versions[:limit])
        found_entries = zip(versions, entries, strict=False)
        return [_parse_commit(table, version, entry) for version, entry in found_entries if entry is not None]


def _read_entry(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.read(key)
    except ObjectMissing:
        return None  # a sweep has removed it since it was listed


def _parse_commit(table: str, version: int, entry: bytes) -> Commit:
    """Return the commit of a log entry. Raises `TableError` where the Delta protocol knows no such entry."""
    try:
        return _commit(version, entry)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, RecursionError) as error:
        raise TableError(
            f"The log entry of version {version} of table {table!r} is damaged ({one_line(error)}): restore that object"
            " from the bucket's old versions or a backup."
        ) from None


def _commit(version: int, entry: bytes) -> Commit:
    actions = [json.loads(line) for line in entry.splitlines() if line.strip()]
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    metadata = {
        name.removeprefix(_METADATA_PREFIX): str(value)
        for name, value in info.items()
        if name.startswith(_METADATA_PREFIX)
    }
    # By the store's clock where the commit carries that time, else by its writer's.
    at = metadata.pop(COMMIT_TIME, None)
    timestamp = datetime.fromisoformat(at) if at else datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC)
    if timestamp.tzinfo is None:
        raise ValueError(f"its time {at!r} names no zone")
    rows = _rows_moved(info.get("operationMetrics") or {})
    return Commit(version, timestamp, metadata, rows, any(_changes_data(action) for action in actions))


def _changes_data(action: Mapping[str, Any]) -> bool:
    """Tell whether a log action adds or removes rows: a compaction's files say that they do not."""
    return any(action[kind].get("dataChange", True) for kind in ("add", "remove") if kind in action)


def _rows_moved(metrics: Mapping[str, object]) -> int | None:
    """Return how many rows were inserted, replaced and deleted, by the counts that delta-rs leaves in the log."""
    counts = [int(str(metrics[name])) for name in _ROW_COUNT_METRICS if name in metrics]
    return sum(counts) if counts else None
