"""Screening in this process: for stores that live in memory, for single images, for debugging.

Comes in: orders. Goes out: an answer an order, in their order. Nothing can be killed here, so an order's deadline is
not kept; everything else is as in `infra.screening.processes`, and one test asks both.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from infra.interfaces import Failure, ObjectStore, Screened, ScreeningOrder
from infra.screening.measure import measure as measure_order

Measure = Callable[[ScreeningOrder, ObjectStore], Screened]


class InlineScreener:
    """Screens with a store that is already open (an order's `store_url` is not read)."""

    def __init__(self, store: ObjectStore, measure: Measure = measure_order) -> None:
        """Keep the store; nothing is started."""
        self._store = store
        self._measure = measure

    def screen(self, orders: Sequence[ScreeningOrder]) -> Iterator[Screened | Failure]:
        """Yield one answer an order; an exception while measuring becomes that order's Failure."""
        for order in orders:
            yield answer(order, self._store, self._measure)

    def close(self) -> None:
        """Do nothing: there are no processes, and the store is its owner's."""


def answer(order: ScreeningOrder, store: ObjectStore, measure: Measure) -> Screened | Failure:
    """Measure one order; whatever goes wrong with it is its own Failure and nobody else's."""
    started = time.perf_counter()
    try:
        return measure(order, store)
    except Exception as error:
        return Failure(order.key, f"{type(error).__name__}: {error}", time.perf_counter() - started)
