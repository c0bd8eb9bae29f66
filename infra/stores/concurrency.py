"""Run one operation on many objects: concurrently on a network store, in turn on a disk.

Inputs: a store, an operation, and items. Outputs: the results, in the items' order.
On a disk, threads only take the interpreter from each other: publishing small files took twice the CPU with eight of
them, and longer, than with none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from infra.interfaces import ObjectStore

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_QUEUED_PER_THREAD = 2
"""Operations started or queued per thread, so that no thread waits for the slowest operation."""


def concurrent_map(store: ObjectStore, work: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """Yield the results of `work` in the items' order; raise its first error once the running operations have ended.

    Items are consumed as capacity becomes free, so there may be millions of them; none is started after an error.
    """
    if store.max_concurrency == 1:
        yield from map(work, items)
        return
    under_way: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(store.max_concurrency, "objects") as threads:
        for item in items:
            if len(under_way) == _QUEUED_PER_THREAD * store.max_concurrency:
                yield under_way.popleft().result()
            under_way.append(threads.submit(work, item))
        while under_way:
            yield under_way.popleft().result()
