"""Screening in this process: for stores that live in memory, for single images, for debugging.

Comes in: orders. Goes out: an answer an order, in their order. Nothing can be killed here, so an order's deadline is
not kept; everything else is as in `infra.screening.processes`, and one test asks both.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from infra.errors import ObjectMissing, StoreError
from infra.interfaces import Failure, ObjectStore, Screened, ScreeningRequest
from infra.screening.measure import measure as measure_order

MeasureFunction = Callable[[ScreeningRequest, ObjectStore], Screened]
MeasureResult = Screened | Failure | StoreError
"""What comes of one order: numbers, its own failure, or a store that could not serve it."""


class InlineScreener:
    """Screens with a store that is already open (an order's `store_url` is not read)."""

    def __init__(self, store: ObjectStore, measure: MeasureFunction = measure_order) -> None:
        """Keep the store; nothing is started."""
        self._store = store
        self._measure = measure

    def screen(self, requests: Sequence[ScreeningRequest]) -> Iterator[Screened | Failure]:
        """Yield one answer an order; an exception while measuring becomes that order's Failure.

        Raises `StoreError` for a store that could not serve it, which says nothing of the picture.
        """
        for order in requests:
            yield unwrap_result(try_measure(order, self._store, self._measure))

    def close(self) -> None:
        """Do nothing: there are no processes, and the store is its owner's."""


def try_measure(request: ScreeningRequest, store: ObjectStore, measure: MeasureFunction) -> MeasureResult:
    """Measure one order; whatever goes wrong with it is its own Failure and nobody else's.

    A store that is away is returned as the error that it is: taken for the picture's fault, it would be written down
    as a verdict, and outlive the outage.
    """
    started = time.perf_counter()
    try:
        return measure(request, store)
    except ObjectMissing as error:
        return Failure(request.key, f"{type(error).__name__}: {error}", time.perf_counter() - started)
    except StoreError as error:
        return error
    except Exception as error:
        return Failure(request.key, f"{type(error).__name__}: {error}", time.perf_counter() - started)


def unwrap_result(result: MeasureResult) -> Screened | Failure:
    """Return an answer about a picture, or raise the store's error."""
    if isinstance(result, StoreError):
        raise result
    return result
