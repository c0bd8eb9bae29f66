"""Numbered objects: each number of a sequence is taken once, by a conditional put.

Inputs: a store, the prefix that is listed, the key of a number, and an object's bytes. Outputs: the numbers taken, and
whether this call took one.
Invariant: of several writers that claim one number, exactly one succeeds, on every store with conditional writes; the
highest number is the current state. Leases, model registries and the versions of built engines rest on it.
A put whose answer was lost is sent again and then meets its own object: equal bytes count as success, so two writers
must never write equal bytes unless either may stand for the other (leases carry a random token).
"""

from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore


@dataclass(frozen=True)
class ObjectSequence:
    """The numbered objects below `prefix`; `key_of` returns the key of a number, and `prefix` is its beginning."""

    store: ObjectStore
    prefix: str
    key_of: Callable[[int], str]

    def numbers(self) -> list[int]:
        """Return the numbers that are taken and listed, ascending. Other objects below the prefix are ignored."""
        numbers = (self._number(info.key) for info in self.store.list(self.prefix))
        return sorted(number for number in numbers if number is not None)

    def latest(self) -> int:
        """Return the highest number, or 0 where none is taken."""
        return max(self.numbers(), default=0)

    def read(self, number: int) -> bytes:
        """Return the object of a number, or raise `ObjectMissing`."""
        return self.store.read(self.key_of(number))

    def claim(self, number: int, data: bytes, *, content_type: str | None = None) -> bool:
        """Write the object of a number; return False where another writer took the number first."""
        if self.store.write_once(self.key_of(number), data, content_type=content_type):
            return True
        try:
            return self.read(number) == data
        except ObjectMissing:
            return False

    def keep_newest(self, numbers: list[int], count: int) -> None:
        """Delete the objects of all but the highest `count` of these ascending numbers."""
        self.store.delete(self.key_of(number) for number in numbers[:-count])

    def _number(self, key: str) -> int | None:
        digits = key.removeprefix(self.prefix)
        digits = digits[: len(digits) - len(digits.lstrip("0123456789"))]
        number = int(digits) if digits else None
        return number if number is not None and self.key_of(number) == key else None
