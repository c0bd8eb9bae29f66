"""A measuring that goes wrong on request, for trying what stands around it.

Comes in: an order whose key says what shall happen. Goes out: what `measure` gives, or the fault. Where the key
starts with one of `FAULTS`, that happens; where it starts with `hang-in-` or `crash-in-` and a scanner's name, that
happens when the scanner is to look; any other key is measured.
"""

import os
import re
import time
from typing import Any, NoReturn

from infra.errors import StoreError
from infra.interfaces import ObjectStore, Screened, ScreeningRequest
from infra.screening.measure import measure, scanners_for

FAULTS = ("hang", "grip", "crash", "raise", "away")
"""Sleep for ever; compute holding the interpreter's lock; exit with 77; raise an exception; find the store away."""

CRASH_CODE = 77


def measure_or_fail(request: ScreeningRequest, store: ObjectStore) -> Screened:
    """Measure, unless the order's key starts with the name of a fault."""
    spoiled = re.match(r"(hang|crash)-in-([a-z]+)", request.key)
    if spoiled:
        spoil = _hang if spoiled[1] == "hang" else _crash
        return measure(request, store, {**scanners_for(request), spoiled[2]: spoil})
    fault = next((name for name in FAULTS if request.key.startswith(name)), None)
    if fault == "hang":
        _hang()
    if fault == "grip":
        re.match(r"(a+)+$", "a" * 64 + "b")
    if fault == "crash":
        _crash()
    if fault == "raise":
        raise ValueError(f"The order {request.key!r} asked for an exception.")
    if fault == "away":
        raise StoreError("The store was away on purpose.")
    return measure(request, store)


def _hang(_: Any = None) -> NoReturn:
    while True:
        time.sleep(60)


def _crash(_: Any = None) -> NoReturn:
    os._exit(CRASH_CODE)
