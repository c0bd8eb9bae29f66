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
from catalogs.runs.work_items import GeneratedImage, ShardWork, WorkItem
from infra.errors import InvalidImage, WorkQuarantined
from infra.imaging.codecs import decode, encode_png, pixel_sha, read_software
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Pool, Prompt
from infra.stores.concurrency import concurrent_map
from tasks.runs.budget_meter import BudgetMeter
from tasks.runs.run_context import RunContext

MAX_QUEUED_FRAMES = 8
"""Frames that may wait to be encoded: 24 MB at 1024 px."""
MAX_SINGLE_RETRIES = 4 * MAX_QUEUED_FRAMES
"""Images that are made one by one: more of them are not one bad image and its neighbours."""
SET_ASIDE = "set-aside"
"""Why an image failed that engines died with."""


def generate_within_budget(
    pool: Pool, work: ShardWork, store: ObjectStore, meter: BudgetMeter | None = None
) -> list[GeneratedImage]:
    """Return what became of each order that there was leave to begin, in the shard's order."""
    meter = meter or BudgetMeter()
    # Two finishes of one request need one image: the first order has it made, the others find it.
    orders: dict[str, WorkItem] = {}
    for order in work.items:
        orders.setdefault(order.image_key, order)
    # Under a limit only what is really to be painted asks for leave; without one the engine's side looks for itself.
    made = {one.item.image_key: one for one in _find_staged_images(store, orders.values())} if meter.limited else {}
    while missing := [order for key, order in orders.items() if key not in made]:
        begun = meter.reserve(len(missing))
        if not begun:
            break
        for one in _generate_with_retries(pool, replace(work, items=tuple(missing[:begun])), store):
            unknown = one.origin == "reused" or one.failure_code == SET_ASIDE
            meter.record_image(None if unknown else one.engine_seconds)
            made[one.item.image_key] = one
    return [_result_for_item(order, made[order.image_key]) for order in work.items if order.image_key in made]


def generate_on_engine(engine: Engine, work: ShardWork, store: ObjectStore) -> list[GeneratedImage]:
    """Return what became of each order, each of another image. Images that are staged already are not made again."""
    orders = {order.image_key: order for order in work.items}
    made = {one.item.image_key: one for one in _find_staged_images(store, work.items)}
    missing = (order for key, order in orders.items() if key not in made)
    with ThreadPoolExecutor(min(store.max_concurrency, MAX_QUEUED_FRAMES), "stage") as threads:
        room = Semaphore(MAX_QUEUED_FRAMES)
        waiting: list[Future[GeneratedImage]] = []

        def settle(*, wait: bool) -> None:
            # A picture that could not be staged must end the painting, and not wait for slower ones before it.
            for future in [each for each in waiting if wait or each.done()]:
                waiting.remove(future)
                done = future.result()
                made[done.item.image_key] = done

        for answer in engine.generate(_build_prompts(missing)):
            order = orders[answer.key]
            if isinstance(answer, Failure):
                made[answer.key] = GeneratedImage(
                    order, "failed", engine_seconds=answer.seconds, failure_reason=answer.reason
                )
                continue
            room.acquire()
            future = threads.submit(_stage_image, store, order, answer, engine.name)
            future.add_done_callback(lambda _: room.release())
            waiting.append(future)
            settle(wait=False)
        settle(wait=True)
    return [made[key] for key in orders]


@task(name="generate", task_run_name="generate {shard}", cache_policy=NO_CACHE, persist_result=False)
def generate_shard(context: RunContext, shard: str) -> dict[str, int]:
    """`make`, as Prefect sees it: a shard's name in, counts out."""
    work = context.load_shard_work(shard)
    made = generate_within_budget(context.resources.pool(work.model), work, context.resources.store, context.meter)
    context.put_generated(shard, made)
    return dict(Counter(one.origin for one in made))


def _generate_with_retries(pool: Pool, work: ShardWork, store: ObjectStore) -> list[GeneratedImage]:
    """Have orders made from the first to the last, and where that ends engines, from the last to the first.

    What is staged is found, so that both ways together leave the image that does it and a few beside it, whose pictures
    died on their way to the store: each of these is made by itself.
    """
    paint = partial(generate_on_engine, store=store)
    for orders in (work.items, work.items[::-1]):
        try:
            return pool.submit(paint, replace(work, items=orders)).result()
        except WorkQuarantined as error:
            reason = str(error)
    found = {one.item.image_key: one for one in _find_staged_images(store, work.items)}
    left = [order for order in work.items if order.image_key not in found]
    if len(left) > MAX_SINGLE_RETRIES:
        return [*found.values(), *(_set_aside_result(order, reason) for order in left)]
    alone = [(order, pool.submit(paint, replace(work, items=(order,)))) for order in left]
    return [*found.values(), *(_await_single_item(order, future) for order, future in alone)]


def _await_single_item(item: WorkItem, future: "Future[list[GeneratedImage]]") -> GeneratedImage:
    try:
        return future.result()[0]
    except WorkQuarantined as error:
        return _set_aside_result(item, str(error))


def _set_aside_result(item: WorkItem, reason: str) -> GeneratedImage:
    return GeneratedImage(item, "failed", failure_code=SET_ASIDE, failure_reason=reason)


def _find_staged_images(store: ObjectStore, items: Iterable[WorkItem]) -> Iterator[GeneratedImage]:
    items = list(items)
    staged = concurrent_map(store, partial(_read_staged_or_discard, store), [order.image_key for order in items])
    for order, found in zip(items, staged, strict=True):
        if found is not None:
            sha, backend = found
            yield GeneratedImage(order, "reused", sha, backend=backend)


def _result_for_item(item: WorkItem, image: GeneratedImage) -> GeneratedImage:
    """Return an order's own word on an image that is made once for several orders, or that travelled."""
    if image.item == item:
        return image
    return replace(
        image, item=item, origin="reused" if image.origin == "generated" else image.origin, engine_seconds=0.0
    )


def _build_prompts(items: Iterator[WorkItem]) -> Iterator[Prompt]:
    for order in items:
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


def _read_staged_or_discard(store: ObjectStore, image_key: str) -> tuple[str, str] | None:
    """Return the sha of a staged image's pixels and the engine that made them, as far as it is known."""
    key = layout.staged_image(image_key)
    staged = store.find(key)
    if staged is None:
        return None
    try:
        return pixel_sha(decode(staged)), read_software(staged)
    except InvalidImage:
        store.delete([key])  # no writer of ours leaves half an image; what is there is made anew
        return None


def _stage_image(store: ObjectStore, item: WorkItem, frame: Frame, backend: str) -> GeneratedImage:
    key = layout.staged_image(item.image_key)
    if store.write_once(key, encode_png(frame.pixels, backend), content_type="image/png"):
        return GeneratedImage(item, "generated", pixel_sha(frame.pixels), frame.seconds, backend=backend)
    # Another run staged it first, and its picture is the one that counts.
    staged = store.read(key)
    return GeneratedImage(item, "generated", pixel_sha(decode(staged)), frame.seconds, backend=read_software(staged))
