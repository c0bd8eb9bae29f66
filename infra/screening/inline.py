"""Screening in this process: for stores in memory, for single images, for debugging.

Inputs: requests. Outputs: one result per request, in the requests' order. No process can be killed here, so a request's
deadline is not enforced; everything else is as in `infra.screening.processes`, and one contract test runs against both.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from infra.errors import ObjectMissing, StoreError
from infra.interfaces import Failure, ObjectStore, Screened, ScreeningRequest
from infra.screening.measure import measure as measure_image
from infra.screening.product_check import KEPT, KeptUnproven

MeasureFunction = Callable[[ScreeningRequest, ObjectStore], Screened]
MeasureResult = Screened | Failure | StoreError
"""The result of one request: measurements, its own failure, or a store that could not serve it."""


class InlineScreener:
    """Screens with a store that is already open (a request's `store_url` is not read)."""

    def __init__(self, store: ObjectStore, measure: MeasureFunction = measure_image) -> None:
        """Keep the open store; nothing is started."""
        self._store = store
        self._measure = measure

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        """Yield one result per request; an exception while measuring becomes that request's Failure.

        Raises `StoreError` for a store that could not serve it, which says nothing about the image.
        """
        for request in requests:
            yield unwrap_result(try_measure(request, self._store, self._measure))

    def close(self) -> None:
        """Do nothing: there are no processes, and the caller owns the store."""


def try_measure(request: ScreeningRequest, store: ObjectStore, measure: MeasureFunction) -> MeasureResult:
    """Measure one image; an error becomes its own Failure and affects no other image.

    A `StoreError` is returned as it is: taken for the image's fault, it would be recorded as a verdict and outlive the
    outage.
    """
    started = time.perf_counter()
    try:
        return measure(request, store)
    except KeptUnproven as error:
        return Failure(request.key, str(error), time.perf_counter() - started, KEPT)
    except ObjectMissing as error:
        return Failure(request.key, f"{type(error).__name__}: {error}", time.perf_counter() - started)
    except StoreError as error:
        return error
    except Exception as error:
        return Failure(request.key, f"{type(error).__name__}: {error}", time.perf_counter() - started)


def unwrap_result(result: MeasureResult) -> Screened | Failure:
    """Return a result about an image, or raise the store's error."""
    if isinstance(result, StoreError):
        raise result
    return result
