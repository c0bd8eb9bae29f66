"""Log clean-up: delete the log entries and checkpoints of a table that no kept version needs.

Inputs: a listing of the log, and the oldest version that must stay readable. Outputs: the objects to delete, oldest
first. A version is read from the newest checkpoint at or before it and the entries after that, so everything older than
that checkpoint may go. delta-rs's own clean-up, by the machine's clock and the files' times, is switched off: it knows
no number of releases. It deleted entries after 30 days, and with them the releases that a slow shop had kept (A8).
"""

import re
from collections import Counter
from collections.abc import Iterable

from infra.interfaces import ObjectInfo

_VERSION = re.compile(r"(\d{20})\.")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_CHECKPOINT_PART = re.compile(r"(\d{20})\.checkpoint\.\d{10}\.(\d{10})\.parquet")


def find_expired_log_objects(log: Iterable[ObjectInfo], keep_from_version: int) -> list[ObjectInfo]:
    """Return what no version from `keep_from_version` on needs; nothing where no checkpoint is old enough."""
    names = {info: info.key.rsplit("/", 1)[1] for info in log}
    complete = [version for version in _complete_checkpoints(names.values()) if version <= keep_from_version]
    if not complete:
        return []
    expired = [
        (int(match[1]), info)
        for info, name in names.items()
        if (match := _VERSION.match(name)) and int(match[1]) < max(complete)
    ]
    return [info for _, info in sorted(expired, key=lambda found: (found[0], found[1].key))]


def _complete_checkpoints(names: Iterable[str]) -> set[int]:
    """Return the versions of checkpoints that are there with all of their parts."""
    versions, parts = set[int](), Counter[tuple[int, int]]()
    for name in names:
        if match := _CHECKPOINT.fullmatch(name):
            versions.add(int(match[1]))
        elif match := _CHECKPOINT_PART.fullmatch(name):
            parts[int(match[1]), int(match[2])] += 1
    return versions | {version for (version, total), count in parts.items() if count == total}
