"""The app: sign-in, the parts of a server, and the checks before all of them.

Inputs: a `WebContext` with its parts. Outputs: a FastAPI app. Invariants, checked when it is made: every route but
those of the sign-in asks for a scope; every route of a part lies below a catalogue that the server shows.
"""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from flows.web.failure_pages import EXCEPTION_ANSWERS, UnexpectedErrors
from flows.web.pages import catalogue_path, page
from flows.web.request_guard import RequestGuard
from flows.web.request_log import RequestLog
from flows.web.response_headers import ResponseHeaders
from flows.web.scopes import Looker, Requirement
from flows.web.sign_in import sign_in_router
from flows.web.web_context import WebContext, known_catalogue, web_context

home_router = APIRouter()


@home_router.get("/")
def home(request: Request, _: Looker) -> Response:
    """Lead to the only catalogue, or list them, as they are now."""
    context = web_context(request)
    catalogues = context.shown.look()
    if len(catalogues) == 1 and context.parts:
        target = catalogue_path(catalogues[0], context.parts[0].path)
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    return page(request, "catalogues.html")


def create_app(context: WebContext) -> FastAPI:
    """Return the app of a server. Raises ValueError for a route that asks for no scope."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers=EXCEPTION_ANSWERS,
        middleware=[
            Middleware(RequestLog),
            Middleware(ResponseHeaders),
            Middleware(UnexpectedErrors),
            Middleware(RequestGuard),
        ],
    )
    app.state.context = context
    app.include_router(sign_in_router)
    app.include_router(home_router)
    for part in context.parts:
        check_scopes(part.router)
        prefix = f"/catalogues/{{catalogue}}{part.path}"
        app.include_router(part.router, prefix=prefix, dependencies=[Depends(known_catalogue)])
    return app


def check_scopes(router: APIRouter) -> None:
    """Raise ValueError where a route of a router asks for no scope."""
    for route in router.routes:
        included = getattr(route, "original_router", None)  # how newer FastAPI keeps a router within a router
        if isinstance(included, APIRouter):
            check_scopes(included)
        elif not isinstance(route, APIRoute):
            raise ValueError(f"{route} is no route with a scope: add routes of an APIRouter alone")
        elif not any(_requirements(route.dependant)):
            raise ValueError(f"{route.path} asks for no scope: give it a parameter of `flows.web.scopes`")


def _requirements(dependant: Dependant) -> Iterator[Requirement]:
    for each in dependant.dependencies:
        if isinstance(each.call, Requirement):
            yield each.call
        yield from _requirements(each)
