"""Request guard: no request reaches a route before its host, its origin, its size and its form's token are checked.

Inputs: an ASGI app. Outputs: the same app, behind the checks; `request.state.visitor` says who asks (None: nobody has
signed in), `request.state.form` what a form holds. It stands before all routes, so that none can forget it: every
request that may change something is a form of a page of this very server, with the session's own token in it.
"""

import logging
from hmac import compare_digest

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.web.failure_pages import failure_response
from flows.web.forms import CSRF_FIELD, FORM_TYPE, MAX_FORM_BYTES, Form, parse_form
from flows.web.request_log import record_act
from flows.web.visitors import find_visitor
from flows.web.web_context import web_context
from infra.errors import ExternalError, error_sentence

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD"})
SIGN_IN_PATH = "/sign-in"
"""The one form that is sent before there is a session: a page of another origin is refused here too."""
MAX_PATH_CHARACTERS = 2000
"""No address of ours has more, and a number in a path of which Python reads 4,300 digits would be a defect."""
_PAGE_IS_OLD = "This page is too old, or another one sent the form: go back, load the page again, and repeat it."


class Refusal(Exception):
    """A request is refused with a status and a sentence; never leaves this module."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status, self.message = status, message


class RequestGuard:
    """ASGI middleware: refuse what no page of this server sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on where nothing stands against it."""
        if scope["type"] != "http":
            return  # no route is a websocket
        request = Request(scope, receive)
        request.state.visitor = None
        try:
            _check_address(request)
            request.state.visitor = await run_in_threadpool(find_visitor, request)
            if request.method not in SAFE_METHODS:
                request.state.form = await _read_form(request)
        except ExternalError as error:
            logger.warning("The store cannot be asked who sends a request: %s", error_sentence(error))
            message = "The store cannot be asked who you are; try again in a moment."
            await failure_response(request, 503, message)(scope, receive, send)
            return
        except Refusal as refusal:
            await run_in_threadpool(record_act, request, "refused", status=refusal.status)
            await failure_response(request, refusal.status, refusal.message)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _check_address(request: Request) -> None:
    context = web_context(request)
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not context.addresses.allows_host(hosts[0]):
        raise Refusal(400, "This server has another name: open the address that it printed when it started.")
    if len(request.scope["path"]) > MAX_PATH_CHARACTERS:
        raise Refusal(414, f"The address has more than {MAX_PATH_CHARACTERS:,} characters.")
    proxy = context.entrance.proxy
    if proxy is not None and not (request.client and proxy.is_peer(request.client.host)):
        raise Refusal(403, "This server answers its proxy alone.")
    if request.method not in SAFE_METHODS and not context.addresses.allows_form(hosts[0], request.headers):
        raise Refusal(403, "Pages of another origin may not call this server.")


async def _read_form(request: Request) -> Form:
    """Return the form, with the token of the visitor in it. Nothing is parsed that is too large or of another kind."""
    if request.method != "POST":
        raise Refusal(405, "Pages are read and forms are sent; nothing else is understood.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Refusal(415, f"Send {FORM_TYPE}.")
    try:
        form = parse_form(await _read_body(request))
    except ValueError:
        raise Refusal(413, "The form has too many fields.") from None
    if request.scope["path"] != SIGN_IN_PATH:
        visitor = request.state.visitor
        if visitor is None:
            raise Refusal(401, "Sign in first.")
        if not compare_digest(form.text(CSRF_FIELD).encode("utf-8", "surrogatepass"), visitor.csrf_token.encode()):
            raise Refusal(403, _PAGE_IS_OLD)
    return form


async def _read_body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 12 or int(declared) > MAX_FORM_BYTES:
        raise Refusal(413, f"The form is larger than {MAX_FORM_BYTES:,} bytes.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise Refusal(413, f"The form is larger than {MAX_FORM_BYTES:,} bytes.")
    return bytes(body)
