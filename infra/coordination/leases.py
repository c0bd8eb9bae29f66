"""Leases: exclusive, expiring ownership of a resource, held in the object store.

Inputs: a store, a prefix, a holder's name, seconds. Outputs: a `Lease`, or `LeaseHeld`.
A lease is a sequence of objects `<prefix>/<generation>.json` (`infra.stores.sequence`); the highest generation is the
current state. Acquiring, renewing and releasing each create the next generation by a conditional put, so exactly one
of several contenders succeeds, and a holder that was suspended past its term finds out when it renews.
Invariant: a generation counts only if it is still the highest after it was written. Old generations are deleted, so a
process that wakes up may create one of them again. All generations of one acquisition carry one random token: a holder
knows by it a generation that it wrote before the store failed it.
A lease lapses when its term ends by the store's clock, when it is released, or at once when its process has certainly
died on this machine. No machine's own clock is asked: one that is ahead would take leases that are held, and one behind
could never keep its own.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import uuid4

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from infra.coordination.running_process import running_process
from infra.errors import LeaseHeld, LeaseLost, ObjectMissing, StoreError
from infra.interfaces import ObjectStore
from infra.stores.sequence import ObjectSequence

Clock = Callable[[], datetime]

GENERATIONS_KEPT = 2
"""Generations left in the store: the newest, and the one before it for people who investigate."""

_RENEWALS_PER_TERM = 3


@dataclass(frozen=True)
class LeaseState:
    """One generation of a lease, as it is stored."""

    generation: int
    holder: str
    host: str
    pid: int
    process: str
    expires_at: AwareDatetime
    released: bool
    token: str

    def is_live(self, now: datetime) -> bool:
        """Tell whether the holder may still be working; `now` is by the store's clock."""
        if self.released or self.expires_at <= now:
            return False
        return not running_process().is_surely_dead(self.pid, self.process)

    def __str__(self) -> str:
        until = self.expires_at.astimezone(UTC).isoformat(" ", "seconds")
        return f"{self.holder!r} (process {self.pid} on {self.host}) until {until}"


_LEASE_STATE = TypeAdapter(LeaseState)


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
        """Raise `LeaseLost` if the lease was taken over; one past half its term is renewed, which detects that.

        Not only at its end: two processes may know the store's time to within seconds of each other.
        """
        with self._lock:
            certain_until = self._state.expires_at - timedelta(seconds=self._seconds / 2)
            if self._lost or self._state.released or certain_until <= self._clock():
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
        """Create the next generation, after those that earlier calls created without hearing of it."""
        while True:
            held = self._state
            if self._lost:
                raise LeaseLost(self._lost)
            if held.released:
                raise LeaseLost(f"The lease {self._prefix!r} was released by its holder {held.holder!r}.")
            state = _own_state(
                held.generation + 1, held.holder, self._seconds, self._clock(), token=held.token, released=released
            )
            if _create_generation(self._store, self._prefix, state):
                self._state = state
                return
            if not self._adopt_own_generation(state.generation):
                newest = read_lease(self._store, self._prefix)
                self._lost = f"The lease {self._prefix!r} of {held.holder!r} was taken over by {newest}."

    def _adopt_own_generation(self, generation: int) -> bool:
        """Tell whether the generation exists, is this lease's own and still the highest; if so, it is held from now."""
        sequence = _generations(self._store, self._prefix)
        try:
            found = _parse(sequence.read(generation), self._prefix)
        except ObjectMissing:
            return False
        if found.token != self._state.token or sequence.latest() > generation:
            return False
        self._state = found
        return True


def acquire(store: ObjectStore, prefix: str, holder: str, seconds: float, *, clock: Clock | None = None) -> Lease:
    """Acquire the lease under `prefix` for `seconds`; raise `LeaseHeld`, which names the holder, if it is not free.

    `clock` stands in for the store's in tests.
    """
    clock = clock or store.now
    while True:
        newest = read_lease(store, prefix)
        if newest is not None and newest.is_live(clock()):
            raise LeaseHeld(f"The lease {prefix!r} is held by {newest}; wait for it, or end that run.")
        generation = newest.generation + 1 if newest else 1
        state = _own_state(generation, holder, seconds, clock(), token=uuid4().hex, released=False)
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
    if max(generations, default=0) > state.generation:
        return False
    sequence.keep_newest(generations, GENERATIONS_KEPT)
    return True


def _own_state(
    generation: int, holder: str, seconds: float, now: datetime, *, token: str, released: bool
) -> LeaseState:
    expires_at = now if released else now + timedelta(seconds=seconds)
    process = running_process()
    return LeaseState(generation, holder, process.host, process.pid, process.identity, expires_at, released, token)


def _generations(store: ObjectStore, prefix: str) -> ObjectSequence:
    return ObjectSequence(store, f"{prefix}/", lambda generation: f"{prefix}/{generation:08d}.json")


def _serialize(state: LeaseState) -> bytes:
    return json.dumps({**asdict(state), "expires_at": state.expires_at.isoformat()}, indent=1).encode()


def _parse(data: bytes, prefix: str) -> LeaseState:
    try:
        return _LEASE_STATE.validate_json(data)
    except ValidationError as error:
        raise StoreError(
            f"The lease {prefix!r} is not readable; delete its newest object once no run works."
        ) from error
