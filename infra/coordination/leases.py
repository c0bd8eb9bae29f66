"""Leases: who may work on something, until when, and how somebody else finds out.

Comes in: a store, a prefix, a holder's name, seconds. Goes out: a `Lease`, or `LeaseHeld`.
A lease is a chain of objects `<prefix>/<generation>.json`; the highest generation is the truth. Taking, renewing and
releasing all mean making the next generation by `write_once`, so exactly one of many contenders gets it, and a holder
that slept through its own end finds out when it renews. A generation is only good if it is still the highest after it
was made: old ones are deleted, and a sleeper could make a deleted one anew.
A lease lapses when its time is over by the contender's clock (clocks should agree within seconds), when it is
released, or at once when its process has surely died on this machine.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from uuid import uuid4

from infra.coordination.process_liveness import host_name, is_surely_dead, process_identity
from infra.errors import LeaseHeld, LeaseLost, ObjectMissing, StoreError
from infra.interfaces import ObjectStore

Clock = Callable[[], datetime]

GENERATIONS_KEPT = 2
"""Generations left in the store: the newest, and the one before it for people who wonder."""

_RENEWALS_PER_TERM = 3  # tries within a lease's time


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class LeaseState:
    """One generation of a lease, as it is kept."""

    generation: int
    holder: str
    host: str
    pid: int
    process: str
    expires_at: datetime
    released: bool
    token: str

    def is_live(self, now: datetime | None = None) -> bool:
        """Tell whether the holder may still be at work."""
        if self.released or self.expires_at <= (now or utc_now()):
            return False
        return not is_surely_dead(self.pid, self.process)

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
        """The generation held last."""
        return self._state

    def renew(self) -> None:
        """Make the next generation; raise `LeaseLost` if somebody else made it."""
        with self._lock:
            self._advance(released=False)

    def check(self) -> None:
        """Raise `LeaseLost` if the lease was taken over; a lease past its time is renewed, which finds that out."""
        with self._lock:
            if self._lost or self._state.released or self._state.expires_at <= self._clock():
                self._advance(released=False)

    def release(self) -> None:
        """Let others have it at once. Nothing happens if it is lost or released already.

        A store that is away is passed over too: the lease lapses by itself, and what went wrong before must be heard.
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
        """Renew in the background until the block ends. A loss shows at the next `check`."""
        done = Event()
        keeper = Thread(target=self._renew_until, args=(done,), name=f"lease {self._prefix}", daemon=True)
        keeper.start()
        try:
            yield self
        finally:
            done.set()
            keeper.join()

    def _renew_until(self, done: Event) -> None:
        while not done.wait(self._seconds / _RENEWALS_PER_TERM):
            try:
                self.renew()
            except LeaseLost:
                return
            except StoreError:
                continue  # a store that is away for a moment; `check` looks again once the time is over

    def _advance(self, *, released: bool) -> None:
        if self._lost:
            raise LeaseLost(self._lost)
        if self._state.released:
            raise LeaseLost(f"The lease {self._prefix!r} was released by {self._state.holder!r} itself.")
        wanted = _own_state(
            self._state.generation + 1, self._state.holder, self._seconds, self._clock(), released=released
        )
        if not _create_generation(self._store, self._prefix, wanted):
            newest = read_lease(self._store, self._prefix)
            self._lost = f"The lease {self._prefix!r} of {self._state.holder!r} was taken over by {newest}."
            raise LeaseLost(self._lost)
        self._state = wanted


def acquire(store: ObjectStore, prefix: str, holder: str, seconds: float, *, clock: Clock = utc_now) -> Lease:
    """Take the lease under `prefix` for `seconds`; raise `LeaseHeld`, which names the holder, if it is not free."""
    while True:
        newest = read_lease(store, prefix)
        if newest is not None and newest.is_live(clock()):
            raise LeaseHeld(f"The lease {prefix!r} is held by {newest}; wait for it, or end that run.")
        wanted = _own_state(newest.generation + 1 if newest else 1, holder, seconds, clock(), released=False)
        if _create_generation(store, prefix, wanted):
            return Lease(store, prefix, wanted, seconds, clock)


def read_lease(store: ObjectStore, prefix: str) -> LeaseState | None:
    """Return the newest generation of the lease under `prefix`, or None where nobody ever took it."""
    while generations := _generations(store, prefix):
        try:
            return _parse(store.read(_key(prefix, generations[-1])), prefix)
        except ObjectMissing:
            continue  # it was replaced by newer ones between the listing and the reading
    return None


def _create_generation(store: ObjectStore, prefix: str, state: LeaseState) -> bool:
    """Make a generation; True if it is this call's, and the highest."""
    key = _key(prefix, state.generation)
    if not store.write_once(key, _serialize(state)):
        try:
            # A put whose answer was lost is sent twice, and then finds itself.
            if _parse(store.read(key), prefix).token != state.token:
                return False
        except ObjectMissing:
            return False
    generations = _generations(store, prefix)
    if generations[-1:] != [state.generation]:
        return False
    store.delete(_key(prefix, old) for old in generations[:-GENERATIONS_KEPT])
    return True


def _own_state(generation: int, holder: str, seconds: float, now: datetime, *, released: bool) -> LeaseState:
    expires_at = now if released else now + timedelta(seconds=seconds)
    return LeaseState(
        generation, holder, host_name(), os.getpid(), process_identity(), expires_at, released, uuid4().hex
    )


def _key(prefix: str, generation: int) -> str:
    return f"{prefix}/{generation:08d}.json"


def _generations(store: ObjectStore, prefix: str) -> list[int]:
    names = (info.key.rpartition("/")[2].removesuffix(".json") for info in store.list(f"{prefix}/"))
    return sorted(int(name) for name in names if name.isdecimal())


def _serialize(state: LeaseState) -> bytes:
    return json.dumps({**asdict(state), "expires_at": state.expires_at.isoformat()}, indent=1).encode()


def _parse(data: bytes, prefix: str) -> LeaseState:
    try:
        told = json.loads(data)
        return LeaseState(**{**told, "expires_at": datetime.fromisoformat(told["expires_at"])})
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"The lease {prefix!r} is not readable; delete its newest object once no run works."
        ) from error
