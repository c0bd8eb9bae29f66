"""Permissions: what a person may do with one item, so that a page offers nothing that would be refused.

Inputs: a person, an item, its details. Outputs: a frozen `Permissions`. Pure. The service checks every answer again.
"""

from dataclasses import dataclass

from catalogs.answers.person import Person, Scope
from catalogs.reviews.review_details import ReviewDetails
from catalogs.reviews.review_item import ReviewItem, ReviewKind


@dataclass(frozen=True)
class Permissions:
    """What a person may do with an item."""

    answer: bool
    accept: bool
    retry: bool
    resolve: bool

    @classmethod
    def of(cls, person: Person, item: ReviewItem, details: ReviewDetails) -> "Permissions":
        """Return what this person may do: a gate's refusal, and a conflict, need the scope `override`."""
        overrides = person.may(Scope.OVERRIDE)
        may_answer = person.may(Scope.ANSWER)
        can_accept = item.kind != ReviewKind.BLOCKED or overrides
        accept = may_answer and can_accept and item.can_be_accepted
        return cls(may_answer, accept, may_answer and not item.is_of_photo, bool(details.conflict) and overrides)
