"""Pages: templates of `flows/web/templates`, with what every one of them knows.

Inputs: a request, a template's name, values. Outputs: responses. Values are text of strangers (SKUs, titles, prompts,
notes): everything is escaped, control characters and changes of the writing direction are made visible, and long text
is cut. The Content-Security-Policy forbids scripts and styles inside a page, so a template has neither.
"""

from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from flows.web.forms import CSRF_FIELD
from flows.web.web_context import web_context
from flows.web.web_files import static_url
from infra.visible_text import printable, visible_lines
from tasks.reporting import formatting

MAX_PAGE_TEXT_CHARACTERS = 1200


def page(request: Request, template: str, *, status_code: int = 200, **values: Any) -> Response:
    """Return a template's page. Every template knows `person`, `catalogue`, `parts`, `csrf_field` and `static`."""
    context = web_context(request)
    visitor = getattr(request.state, "visitor", None)
    catalogue = request.path_params.get("catalogue")
    common = {
        "person": visitor and visitor.person,
        "catalogue": catalogue if catalogue in context.catalogues else None,
        "catalogues": context.catalogues,
        "parts": [part for part in context.parts if visitor and visitor.person.may(part.scope)],
        "path": request.url.path,
        "can_sign_out": visitor is not None and context.entrance.proxy is None,
        "csrf_field": csrf_field(visitor.csrf_token if visitor else ""),
        "static": static_url,
    }
    return HTMLResponse(_environment().get_template(template).render(common | values), status_code)


def csrf_field(token: str) -> Markup:
    """Return the hidden field that every form of a page holds."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)


def catalogue_path(catalogue: str, path: str = "") -> str:
    """Return the address of a part's page."""
    return f"/catalogues/{quote(catalogue)}{path}"


def wants_json(request: Request) -> bool:
    """Tell whether JSON was asked for, and not a page."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


@cache  # compiling the templates takes longer than all else on a page: once per process
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("flows.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": formatting.format_number,
        "percent": formatting.format_percent,
        "duration": formatting.format_duration,
        "moment": formatting.format_datetime,
        "words": lambda name: formatting.printable(name).replace("_", " "),
        "whole": whole_text,
    }
    return environment


def whole_text(text: str) -> Markup:
    """Return text whole and with its lines, as a text area must hold it: what is sent back is what was shown."""
    return Markup("\n") + escape(visible_lines(text))  # HTML drops the first line break of a text area


def _finalize_value(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, MAX_PAGE_TEXT_CHARACTERS)
    return value
