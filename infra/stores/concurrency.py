"""The same small operation on many objects: side by side where each waits for a network, in turn on a disk.

Comes in: a store, what to do, to what. Goes out: the answers, in order. On a disk, threads only take the interpreter
from each other: publishing small files took twice the CPU with eight of them, and longer, than with none.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from infra.interfaces import ObjectStore

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_QUEUED_PER_THREAD = 2
"""Operations begun or queued for each that runs, so that no thread waits for the slowest of them."""


def concurrent_map(store: ObjectStore, work: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """Yield `work`'s answers in the items' order; its first error is raised, after what is under way has ended.

    Items are taken as room comes free: millions of them may follow, and none is begun after an error.
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
