"""Web context: what the pages of one server share, and the parts that a server is made of.

Inputs: an open store, the catalogues that may be seen, who is let in. Outputs: a frozen `WebContext`, found by every
route as `web_context(request)`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter, HTTPException, Request

from catalogs.answers.person import Person, Scope
from flows.web.addresses import WebAddresses
from flows.web.entrance import Entrance
from flows.web.failed_tries import FailedTries
from flows.web.sessions import Sessions
from flows.web.shown_catalogues import ShownCatalogues
from infra.interfaces import ObjectStore, TableStore
from tasks.access.access_log import AccessLog


class PartNotice(NamedTuple):
    """What one part has to say on the first page of another: a sentence, where it leads, and whether it is late."""

    text: str
    url: str
    is_late: bool = False


def _no_notices(_: "WebContext", __: str) -> Sequence[PartNotice]:
    return ()


@dataclass(frozen=True)
class WebPart:
    """One part of a server, with an entry in the navigation.

    The routes of `router` lie under `/catalogues/<catalogue><path>`; its first page is the route `""`. Every route
    names the scope that it needs by `require`, or the server does not start.
    """

    name: str
    """As the navigation shows it: Queue, Held, Gallery."""
    path: str
    router: APIRouter
    scope: Scope = Scope.LOOK
    """Who sees the entry."""
    prepare: Callable[["WebContext"], None] = lambda _: None
    """Reads what its first page shows before somebody asks; called in a thread of its own as the server starts."""
    leave: Callable[[str], None] = lambda _: None
    """Gives back what a person has in this part, by their name: they signed out."""
    notices: Callable[["WebContext", str], Sequence[PartNotice]] = _no_notices
    """What waits in this part of a catalogue, for whoever opens another one."""


@dataclass(frozen=True)
class WebContext:
    """What all routes of one server share."""

    store: ObjectStore
    tables: TableStore
    shown: ShownCatalogues
    addresses: WebAddresses
    entrance: Entrance
    access_log: AccessLog
    parts: Sequence[WebPart] = ()
    sessions: Sessions = field(default_factory=Sessions)
    failed_tries: FailedTries = field(default_factory=FailedTries)
    announce: Callable[[str], None] = lambda _: None
    """Tells whoever runs the server the next start link."""

    @property
    def catalogues(self) -> tuple[str, ...]:
        """Return the catalogues that may be seen, as they were when somebody last looked."""
        return self.shown.names

    @property
    def start_url(self) -> str:
        """Return the address to open: where nobody has a key, with the secret of the start link."""
        link = self.entrance.start_link
        return self.addresses.url + (link.path if link else "")

    def now(self) -> datetime:
        """Return the time by the store's clock."""
        return self.store.now()


def web_context(request: Request) -> WebContext:
    """Return the context of the server that a request came to."""
    context: WebContext = request.app.state.context
    return context


def find_notices(request: Request, person: Person) -> list[PartNotice]:
    """Return what the parts that a person may open have to say of the catalogue in a request's path."""
    context, catalogue = web_context(request), known_catalogue(request)
    parts = [part for part in context.parts if person.may(part.scope)]
    return [notice for part in parts for notice in part.notices(context, catalogue)]


def known_catalogue(request: Request) -> str:
    """Return the catalogue in the request's path; as a dependency, answer 404 where the server does not show it."""
    name, shown = str(request.path_params.get("catalogue", "")), web_context(request).shown
    if name not in shown.names and name not in shown.look():
        raise HTTPException(404, "This server shows no such catalogue.")
    return name
