"""Leases: exclusive, expiring ownership of a resource, held in the object store.

Inputs: a store, a prefix, a holder's name, seconds. Outputs: a `Lease`, or `LeaseHeld`.
A lease is a sequence of objects `<prefix>/<generation>.json` (`infra.stores.sequence`); the highest generation is the
current state. Acquiring, renewing and releasing each create the next generation by a conditional put, so exactly one
of several contenders succeeds, and a holder that was suspended past its term finds out when it renews.
Invariant: a generation counts only if it is still the highest after it was written. Old generations are deleted, so a
process that wakes up may create one of them again.
A lease lapses when its term ends by the contender's clock (clocks should agree within seconds), when it is released,
or at once when its process has certainly died on this machine.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import uuid4

from infra.coordination.running_process import running_process
from infra.errors import LeaseHeld, LeaseLost, ObjectMissing, StoreError
from infra.interfaces import ObjectStore
from infra.stores.sequence import ObjectSequence

Clock = Callable[[], datetime]

GENERATIONS_KEPT = 2
"""Generations left in the store: the newest, and the one before it for people who investigate."""

_RENEWALS_PER_TERM = 3


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class LeaseState:
    """One generation of a lease, as it is stored."""

    generation: int
    holder: str
    host: str
    pid: int
    process: str
    expires_at: datetime
    released: bool
    token: str

    def is_live(self, now: datetime | None = None) -> bool:
        """Tell whether the holder may still be working."""
        if self.released or self.expires_at <= (now or utc_now()):
            return False
        return not running_process().is_surely_dead(self.pid, self.process)

    def __str__(self) -> str:
        until = self.expires_at.astimezone(UTC).isoformat(" ", "seconds")
        return f"{self.holder!r} (process {self.pid} on {self.host}) until {until}"


class Lease:
    """A lease that this process holds. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, prefix: str, state: LeaseState, seconds: float, clock: Clock) -> None:
        self._store = store
        self._prefix = prefix
        self._state = state
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._lost: str | None = None

    @property
    def state(self) -> LeaseState:
        """Return the generation held last."""
        return self._state

    def renew(self) -> None:
        """Create the next generation; raise `LeaseLost` if another process created it."""
        with self._lock:
            self._advance(released=False)

    def check(self) -> None:
        """Raise `LeaseLost` if the lease was taken over; a lease past its term is renewed, which detects that."""
        with self._lock:
            if self._lost or self._state.released or self._state.expires_at <= self._clock():
                self._advance(released=False)

    def release(self) -> None:
        """Release the lease at once, for others to acquire. Nothing happens if it is lost or released already.

        An unreachable store is ignored too: the lease lapses by itself, and an earlier error must not be hidden.
        """
        with self._lock:
            if self._lost or self._state.released:
                return
            try:
                self._advance(released=True)
            except (LeaseLost, StoreError):
                return

    @contextmanager
    def keep_alive(self) -> Iterator["Lease"]:
        """Renew in the background until the block ends. The next `check` reports a loss."""
        period = self._seconds / _RENEWALS_PER_TERM
        with running_process().repeating(self._renew_or_stop, period, f"lease {self._prefix}"):
            yield self

    def _renew_or_stop(self) -> bool:
        """Renew; return whether renewing again makes sense."""
        try:
            self.renew()
        except LeaseLost:
            return False
        except StoreError:
            return True  # the store may be back before the term ends; `check` renews once more
        return True

    def _advance(self, *, released: bool) -> None:
        if self._lost:
            raise LeaseLost(self._lost)
        if self._state.released:
            raise LeaseLost(f"The lease {self._prefix!r} was released by its holder {self._state.holder!r}.")
        state = _own_state(
            self._state.generation + 1, self._state.holder, self._seconds, self._clock(), released=released
        )
        if not _create_generation(self._store, self._prefix, state):
            newest = read_lease(self._store, self._prefix)
            self._lost = f"The lease {self._prefix!r} of {self._state.holder!r} was taken over by {newest}."
            raise LeaseLost(self._lost)
        self._state = state


def acquire(store: ObjectStore, prefix: str, holder: str, seconds: float, *, clock: Clock = utc_now) -> Lease:
    """Acquire the lease under `prefix` for `seconds`; raise `LeaseHeld`, which names the holder, if it is not free."""
    while True:
        newest = read_lease(store, prefix)
        if newest is not None and newest.is_live(clock()):
            raise LeaseHeld(f"The lease {prefix!r} is held by {newest}; wait for it, or end that run.")
        state = _own_state(newest.generation + 1 if newest else 1, holder, seconds, clock(), released=False)
        if _create_generation(store, prefix, state):
            return Lease(store, prefix, state, seconds, clock)


def read_lease(store: ObjectStore, prefix: str) -> LeaseState | None:
    """Return the newest generation of the lease under `prefix`, or None where no process ever acquired it."""
    sequence = _generations(store, prefix)
    while generation := sequence.latest():
        try:
            return _parse(sequence.read(generation), prefix)
        except ObjectMissing:
            continue  # newer generations replaced it between the listing and the read
    return None


def _create_generation(store: ObjectStore, prefix: str, state: LeaseState) -> bool:
    """Create a generation; return whether this call created it and it is the highest."""
    sequence = _generations(store, prefix)
    if not sequence.claim(state.generation, _serialize(state)):
        return False
    generations = sequence.numbers()
    if generations[-1:] != [state.generation]:
        return False
    sequence.keep_newest(generations, GENERATIONS_KEPT)
    return True


def _own_state(generation: int, holder: str, seconds: float, now: datetime, *, released: bool) -> LeaseState:
    expires_at = now if released else now + timedelta(seconds=seconds)
    process = running_process()
    return LeaseState(
        generation, holder, process.host, process.pid, process.identity, expires_at, released, uuid4().hex
    )


def _generations(store: ObjectStore, prefix: str) -> ObjectSequence:
    return ObjectSequence(store, f"{prefix}/", lambda generation: f"{prefix}/{generation:08d}.json")


def _serialize(state: LeaseState) -> bytes:
    return json.dumps({**asdict(state), "expires_at": state.expires_at.isoformat()}, indent=1).encode()


def _parse(data: bytes, prefix: str) -> LeaseState:
    try:
        fields = json.loads(data)
        return LeaseState(**{**fields, "expires_at": datetime.fromisoformat(fields["expires_at"])})
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"The lease {prefix!r} is not readable; delete its newest object once no run works."
        ) from error
