"""Held notices: what the console's first page says of batches that are held, so that their silence is not overlooked.

Inputs: a server's context, a catalogue. Outputs: a notice for each held batch, late ones first. Pages ask often and a
batch is held for hours: what was found is said again for `REMEMBERED_SECONDS`.
"""

import time
from collections.abc import Sequence
from threading import Lock

from flows.web.pages import catalogue_path
from flows.web.web_context import PartNotice, WebContext
from tasks.runs.held_batches import HeldBatch, list_held_batches

HELD_PATH = "/held"
REMEMBERED_SECONDS = 15.0


class HeldNotices:
    """The notices of one server. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: dict[str, tuple[float, Sequence[HeldBatch]]] = {}

    def of(self, context: WebContext, catalogue: str) -> Sequence[PartNotice]:
        """Return what is to be said of a catalogue's held batches."""
        now, base = context.now(), catalogue_path(catalogue, HELD_PATH)
        found = []
        for batch in self._batches(context, catalogue):
            hours = round((now - batch.since).total_seconds() / 3600)
            late = batch.is_overdue(now)
            text = f"Nobody has answered for {hours:,} hours: it stays held." if late else "It waits for a person."
            url = f"{base}/{batch.run.run_id}"
            found.append(PartNotice(f"The batch of the {batch.run.scope} run {batch.run.run_id}: {text}", url, late))
        return sorted(found, key=lambda notice: not notice.is_late)

    def _batches(self, context: WebContext, catalogue: str) -> Sequence[HeldBatch]:
        with self._lock:
            read_at, batches = self._found.get(catalogue, (float("-inf"), ()))
            if time.monotonic() - read_at >= REMEMBERED_SECONDS:
                batches = list_held_batches(context.store, catalogue)
                self._found[catalogue] = (time.monotonic(), batches)
            return batches

    def forget(self, catalogue: str) -> None:
        """Read a catalogue's batches anew at the next page: one was let go."""
        with self._lock:
            self._found.pop(catalogue, None)
