"""Request log: one line for each request, and one for each thing that a person did, as JSON on the log.

Inputs: requests and their answers; acts, as routes name them. Outputs: lines of the logger `flows.web.requests`, which
the server sends to stderr; acts of coming in and being refused also go to the store's access log. Query strings are in
no line: filters are nobody's business, and the start link's secret is in one. Answers are their own record in the
store.
"""

import json
import logging
import time
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.web.web_context import web_context
from infra.visible_text import printable

logger = logging.getLogger(__name__)

MAX_LOGGED_CHARACTERS = 200


class RequestLog:
    """ASGI middleware: log every request once it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, statuses = time.monotonic(), [0]

        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            visitor = scope.get("state", {}).get("visitor")
            took = round(1000 * (time.monotonic() - started), 1)
            who = visitor.person.name if visitor else None
            _log("request", who, method=scope["method"], path=scope["path"], status=statuses[-1], ms=took)


def log_act(request: Request, act: str, **details: str | int | float | None) -> dict[str, Any]:
    """Log what the request's person did, such as `answer`, which the store remembers by itself; return the line."""
    visitor = getattr(request.state, "visitor", None)
    who = details.pop("who", None) or (visitor.person.name if visitor else None)
    address = request.client.host if request.client else None
    return _log(act, who, method=request.method, path=request.url.path, address=address, **details)


def record_act(request: Request, act: str, **details: str | int | float | None) -> None:
    """Log an act that nothing else remembers, such as `sign-in` or a refusal, and keep it in the store."""
    web_context(request).access_log.add(log_act(request, act, **details))


def _log(event: str, who: Any, **fields: Any) -> dict[str, Any]:
    line = {"event": event, "who": who, **fields}
    shown = {
        name: printable(value, MAX_LOGGED_CHARACTERS) if isinstance(value, str) else value
        for name, value in line.items()
        if value is not None
    }
    logger.info("%s", json.dumps(shown, ensure_ascii=False))
    return shown
