"""Failure pages: what a request that cannot be answered gets, as a page or as JSON where that was asked for.

Inputs: a status and a sentence, or an exception. Outputs: a response. Errors of ours say their own sentence; a defect
says where its traceback lies, and no page ever shows one.
"""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalogs.errors import InputError, ItemNotFound
from flows.web.pages import page, wants_json
from infra.error_files import record_unexpected_error
from infra.errors import ExternalError, error_sentence

logger = logging.getLogger(__name__)


def failure_response(request: Request, status: int, message: str) -> Response:
    """Return a page, or a JSON document, that says what is wrong."""
    title = HTTPStatus(status).phrase
    if wants_json(request):
        return JSONResponse({"error": {"status": status, "title": title, "message": message}}, status)
    return page(request, "failure.html", status_code=status, status=status, title=title, message=message)


def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer what a route or the router refused; nobody signed in: lead a page to the sign-in."""
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for these alone
    if error.status_code == HTTPStatus.UNAUTHORIZED and request.method == "GET" and not wants_json(request):
        if request.headers.get("sec-fetch-site") == "cross-site":
            # A link from elsewhere: the browser kept its strict cookie back, and sends it when this page asks.
            return page(request, "go_on.html", target=asked_path(request))
        return RedirectResponse(f"/sign-in?next={quote(asked_path(request), safe='/')}", HTTPStatus.SEE_OTHER)
    return failure_response(request, error.status_code, str(error.detail))


def answer_bad_request(request: Request, _: Exception) -> Response:
    """Answer a path or a query whose values have the wrong form, without repeating them."""
    return failure_response(request, 400, "The address has a value of the wrong form: go back, and follow a link.")


def answer_known_error(request: Request, error: Exception) -> Response:
    """Answer an error that says in a sentence what to do."""
    status = 404 if isinstance(error, ItemNotFound) else 400 if isinstance(error, InputError) else 503
    return failure_response(request, status, error_sentence(error))


EXCEPTION_ANSWERS: dict[Any, Any] = {
    HTTPException: answer_http_error,
    StarletteHTTPException: answer_http_error,
    RequestValidationError: answer_bad_request,
    InputError: answer_known_error,
    ExternalError: answer_known_error,
}
"""Which function answers which exception, for FastAPI."""


def asked_path(request: Request) -> str:
    """Return the address that was asked for, as a path of this server."""
    path, query = quote(request.url.path), request.url.query
    return f"{path}?{query}" if query else path


class UnexpectedErrors:
    """ASGI middleware: answer a defect with a page, and keep its traceback in a file of the server's user."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; a defect after the answer has begun ends the connection."""
        has_begun = False

        async def note_begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note_begin)
        except Exception as error:
            sentence = error_sentence(await run_in_threadpool(record_unexpected_error, error))
            logger.error("%s", sentence)
            if has_begun:
                raise
            message = "The server has met a defect; whoever runs it finds the traceback by its log."
            await failure_response(Request(scope, receive), 500, message)(scope, receive, send)
