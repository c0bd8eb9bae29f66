"""Screening that fails on order, for tests of what surrounds it.

Inputs: a request whose key names a fault. Outputs: the result of `measure`, or the fault.
A key that starts with one of `FAULTS` orders that fault; a key that starts with `hang-in-` or `crash-in-` and a
scanner's name orders it for the moment that scanner runs; any other key is measured.
"""

import os
import re
import time
from typing import Any, NoReturn

from infra.errors import StoreError
from infra.interfaces import ObjectStore, Screened, ScreeningRequest
from infra.screening.measure import measure, scanners_for

FAULTS = ("hang", "grip", "crash", "raise", "away")
"""Sleep for ever; compute while holding the interpreter's lock; exit with 77; raise an exception; lose the store."""

CRASH_CODE = 77


def measure_or_fail(request: ScreeningRequest, store: ObjectStore) -> Screened:
    """Measure the request, unless its key names a fault."""
    scanner_fault = re.match(r"(hang|crash)-in-([a-z]+)", request.key)
    if scanner_fault:
        fault_function = _hang if scanner_fault[1] == "hang" else _crash
        return measure(request, store, {**scanners_for(request), scanner_fault[2]: fault_function})
    fault = next((name for name in FAULTS if request.key.startswith(name)), None)
    if fault == "hang":
        _hang()
    if fault == "grip":
        re.match(r"(a+)+$", "a" * 64 + "b")
    if fault == "crash":
        _crash()
    if fault == "raise":
        raise ValueError(f"The request {request.key!r} orders an exception.")
    if fault == "away":
        raise StoreError("The store is unreachable, as ordered.")
    return measure(request, store)


def _hang(_: Any = None) -> NoReturn:
    while True:
        time.sleep(60)


def _crash(_: Any = None) -> NoReturn:
    os._exit(CRASH_CODE)
