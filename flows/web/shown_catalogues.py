"""Shown catalogues: which catalogues a server shows, those that it was told to show or all that its store has.

Inputs: names, and a search of the store where no names were given. Outputs: names. A store may get its first catalogue,
or another one, while a console runs: the start page, and the address of a catalogue that is not known yet, look again;
all other pages use what is remembered, so that none of them waits for a listing.
"""

import time
from collections.abc import Callable, Sequence
from threading import Lock

LOOK_AGAIN_SECONDS = 5.0
"""How old the names of the start page may be: requests for unknown ones must not list the store each time."""


class ShownCatalogues:
    """The catalogues of one server. Safe for several threads."""

    def __init__(self, names: Sequence[str], find: Callable[[], Sequence[str]] | None = None) -> None:
        """Show these names; with `find`, whatever it finds later."""
        self.names = tuple(names)
        self._find, self._lock = find, Lock()
        self._looked_at = time.monotonic()

    def look(self) -> tuple[str, ...]:
        """Look again where that was some seconds ago, and return the names."""
        with self._lock:
            if self._find is not None and time.monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS:
                self.names = tuple(self._find())
                self._looked_at = time.monotonic()
            return self.names
