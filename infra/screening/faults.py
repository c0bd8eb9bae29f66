"""A measuring that goes wrong on request, for trying what stands around it.

Comes in: an order whose key says what shall happen. Goes out: what `measure` gives, or the fault. Where the key
starts with one of `FAULTS`, that happens; any other key is measured.
"""

import os
import re
import time

from infra.errors import StoreError
from infra.interfaces import ObjectStore, Screened, ScreeningOrder
from infra.screening.measure import measure

FAULTS = ("hang", "grip", "crash", "raise", "away")
"""Sleep for ever; compute holding the interpreter's lock; exit with 77; raise an exception; find the store away."""

CRASH_CODE = 77


def measure_or_fail(order: ScreeningOrder, store: ObjectStore) -> Screened:
    """Measure, unless the order's key starts with the name of a fault."""
    fault = next((name for name in FAULTS if order.key.startswith(name)), None)
    if fault == "hang":
        while True:
            time.sleep(60)
    if fault == "grip":
        re.match(r"(a+)+$", "a" * 64 + "b")
    if fault == "crash":
        os._exit(CRASH_CODE)
    if fault == "raise":
        raise ValueError(f"The order {order.key!r} asked for an exception.")
    if fault == "away":
        raise StoreError("The store was away on purpose.")
    return measure(order, store)
