"""Sign-in: the pages by which a person comes in with a token or the start link, and goes.

Inputs: a token, by a form; the start link's secret, once. Outputs: a session's cookie, or a refusal that takes the
longer the more of them there were. Tokens have 256 random bits, so that nobody is locked out for another one's tries:
a right token opens at once, whatever failed before.
"""

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from catalogs.answers.person import Person
from flows.web.failure_pages import failure_response
from flows.web.forms import Posted
from flows.web.pages import page
from flows.web.request_log import record_act
from flows.web.sessions import SESSION_LENGTH
from flows.web.visitors import cookie_name
from flows.web.web_context import web_context
from flows.web.web_files import static_response
from infra.errors import StoreError

sign_in_router = APIRouter()

MAX_TOKEN_CHARACTERS = 200


@sign_in_router.get("/static/{name}", name="static")
def static(request: Request, name: str) -> Response:
    """Return a file that pages load."""
    return static_response(name) or failure_response(request, 404, "There is no such file.")


@sign_in_router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """Show where a token is given."""
    return _sign_in_page(request, local_path(request.query_params.get("next", "/")))


@sign_in_router.post("/sign-in")
async def sign_in(request: Request, form: Posted) -> Response:
    """Let the holder of a token in."""
    context = web_context(request)
    wanted, token = local_path(form.text("next", "/")), form.text("token").strip()
    if context.entrance.proxy is not None:
        return failure_response(request, 403, "The proxy before this server signs people in.")
    key = None
    if 0 < len(token) <= MAX_TOKEN_CHARACTERS:
        key = await run_in_threadpool(context.entrance.keyring.find_by_token, token)
    if key is None:
        await run_in_threadpool(record_act, request, "sign-in refused")
        if not await context.failed_tries.wait():
            return failure_response(request, 429, "Too many wrong tokens are being tried; wait some seconds.")
        return _sign_in_page(request, wanted, "This token opens nothing: it is wrong, revoked or too old.", 403)
    context.failed_tries.forget()
    went_on = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    return await run_in_threadpool(_begin_session, request, key.person, key.id, went_on)


@sign_in_router.get("/start")
def start(request: Request) -> Response:
    """Let whoever read the terminal in, once."""
    context = web_context(request)
    link = context.entrance.start_link
    if link is None or not link.use(request.query_params.get("secret", "")):
        record_act(request, "start link refused")
        message = "This link has been used, or is of another start: take the newest one that the console printed."
        return failure_response(request, 403, message)
    context.announce(context.start_url)
    return _begin_session(request, link.person(), "", page(request, "go_on.html", target="/"))


@sign_in_router.post("/sign-out")
def sign_out(request: Request, _: Posted) -> Response:
    """End the session, and let others have what the person had before them."""
    record_act(request, "sign-out")
    context, name = web_context(request), cookie_name(request)
    context.sessions.end(request.cookies.get(name, ""))
    for part in context.parts:
        with suppress(StoreError):  # claims lapse by themselves; nobody stays signed in because a store does not answer
            part.leave(request.state.visitor.person.name)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    response.delete_cookie(name, path="/", secure=_is_secure(request), httponly=True, samesite="strict")
    response.headers["Clear-Site-Data"] = '"cache"'  # private pictures are kept for a while, for whoever is signed in
    return response


def local_path(text: str) -> str:
    """Return a path of this server to go on to; `/` for what leads anywhere else."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return text if is_local and not parts.scheme and not parts.netloc and "\\" not in text else "/"


def _sign_in_page(request: Request, wanted: str, message: str = "", status_code: int = 200) -> Response:
    has_keys = web_context(request).entrance.start_link is None
    return page(request, "sign_in.html", status_code=status_code, next=wanted, message=message, has_keys=has_keys)


def _begin_session(request: Request, person: Person, key_id: str, response: Response) -> Response:
    """Begin a session with a new cookie in the response, and end the one that the browser had."""
    context, name = web_context(request), cookie_name(request)
    context.sessions.end(request.cookies.get(name, ""))
    cookie = context.sessions.start(person, context.now(), key_id)
    record_act(request, "sign-in", who=person.name, key=key_id or "start link")
    response.set_cookie(
        name,
        cookie,
        max_age=int(SESSION_LENGTH.total_seconds()),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )
    return response


def _is_secure(request: Request) -> bool:
    return web_context(request).addresses.is_secure(request.headers.get("host", ""))
