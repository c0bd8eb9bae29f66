"""Pages for people, from our own templates: one file each, which opens from a disk without a network.

Comes in: a template's name and plain values. Goes out: HTML. The values hold hostile text (SKUs, titles, reasons that
quote them), so everything is escaped, and a page forbids scripts and every network access by its own
Content-Security-Policy, in which it names its one style sheet by digest.
"""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tasks.reporting import formatting as figures

MAX_PAGE_TEXT_CHARACTERS = 1200


def render_page(template: str, **values: object) -> str:
    """Return the page that a template makes of the values: inline style, pictures as data, no script, no network."""
    environment = _environment()
    style = environment.loader.get_source(environment, "report.css")[0]  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sheet = Markup(style)  # noqa: S704 - our own file
    return environment.get_template(template).render(style=sheet, style_digest=digest, **values)


def data_uri(jpeg: bytes) -> Markup:
    """Return a picture as an address that holds it."""
    return Markup("data:image/jpeg;base64," + base64.b64encode(jpeg).decode())  # noqa: S704 - base64 has no markup


@cache  # its templates are compiled once a process, which takes longer than all else on a page
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tasks"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": figures.format_number,
        "percent": figures.format_percent,
        "duration": figures.format_duration,
        "moment": figures.format_datetime,
        "money": figures.format_money,
        "price_range": figures.format_price_range,
        "attempt_name": figures.attempt_name,
        "prompt_text": lambda text: figures.printable(text, MAX_PAGE_TEXT_CHARACTERS),
        "words": lambda name: figures.printable(name).replace("_", " "),
        "data_uri": data_uri,
    }
    return environment


def _finalize_value(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return figures.printable(value, MAX_PAGE_TEXT_CHARACTERS)
    return value
