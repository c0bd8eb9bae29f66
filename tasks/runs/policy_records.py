"""Policy records: which policies came into force in a catalogue, numbered and append-only.

Inputs: a store and a catalogue. Outputs: the records, and the one in force. A record is one conditional put under the
next number, so of two processes that record at once one is refused and looks again. Records are small and few, and are
kept for ever: they say who decided what.
"""

from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import InputError
from catalogs.policy.policy_record import PolicyRecord
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import encode_json, parse_json_object
from infra.stores.sequence import ObjectSequence


@dataclass(frozen=True)
class PolicyRecords:
    """The policies that came into force in one catalogue."""

    store: ObjectStore
    catalogue: str

    def latest_number(self) -> int:
        """Return the number of the policy in force, or 0 where none is recorded, by one listing."""
        return self._sequence.latest()

    def read(self, number: int) -> PolicyRecord:
        """Return one record. Raises `StoreError` where it cannot be read: what is in force is not known then."""
        key = layout.policy_record(self.catalogue, number)
        try:
            return PolicyRecord.from_document(parse_json_object(self._sequence.read(number), key))
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, InputError) as error:
            raise StoreError(
                f"{key} cannot be read as a policy of this version of Packshot"
                f" ({type(error).__name__}); use the version that wrote it, or a newer one"
            ) from error

    def in_force(self) -> PolicyRecord | None:
        """Return the policy in force; None where no policy was recorded yet."""
        number = self.latest_number()
        return self.read(number) if number else None

    def read_all(self) -> list[PolicyRecord]:
        """Return every record, the newest first."""
        return [self.read(number) for number in reversed(self._sequence.numbers())]

    def claim(self, record: PolicyRecord) -> bool:
        """Write a record; return False where another process took its number first."""
        return self._sequence.claim(record.number, encode_json(record.document()), content_type="application/json")

    @property
    def _sequence(self) -> ObjectSequence:
        prefix = layout.policy_records_prefix(self.catalogue)
        return ObjectSequence(self.store, prefix, lambda number: layout.policy_record(self.catalogue, number))
