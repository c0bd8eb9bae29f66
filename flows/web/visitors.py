"""Visitors: who sends a request, by a session's cookie or by the header of the named proxy.

Inputs: a request. Outputs: a `Visitor`, or none. Behind a proxy its header alone counts, and from its address alone;
elsewhere the cookie alone.
"""

from fastapi import Request

from flows.web.entrance import Visitor
from flows.web.web_context import web_context


def find_visitor(request: Request) -> Visitor | None:
    """Return who sends a request; None where nobody has signed in. It may read the store: call it in a thread."""
    context = web_context(request)
    proxy = context.entrance.proxy
    if proxy is not None:
        names = request.headers.getlist(proxy.header)
        is_proxy = request.client is not None and proxy.is_peer(request.client.host)
        return context.entrance.named_visitor(_header_text(names[0])) if is_proxy and len(names) == 1 else None
    cookie = request.cookies.get(cookie_name(request), "")
    session = context.sessions.find(cookie, context.now()) if cookie else None
    if session is None:
        return None
    visitor = context.entrance.session_visitor(session)
    if visitor is None:
        context.sessions.end_of_key(session.key_id)
    return visitor


def cookie_name(request: Request) -> str:
    """Return the session cookie's name: browsers share cookies between the ports of a host, so it holds the port.

    By TLS it has the prefix `__Host-`, under which a browser takes no cookie of another host or of plain HTTP.
    """
    addresses = web_context(request).addresses
    prefix = "__Host-" if addresses.is_secure(request.headers.get("host", "")) else ""
    return f"{prefix}packshot-{addresses.port}"


def _header_text(value: str) -> str:
    """Return a header's text: proxies send UTF-8, which a server reads as Latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
