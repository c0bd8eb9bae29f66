"""Review desk: one catalogue's service under the filters and the group that a request names.

Inputs: a service, addresses. Outputs: items, the next group, progress; 404 for an item that is not there.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from fastapi import HTTPException

from catalogs.answers.person import Person
from catalogs.errors import ItemNotFound
from catalogs.reviews.review_details import ReviewProgress
from catalogs.reviews.review_item import ReviewItem
from flows.web.review.review_addresses import ReviewAddresses
from flows.web.review.review_services import address_of_next_group
from tasks.reviews.review_service import ReviewService


@dataclass(frozen=True)
class ReviewDesk:
    """What one request is about: a catalogue's service, and the addresses under the filters that somebody chose."""

    service: ReviewService
    addresses: ReviewAddresses

    def find(self, item_id: str, person: Person) -> ReviewItem:
        """Return an item as it is asked of a person; answer 404 where there is none of that name."""
        try:
            return self.service.find(item_id, person.name)
        except ItemNotFound:
            raise HTTPException(404, "No image or prompt of that name waits here.") from None

    def find_all(self, names: Iterable[str]) -> list[ReviewItem]:
        """Return the items that are still there."""
        found = []
        for name in names:
            with suppress(ItemNotFound):  # answered or decided since
                found.append(self.service.find(name))
        return found

    def next_group(self, group: str, person: Person) -> ReviewAddresses | None:
        """Return the addresses within the group after this one."""
        names = [each.reason for each in self.service.groups(self.addresses.filters, person.name)]
        return address_of_next_group(names, self.addresses, group)

    def progress(self, person: Person) -> ReviewProgress:
        """Return how far a person is with what they chose."""
        return self.service.progress(person.name, self.addresses.filters, self.addresses.group or None)
