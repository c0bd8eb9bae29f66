"""Review services: one service a catalogue for all requests of a server, opened when it is first asked for.

Inputs: a server's context, a catalogue, a person. Outputs: a `ReviewService`; where a person goes next. A service keeps
its queue in memory, so that a page costs no reading of all that waits.
"""

import logging
from collections.abc import Sequence
from threading import Lock

from catalogs.answers.person import Person, Scope
from catalogs.errors import InputError
from catalogs.reviews.review_item import ReviewItem
from flows.web.review.review_addresses import ReviewAddresses
from flows.web.web_context import WebContext
from infra.errors import ExternalError
from tasks.reviews.review_service import ReviewService

logger = logging.getLogger(__name__)


class ReviewServices:
    """The services of one server. Safe for several threads."""

    def __init__(self) -> None:
        self._services: dict[str, ReviewService] = {}
        self._lock = Lock()

    def of(self, context: WebContext, catalogue: str) -> ReviewService:
        """Return the service of a catalogue that the server shows."""
        with self._lock:
            if catalogue not in self._services:
                self._services[catalogue] = ReviewService(context.store, context.tables, catalogue)
            return self._services[catalogue]

    def prepare(self, context: WebContext) -> None:
        """Read the queue of the only catalogue that the server shows; of several, who knows which is asked for."""
        if len(context.catalogues) != 1:
            return
        try:
            self.of(context, context.catalogues[0]).groups()
        except (ExternalError, InputError) as error:  # the page that needs it says so too
            logger.warning("The queue cannot be read yet: %s", error)

    def leave(self, person: str) -> None:
        """Give back what a person has before them, in every catalogue."""
        with self._lock:
            services = list(self._services.values())
        for service in services:
            service.leave(person)


def items_for(service: ReviewService, person: Person, addresses: ReviewAddresses, count: int) -> Sequence[ReviewItem]:
    """Return the items that a person has before them; whoever may not answer sees them and takes them from nobody."""
    give = service.claim if person.may(Scope.ANSWER) else service.preview
    return give(person.name, addresses.filters, count, addresses.group or None)


def address_of_next(service: ReviewService, person: Person, addresses: ReviewAddresses, said: str = "") -> str:
    """Return the page of the next item, which is the person's now; of another group where this one is done."""
    for item in items_for(service, person, addresses, 1):
        return addresses.item(item.id, said)
    if addresses.group:
        for item in items_for(service, person, addresses.of_group(""), 1):
            return addresses.of_group(item.worst_reason).item(item.id, "group-done")
    return addresses.start("all-done")


def address_of_next_group(names: Sequence[str], addresses: ReviewAddresses, group: str) -> ReviewAddresses | None:
    """Return the addresses within the group after this one, in the order of urgency; the first comes after the last."""
    others = [name for name in names if name != group]
    if not others:
        return None
    after = names[names.index(group) + 1 :] if group in names else []
    return addresses.of_group((after or others)[0])
