"""Access log: who came into a console, who was refused, kept in the store for a while.

Inputs: a store; acts, as JSON. Outputs: one object a day and server, JSON lines, written anew while the day lasts. What
people answered is not here: answers are their own record. Bounded: at most `MAX_DAY_BYTES` a day and server, after
which acts are counted and no longer kept, so that a stranger's tries fill no store; `sweep` removes old days. A store
that takes no write costs the record, never the work: whoever runs the server reads it in the log, where every act
stands too.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any

from catalogs import layout
from infra.errors import StoreError, error_sentence
from infra.interfaces import ObjectInfo, ObjectStore

logger = logging.getLogger(__name__)

MAX_DAY_BYTES = 500_000
"""Some 2,500 acts; ten people who sign in twice a day make twenty."""
MAX_STRANGER_BYTES = MAX_DAY_BYTES // 2
"""Of acts of nobody known: who tries tokens cannot fill the day first, and come in without a record after that."""
FLUSH_SECONDS = 30.0
"""How often the object is written while acts come: what a kill may cost."""


MAX_OWED_DAYS = 3
"""Days that a server keeps in memory while the store takes no write; the oldest go first."""


@dataclass
class _Day:
    """The acts of one day, as lines."""

    name: str
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    stranger_size: int = 0
    left_out: int = 0
    is_written: bool = True

    def add(self, line: bytes, *, is_stranger: bool) -> None:
        """Keep a line; count it where the day is full, or a stranger's share of it."""
        of_stranger = len(line) if is_stranger else 0
        if self.size + len(line) > MAX_DAY_BYTES or (
            of_stranger and self.stranger_size + of_stranger > MAX_STRANGER_BYTES
        ):
            self.left_out += 1
        else:
            self.lines.append(line)
            self.size += len(line)
            self.stranger_size += of_stranger
        self.is_written = False

    def document(self) -> bytes:
        """Return what the day's object is to hold."""
        counted = [json.dumps({"event": "left out", "acts": self.left_out}).encode() + b"\n"] if self.left_out else []
        return b"".join([*self.lines, *counted])


class AccessLog:
    """The access log of one server. Safe for several threads."""

    def __init__(self, store: ObjectStore, server: str, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._store, self._server, self._seconds = store, server, flush_seconds
        self._lock, self._writing = Lock(), Lock()
        self._days = [_Day("")]
        """Those that are over and owed to the store, and the current one."""
        self._stop = Event()
        self._thread: Thread | None = None

    def add(self, act: Mapping[str, Any]) -> None:
        """Keep an act; it is in the store within `FLUSH_SECONDS`."""
        now = self._store.now()
        line = json.dumps({"at": now.isoformat(), **act}, ensure_ascii=False, default=str)
        day = now.date().isoformat()
        with self._lock:
            if day > self._days[-1].name:  # another thread's act of a moment before midnight belongs to the new day
                owed = [each for each in self._days if not each.is_written]
                self._days = [*owed[-MAX_OWED_DAYS:], _Day(day)]
            self._days[-1].add(line.encode("utf-8", "replace") + b"\n", is_stranger=not act.get("who"))
            if self._thread is None:
                self._thread = Thread(target=self._flush_regularly, name="access-log", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what is not yet in the store; where that fails, say so and try again later."""
        with self._writing:
            with self._lock:
                owed = [(day, day.document()) for day in self._days if not day.is_written]
                for day, _ in owed:
                    day.is_written = True
            for day, document in owed:
                self._write(day, document)

    def close(self) -> None:
        """Write the rest, and stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _write(self, day: _Day, document: bytes) -> None:
        key = layout.access_log(day.name, self._server)
        try:
            self._store.write(key, document, content_type="application/x-ndjson")
        except StoreError as error:
            with self._lock:
                day.is_written = False
                if all(each is not day for each in self._days):  # it ended while it was written
                    self._days.insert(0, day)
            logger.warning("%s was not written, its acts are in this log alone: %s", key, error_sentence(error))

    def _flush_regularly(self) -> None:
        while not self._stop.wait(self._seconds):
            self.flush()


def find_old_access_logs(store: ObjectStore, before: datetime) -> Iterator[ObjectInfo]:
    """Yield the objects of days that ended a day or more before a time."""
    last = (before - timedelta(days=1)).date().isoformat()
    return (info for info in store.list(layout.ACCESS_LOG) if info.key.split("/")[1] < last)
