"""Timed scanners: measures one image with a stopwatch on the scanners.

Inputs: a request and a store. Outputs: the usual answer, whose `seconds` are the CPU seconds of its scanners.
A module of its own, because every measuring process imports it: it must import nothing that the shipped one does not.
"""

import time
from dataclasses import replace
from typing import Any

from infra.interfaces import ObjectStore, Screened, ScreeningRequest
from infra.screening.measure import ScannerFunction, measure, scanners_for


def measure_with_scanner_cpu(request: ScreeningRequest, store: ObjectStore) -> Screened:
    """Measure one request; the answer's `seconds` are the CPU seconds of its scanners."""
    spent = [0.0]

    def timed(scanner: ScannerFunction) -> ScannerFunction:
        def run(pair: Any) -> Any:
            began = time.thread_time()
            try:
                return scanner(pair)
            finally:
                spent[0] += time.thread_time() - began

        return run

    answer = measure(request, store, {name: timed(scanner) for name, scanner in scanners_for(request).items()})
    return replace(answer, seconds=spent[0])
