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

from infra.interfaces import Commit, ObjectStore

_METADATA_PREFIX = "packshot."  # keeps Packshot's metadata apart from Delta's own fields in a commit
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


def read_history(store: ObjectStore, table: str, limit: int | None = None) -> Sequence[Commit]:
    """Return the commits whose log entries are still there, newest first, at most `limit`."""
    folder = f"{table}/_delta_log/"
    names = (info.key.removeprefix(folder) for info in store.list(folder))
    versions = sorted((int(match[1]) for name in names if (match := _LOG_ENTRY_NAME.fullmatch(name))), reverse=True)
    with ThreadPoolExecutor(_READER_THREADS, thread_name_prefix="history") as readers:
        entries = readers.map(lambda version: store.read(f"{folder}{version:020d}.json"), versions[:limit])
        return [_commit(version, entry) for version, entry in zip(versions, entries, strict=False)]


def _commit(version: int, entry: bytes) -> Commit:
    actions = (json.loads(line) for line in entry.splitlines() if b'"commitInfo"' in line)
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    metadata = {
        name.removeprefix(_METADATA_PREFIX): str(value)
        for name, value in info.items()
        if name.startswith(_METADATA_PREFIX)
    }
    at = datetime.fromtimestamp(info.get("timestamp", 0) / 1000, UTC)
    return Commit(version, at, metadata, _rows_moved(info.get("operationMetrics") or {}))


def _rows_moved(metrics: Mapping[str, object]) -> int | None:
    """Return how many rows were inserted, replaced and deleted, by the counts that delta-rs leaves in the log."""
    counts = [int(str(metrics[name])) for name in _ROW_COUNT_METRICS if name in metrics]
    return sum(counts) if counts else None
