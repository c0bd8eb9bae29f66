"""Guard of a local server: which hosts it may be called by, and which pages may call it.

Inputs: an ASGI app, the port that it is served on. Outputs: the same app, behind checks of `Host` and `Origin`. Any
page in a browser can send requests to loopback, also under a name of its own that resolves there (DNS rebinding); a
browser says in these two headers whose page asks. Programs send no `Origin`: the auth string decides what they may do.
"""

from typing import Any

HOST = "127.0.0.1"
ALLOWED_HOSTS = (HOST, "localhost")
NO_FRAMES = (b"content-security-policy", b"frame-ancestors 'none'")


def allowed_origins(port: int) -> tuple[str, ...]:
    """Return the origins of the server's own UI."""
    return tuple(f"http://{host}:{port}" for host in ALLOWED_HOSTS)


def guard_app(app: Any, port: int) -> Any:
    """Return the app behind the checks; requests and websockets of other hosts and origins do not reach it."""
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    guarded = OriginGuard(app, allowed_origins(port))
    return TrustedHostMiddleware(guarded, allowed_hosts=list(ALLOWED_HOSTS), www_redirect=False)


class OriginGuard:
    """ASGI middleware: refuse what a page of another origin sends, and forbid every page to show the UI in a frame."""

    def __init__(self, app: Any, origins: tuple[str, ...]) -> None:
        self._app, self._origins = app, frozenset(origins)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on where no page, or the UI itself, sends it."""
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse

        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif not self._origins.issuperset(Headers(scope=scope).getlist("origin")):
            await PlainTextResponse("Pages of this origin may not call this server", 403)(scope, receive, send)
        else:
            await self._app(scope, receive, _without_frames(send))


def _without_frames(send: Any) -> Any:
    async def send_with_policy(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], NO_FRAMES]}
        await send(message)

    return send_with_policy
