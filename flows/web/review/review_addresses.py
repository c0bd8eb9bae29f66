"""Review addresses: where each page, form and picture of the review console is, with the filters that somebody chose.

Inputs: the path of a catalogue's review, filters, a group, names of items. Outputs: paths that begin with a slash;
filters read back from a query. What a person chose is all that an address holds: no secret, and no sentence to show.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from catalogs.errors import OptionError
from catalogs.reviews.review_filter import EVERYTHING, ReviewFilter

REVIEW_PATH = "/review"
"""Where the console lies below a catalogue."""
SAID = "said"
"""Query field with the code of what was just done."""
MAX_FILTER_CHARACTERS = 500
"""Longer values match nothing in any catalogue, and addresses have an end."""
_TEXT_FIELDS = ("reason", "category", "channel", "model_version", "sku")


@dataclass(frozen=True)
class ReviewAddresses:
    """The addresses of one catalogue's review, under one choice of filters and group."""

    base: str
    """The path of the catalogue's review, without a slash at its end."""
    filters: ReviewFilter = EVERYTHING
    group: str = ""
    """The group whose items are looked at; empty for all."""

    def of_group(self, group: str) -> "ReviewAddresses":
        """Return the addresses within another group."""
        return replace(self, group=group)

    def start(self, said: str = "") -> str:
        """Return the page that shows what waits, by reason."""
        return self.of_group("")._page("", said)

    def unfiltered(self) -> str:
        """Return the same page without filters."""
        return self.base

    def next(self, said: str = "") -> str:
        """Return the address that leads to the next item."""
        return self._page("/next", said)

    def grid(self, said: str = "", **shown: str) -> str:
        """Return the grid of the group."""
        return self._page("/grid", said, **shown)

    def item(self, item_id: str, said: str = "", **shown: str) -> str:
        """Return the page of one item."""
        return self._page(f"/items/{item_id}", said, **shown)

    def act(self, item_id: str, action: str) -> str:
        """Return where a form of an item is sent: `answer` or `skip`."""
        return self._page(f"/items/{item_id}/{action}")

    def undo(self) -> str:
        """Return where the form is sent that takes the last answer back."""
        return self._page("/undo")

    def stay(self) -> str:
        """Return where a page says now and then that somebody still looks at it."""
        return f"{self.base}/stay"

    def image(self, item_id: str, which: str) -> str:
        """Return the address of one of an item's pictures."""
        return f"{self.base}/items/{item_id}/images/{quote(which, safe='')}"

    def story(self, sku: str) -> str:
        """Return the page with a SKU's whole story."""
        return f"{self.base}/story?{urlencode({'sku': sku})}"

    def gates(self, since: str | None = None) -> str:
        """Return the page that says how the gates do: by all answers since a month, and by all where it is empty."""
        return f"{self.base}/gates" + ("" if since is None else f"?{urlencode({'since': since})}")

    def _page(self, name: str, said: str = "", **shown: str) -> str:
        group = {"group": self.group} if self.group else {}
        query = urlencode(filter_query(self.filters) | group | shown | ({SAID: said} if said else {}))
        return f"{self.base}{name}" + (f"?{query}" if query else "")


def filter_query(filters: ReviewFilter) -> dict[str, str]:
    """Return filters as fields of a query; what matches everything is left out."""
    fields = {name: str(getattr(filters, name)) for name in _TEXT_FIELDS if getattr(filters, name)}
    if filters.since is not None:
        fields["since"] = filters.since.date().isoformat()
    return fields | ({"blocked": "1"} if filters.blocked else {})


def parse_addresses(base: str, query: Mapping[str, str]) -> ReviewAddresses:
    """Return the addresses under the filters in a query. Raises `OptionError` for a value that no filter can have."""
    texts = {name: query.get(name, "") for name in (*_TEXT_FIELDS, "group")}
    for name, text in texts.items():
        if len(text) > MAX_FILTER_CHARACTERS:
            raise OptionError(f"{name}: {len(text)} characters are too many; give at most {MAX_FILTER_CHARACTERS}.")
    group = texts.pop("group")
    filters = ReviewFilter(**texts, since=_parse_day(query.get("since", "")), blocked=query.get("blocked") == "1")
    return ReviewAddresses(base, filters, group)


def _parse_day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC) if text.strip() else None
    except ValueError:
        raise OptionError(f"since: {text[:40]!r} is no day; write it as 2026-11-30.") from None
