"""Person: who answers, and what they may do.

Inputs: a name and scopes, as a key of the store or the start of a console gives them; text of an option. Outputs: a
frozen `Person`; `Scope`s. Pure. A scope never contains another one: who may answer but may not look sees no page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from catalogs.errors import OptionError

MAX_NAME_CHARACTERS = 64


class Scope(StrEnum):
    """One thing that a person may do. Values are on disk, so they never change; new ones are added at the end."""

    LOOK = "look"
    """See what waits, what is live, and its story."""
    ANSWER = "answer"
    """Accept, refuse, ask for another attempt, take own answers back."""
    OVERRIDE = "override"
    """Accept what a gate blocked, and end a conflict between people."""
    RELEASE = "release"
    """Let a held batch go."""


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Person:
    """Somebody who looks and answers; `name` is what answers and the audit log keep."""

    name: str
    scopes: frozenset[Scope] = frozenset()

    def may(self, scope: Scope) -> bool:
        """Tell whether the person has a scope."""
        return scope in self.scopes


def parse_scopes(text: str, option: str = "--scope") -> frozenset[Scope]:
    """Return the scopes in `look,answer`. Raises `OptionError` for an unknown one, and where there is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Scope)]
    if unknown or not names:
        wrong = repr(unknown[0]) if unknown else "nothing"
        raise OptionError(f"{option}: {wrong} is no scope; give some of {', '.join(Scope)}, separated by commas.")
    return frozenset(map(Scope, names))


def scope_names(scopes: Iterable[Scope]) -> list[str]:
    """Return the scopes' names in their declared order."""
    kept = frozenset(scopes)
    return [scope.value for scope in Scope if scope in kept]


def check_person_name(name: str, option: str = "NAME") -> str:
    """Return a name that answers, logs and pages can show. Raises `OptionError`, naming the option, for another."""
    if name != name.strip() or not name.isprintable() or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise OptionError(
            f"{option}: {name[:MAX_NAME_CHARACTERS]!r} is no name of a person: give 1 to {MAX_NAME_CHARACTERS}"
            " printable characters, such as an address, without spaces at its ends."
        )
    return name
