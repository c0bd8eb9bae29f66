"""Decoding budget: how much memory threads may take together while they decode.

Inputs: the bytes that each piece of work takes. Outputs: a block that begins once there is room for them.
Invariant: what is under way takes no more than the budget; one that needs more by itself is alone. Whoever came first
is first, so that a large photo is not put off for ever by small ones.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class DecodingBudget:
    """A number of bytes, shared by the threads of a process."""

    def __init__(self, limit: int) -> None:
        self._limit, self._taken = limit, 0
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def take(self, needed: int) -> Iterator[None]:
        """Wait until so many bytes are free, at most the whole budget; give them back at the end of the block."""
        size, ticket = min(needed, self._limit), object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._taken + size <= self._limit)
            self._waiting.popleft()
            self._taken += size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()
