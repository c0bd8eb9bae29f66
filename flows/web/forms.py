"""Forms: what a browser's form sent, already checked by `RequestGuard` when a route sees it.

Inputs: a body of `application/x-www-form-urlencoded`. Outputs: a `Form`, whose values are text of strangers. Line
breaks are `\\n`, as a text area of any browser is read back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

FORM_TYPE = "application/x-www-form-urlencoded"
CSRF_FIELD = "csrf"
MAX_FORM_BYTES = 1_000_000
MAX_FIELDS = 2000
"""More than any grid of images has: two fields for each."""
MAX_SECONDS = 24 * 3600.0
"""Of a look at a page: sessions end before that."""


@dataclass(frozen=True)
class Form:
    """The fields of one form; a field may be given several times, as check boxes are."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str, default: str = "") -> str:
        """Return a field's last value."""
        return (self.fields.get(name) or [default])[-1]

    def texts(self, name: str) -> Sequence[str]:
        """Return every value of a field, in the form's order."""
        return self.fields.get(name, ())

    def has(self, name: str) -> bool:
        """Tell whether a field was sent: a button that was pressed, a box that was ticked."""
        return name in self.fields

    def seconds(self, name: str) -> float | None:
        """Return a field as a time that a page was looked at; None where it is absent, or none that can be."""
        try:
            value = float(self.text(name))
        except ValueError:
            return None
        return value if 0 <= value <= MAX_SECONDS else None  # false for NaN too


def parse_form(body: bytes) -> Form:
    """Return the form in a body. Raises ValueError for too many fields."""
    fields: dict[str, list[str]] = {}
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(fields)


def posted_form(request: Request) -> Form:
    """Return the form of a request that `RequestGuard` let through; as a dependency, answer 400 where there is none."""
    form: Form | None = getattr(request.state, "form", None)
    if form is None:
        raise HTTPException(400, "A form is expected.")
    return form


Posted = Annotated[Form, Depends(posted_form)]
"""A route's parameter: the form that was sent."""
