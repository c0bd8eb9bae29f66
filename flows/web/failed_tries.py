"""Failed tries: how long the next wrong token waits.

Inputs: wrong and right tokens, as they come. Outputs: a pause, twice as long after each wrong one. Nobody is locked
out: a right token never waits. Few wait at once, so that a stranger cannot hold a server's connections. For one event
loop.
"""

import asyncio
from collections.abc import Awaitable, Callable

FIRST_SECONDS, MAX_SECONDS = 0.25, 4.0
MAX_WAITING = 16


class FailedTries:
    """The wrong tokens since the last right one."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep, self._failed, self._waiting = sleep, 0, 0

    async def wait(self) -> bool:
        """Wait after a wrong token; False where so many wait already that this one is sent away."""
        self._failed += 1
        if self._waiting >= MAX_WAITING:
            return False
        self._waiting += 1
        try:
            await self._sleep(min(MAX_SECONDS, FIRST_SECONDS * 2 ** min(self._failed - 1, 8)))
        finally:
            self._waiting -= 1
        return True

    def forget(self) -> None:
        """Begin anew, after a right token."""
        self._failed = 0
