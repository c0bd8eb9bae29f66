"""HTML pages from the templates in `tasks/templates`: one file each, which opens from a disk without a network.

Inputs: a template's name and values. Outputs: HTML. The values hold untrusted text (SKUs, titles, reasons that quote
them), so everything is escaped, and a page forbids scripts and every network access by its own Content-Security-Policy,
in which it names its one style sheet by digest.
"""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from catalogs.photos.photo_sentences import say_mode, say_photo_reason, say_plan
from tasks.reporting import formatting

MAX_PAGE_TEXT_CHARACTERS = 1200


def render_page(template: str, **values: object) -> str:
    """Return a template's page: inline style, images as data URIs, no script, no network."""
    environment = _environment()
    style = environment.loader.get_source(environment, "report.css")[0]  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sheet = Markup(style)  # noqa: S704 - our own file
    return environment.get_template(template).render(style=sheet, style_digest=digest, **values)


def data_uri(jpeg: bytes) -> Markup:
    """Return an image as a data URI."""
    return Markup("data:image/jpeg;base64," + base64.b64encode(jpeg).decode())  # noqa: S704 - base64 has no markup


@cache  # compiling the templates takes longer than all else on a page: once per process
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
        "number": formatting.format_number,
        "percent": formatting.format_percent,
        "duration": formatting.format_duration,
        "moment": formatting.format_datetime,
        "money": formatting.format_money,
        "price_range": formatting.format_price_range,
        "attempt_name": formatting.attempt_name,
        "describe_brands": formatting.describe_brands,
        "say_mode": say_mode,
        "say_photo_reason": say_photo_reason,
        "say_plan": say_plan,
        "prompt_text": lambda text: formatting.printable(text, MAX_PAGE_TEXT_CHARACTERS),
        "words": lambda name: formatting.printable(name).replace("_", " "),
        "data_uri": data_uri,
    }
    return environment


def _finalize_value(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return formatting.printable(value, MAX_PAGE_TEXT_CHARACTERS)
    return value
