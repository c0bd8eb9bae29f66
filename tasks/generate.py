"""Make a shard's images: find what is staged, let the engine make the rest, stage each image as it comes.

Comes in: `ShardWork`, an engine and a store. Goes out: a `Made` an order. Encoding, hashing and writing run on threads
beside the engine, in a bounded queue: a killed run loses at most the engine's batch and that queue. When the meter
says that budget or time are used up, the engine gets no further prompts, and what it did not get is not among the made.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Semaphore

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalogs import layout
from catalogs.work import Made, Order, ShardWork
from infra.codecs import decode, encode_png, pixel_sha, software_of
from infra.errors import BadImage
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Prompt
from infra.stores.abreast import abreast
from tasks.meter import Meter
from tasks.workbench import Workbench

FIRST_MEASURED = 4
"""Images that tell how fast a budget is used up."""
STAGING_QUEUE = 8
"""Frames that may wait to be encoded: 24 MB at 1024 px."""


def generate(engine: Engine, shard: ShardWork, store: ObjectStore, meter: Meter | None = None) -> list[Made]:
    """Return what became of each order, in the shard's order. Images that are staged already are not made again."""
    meter = meter or Meter()
    # Two finishes of one request need one image: the first order has it made, the others find it.
    orders: dict[str, Order] = {}
    for order in shard.orders:
        orders.setdefault(order.image_key, order)
    made: dict[str, Made] = {}
    for key, found in zip(orders, abreast(store, partial(_staged, store), orders), strict=True):
        if found is not None:
            sha, backend = found
            made[key] = Made(orders[key], "reused", sha, backend=backend)
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

        for answer in _answers(engine, missing, meter):
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
    return [_own(order, made[order.image_key]) for order in shard.orders if order.image_key in made]


@task(name="generate", task_run_name="generate {shard}", cache_policy=NO_CACHE, persist_result=False)
def generate_shard(bench: Workbench, shard: str) -> dict[str, int]:
    """`generate`, as Prefect sees it: a shard's name in, counts out."""
    work = bench.work(shard)
    paint = partial(generate, store=bench.places.store, meter=bench.meter)
    made = bench.places.pool(work.model).submit(paint, work).result()
    bench.put_made(shard, made)
    return dict(Counter(one.how for one in made))


def _answers(engine: Engine, orders: Iterator[Order], meter: Meter) -> Iterator[Frame | Failure]:
    """Let the engine paint as many as the meter allows.

    An engine reads ahead, and what it has read it paints: while the meter can only guess, it gets a few to measure by.
    """
    for some in (islice(orders, FIRST_MEASURED if meter.guesses else 0), orders):
        for answer in engine.generate(_prompts(some, meter)):
            meter.count(answer.seconds)
            yield answer


def _own(order: Order, made: Made) -> Made:
    if made.order is order:
        return made
    return replace(made, order=order, how="reused" if made.how == "generated" else made.how, engine_seconds=0.0)


def _prompts(orders: Iterator[Order], meter: Meter) -> Iterator[Prompt]:
    for order in orders:
        if not meter.allows():
            return
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
