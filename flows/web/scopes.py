"""Scopes: what a route asks of the person who calls it.

Inputs: a scope at the route's declaration; a request. Outputs: the `Person`, or 401 or 403. `create_app` starts no
server that has a route without one, so a forgotten scope is found before anybody can use it.
"""

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from catalogs.answers.person import Person, Scope
from flows.web.request_log import record_act


class NotSignedIn(HTTPException):
    """Nobody has signed in with this browser; a page leads to the sign-in."""

    def __init__(self) -> None:
        super().__init__(401, "Sign in first.")


class Requirement:
    """The dependency that `require` makes; `create_app` looks for it in every route."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __call__(self, request: Request) -> Person:
        """Return who calls the route, where they have the scope."""
        visitor = request.state.visitor
        if visitor is None:
            raise NotSignedIn
        if not visitor.person.may(self.scope):
            record_act(request, "refused", scope=self.scope.value)
            raise HTTPException(403, f"{visitor.person.name} has no right to {self.scope.value}: see `packshot keys`.")
        person: Person = visitor.person
        return person


def require(scope: Scope) -> Requirement:
    """Return a dependency that gives the person of a request, and lets nobody without the scope pass."""
    return Requirement(scope)


Looker = Annotated[Person, Depends(require(Scope.LOOK))]
"""A route's parameter: somebody who may look."""
Answerer = Annotated[Person, Depends(require(Scope.ANSWER))]
"""A route's parameter: somebody who may answer."""
Releaser = Annotated[Person, Depends(require(Scope.RELEASE))]
"""A route's parameter: somebody who may let a held batch go."""
