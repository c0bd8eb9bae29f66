"""Galleries: one gallery a catalogue for all requests of a server, opened when it is first asked for.

Inputs: requests below a catalogue that the server shows. Outputs: its `Gallery`, which keeps what it has read.
"""

from threading import Lock

from fastapi import Request

from flows.web.web_context import known_catalogue, web_context
from tasks.gallery.gallery import Gallery


class Galleries:
    """The galleries of one server. Safe for several threads."""

    def __init__(self) -> None:
        self._galleries: dict[str, Gallery] = {}
        self._lock = Lock()

    def of(self, request: Request) -> Gallery:
        """Return the gallery of the catalogue in a request's path."""
        context, catalogue = web_context(request), known_catalogue(request)
        with self._lock:
            if catalogue not in self._galleries:
                self._galleries[catalogue] = Gallery(context.store, context.tables, catalogue)
            return self._galleries[catalogue]
