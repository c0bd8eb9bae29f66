"""Make a shard's images: find what is staged, let the engine make the rest, stage each image as it comes.

Comes in: `ShardWork`, a pool of engines and a store. Goes out: a `Made` an order. `generate` runs beside an engine, in
whatever process that is, and all it is given travels there: encoding, hashing and writing run on threads, in a bounded
queue, and an engine that is killed loses at most its batch and that queue. `make` stays here and gives it the orders.
When the meter says that budget or time are used up it gives no more, and what was not given is not among the made.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Semaphore

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalogs import layout
from catalogs.runs.work_items import Made, Order, ShardWork
from infra.errors import BadImage, WorkSetAside
from infra.imaging.codecs import decode, encode_png, pixel_sha, software_of
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Pool, Prompt
from infra.stores.concurrency import abreast
from tasks.runs.budget_meter import Meter
from tasks.runs.run_context import Workbench

STAGING_QUEUE = 8
"""Frames that may wait to be encoded: 24 MB at 1024 px."""
MOST_ALONE = 4 * STAGING_QUEUE
"""Images that are made one by one: more of them are not one bad image and its neighbours."""
SET_ASIDE = "set-aside"
"""Why an image failed that engines died with."""


def make(pool: Pool, work: ShardWork, store: ObjectStore, meter: Meter | None = None) -> list[Made]:
    """Return what became of each order that there was leave to begin, in the shard's order."""
    meter = meter or Meter()
    # Two finishes of one request need one image: the first order has it made, the others find it.
    orders: dict[str, Order] = {}
    for order in work.orders:
        orders.setdefault(order.image_key, order)
    # Under a limit only what is really to be painted asks for leave; without one the engine's side looks for itself.
    made = {one.order.image_key: one for one in _found(store, orders.values())} if meter.limited else {}
    while missing := [order for key, order in orders.items() if key not in made]:
        begun = meter.begin(len(missing))
        if not begun:
            break
        for one in _painted(pool, replace(work, orders=tuple(missing[:begun])), store):
            unknown = one.how == "reused" or one.code == SET_ASIDE
            meter.count(None if unknown else one.engine_seconds)
            made[one.order.image_key] = one
    return [_own(order, made[order.image_key]) for order in work.orders if order.image_key in made]


def generate(engine: Engine, work: ShardWork, store: ObjectStore) -> list[Made]:
    """Return what became of each order, each of another image. Images that are staged already are not made again."""
    orders = {order.image_key: order for order in work.orders}
    made = {one.order.image_key: one for one in _found(store, work.orders)}
    missing = (order for key, order in orders.items() if key not in made)
    with ThreadPoolExecutor(min(store.abreast, STAGING_QUEUE), "stage") as threads:
        room = Semaphore(STAGING_QUEUE)
        waiting: list[Future[Made]] = []

        def settle(*, wait: bool) -> None:
            # A picture that could not be staged must end the painting, and not wait for slower ones before it.
            for future in [each for each in waiting if wait or each.done()]:
                waiting.remove(future)
                done = future.result()
                made[done.order.image_key] = done

        for answer in engine.generate(_prompts(missing)):
            order = orders[answer.key]
            if isinstance(answer, Failure):
                made[answer.key] = Made(order, "failed", engine_seconds=answer.seconds, reason=answer.reason)
                continue
            room.acquire()
            future = threads.submit(_stage, store, order, answer, engine.name)
            future.add_done_callback(lambda _: room.release())
            waiting.append(future)
            settle(wait=False)
        settle(wait=True)
    return [made[key] for key in orders]


@task(name="generate", task_run_name="generate {shard}", cache_policy=NO_CACHE, persist_result=False)
def generate_shard(bench: Workbench, shard: str) -> dict[str, int]:
    """`make`, as Prefect sees it: a shard's name in, counts out."""
    work = bench.work(shard)
    made = make(bench.places.pool(work.model), work, bench.places.store, bench.meter)
    bench.put_made(shard, made)
    return dict(Counter(one.how for one in made))


def _painted(pool: Pool, work: ShardWork, store: ObjectStore) -> list[Made]:
    """Have orders made from the first to the last, and where that ends engines, from the last to the first.

    What is staged is found, so that both ways together leave the image that does it and a few beside it, whose pictures
    died on their way to the store: each of these is made by itself.
    """
    paint = partial(generate, store=store)
    for orders in (work.orders, work.orders[::-1]):
        try:
            return pool.submit(paint, replace(work, orders=orders)).result()
        except WorkSetAside as error:
            reason = str(error)
    found = {one.order.image_key: one for one in _found(store, work.orders)}
    left = [order for order in work.orders if order.image_key not in found]
    if len(left) > MOST_ALONE:
        return [*found.values(), *(_set_aside(order, reason) for order in left)]
    alone = [(order, pool.submit(paint, replace(work, orders=(order,)))) for order in left]
    return [*found.values(), *(_alone(order, future) for order, future in alone)]


def _alone(order: Order, future: "Future[list[Made]]") -> Made:
    try:
        return future.result()[0]
    except WorkSetAside as error:
        return _set_aside(order, str(error))


def _set_aside(order: Order, reason: str) -> Made:
    return Made(order, "failed", code=SET_ASIDE, reason=reason)


def _found(store: ObjectStore, orders: Iterable[Order]) -> Iterator[Made]:
    orders = list(orders)
    staged = abreast(store, partial(_staged, store), [order.image_key for order in orders])
    for order, found in zip(orders, staged, strict=True):
        if found is not None:
            sha, backend = found
            yield Made(order, "reused", sha, backend=backend)


def _own(order: Order, made: Made) -> Made:
    """Return an order's own word on an image that is made once for several orders, or that travelled."""
    if made.order == order:
        return made
    return replace(made, order=order, how="reused" if made.how == "generated" else made.how, engine_seconds=0.0)


def _prompts(orders: Iterator[Order]) -> Iterator[Prompt]:
    for order in orders:
        request = order.request
        yield Prompt(
            key=order.image_key,
            text=request.prompt,
            negative=request.negative,
            seed=order.seed,
            width=request.width,
            height=request.height,
            steps=request.steps,
            guidance=request.guidance,
        )


def _staged(store: ObjectStore, image_key: str) -> tuple[str, str] | None:
    """Return the sha of a staged image's pixels and the engine that made them, as far as it is known."""
    key = layout.staged_image(image_key)
    staged = store.find(key)
    if staged is None:
        return None
    try:
        return pixel_sha(decode(staged)), software_of(staged)
    except BadImage:
        store.delete([key])  # no writer of ours leaves half an image; what is there is made anew
        return None


def _stage(store: ObjectStore, order: Order, frame: Frame, backend: str) -> Made:
    key = layout.staged_image(order.image_key)
    if store.write_once(key, encode_png(frame.pixels, backend), content_type="image/png"):
        return Made(order, "generated", pixel_sha(frame.pixels), frame.seconds, backend=backend)
    # Another run staged it first, and its picture is the one that counts.
    staged = store.read(key)
    return Made(order, "generated", pixel_sha(decode(staged)), frame.seconds, backend=software_of(staged))
