"""Generate a shard's images: reuse what is staged, have an engine generate the rest, stage each image as it is done.

Inputs: a `ShardWork`, a pool of engines, a store and a budget meter. Outputs: a `GeneratedImage` for each work item
that the budget allowed to begin; items that were not begun have none.

`generate_within_budget` runs in the process of the run and gives items to the pool. `generate_on_engine` runs beside
an engine, in whatever process that is, and everything it needs travels there. It encodes, hashes and writes on threads
behind a bounded queue, so an engine that is killed loses at most its batch and that queue. An image is never generated
twice: both sides look for staged images first.

Images that keep a photo's product are composed by processes without a GPU, a few items at a time so that all of them
have work. They count no engine seconds: neither budget nor cost knows of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Semaphore

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.runs.work_items import GeneratedImage, ShardWork, WorkItem
from infra.errors import WorkQuarantined, one_line
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Pool, Prompt
from infra.stores.concurrency import concurrent_map
from tasks.runs.budget_meter import BudgetMeter
from tasks.runs.error_boundary import one_sentence_errors
from tasks.runs.run_context import RunContext
from tasks.runs.staged_images import StagedImage, find_kept_image, find_staged_image, stage_image, stage_kept_image

MAX_QUEUED_FRAMES = 8
"""Frames that may wait to be encoded: 24 MB at 1024 px."""
MAX_SINGLE_RETRIES = 4 * MAX_QUEUED_FRAMES
"""Images that are retried one by one. More of them are not one bad image and those that were in the queue with it."""
ENGINE_FAILED = "engine-failed"
"""Failure code of an image that the engine could not make, where it gives no code of its own."""
MAX_COMPOSED_TOGETHER = 8
"""Images that one process composes before it asks for more."""
SET_ASIDE = "set-aside"
"""Failure code of an image at which engines died."""


def generate_within_budget(
    pool: Pool,
    work: ShardWork,
    store: ObjectStore,
    meter: BudgetMeter | None = None,
    trust: StoredWorkTrust = UNCHECKED,
) -> list[GeneratedImage]:
    """Return the results of the items that the meter allowed to begin, in the shard's order."""
    meter = meter or BudgetMeter()
    # Two finishes of one request need one image: it is generated for the first item and reused for the others.
    items: dict[str, WorkItem] = {}
    for item in work.items:
        items.setdefault(item.image_key, item)
    # Under a limit only images that must be generated are reserved; without one the engine's side looks for staged
    # images itself.
    results = _find_staged_images(store, items.values(), trust) if meter.limited else {}
    takes_engine = work.model != KEPT_MODEL
    reserve, generate = (
        (meter.reserve, _generate_with_retries) if takes_engine else (meter.reserve_unmetered, _compose_in_parts)
    )
    while missing := [item for key, item in items.items() if key not in results]:
        begun = reserve(len(missing))
        if not begun:
            break
        for image in generate(pool, replace(work, items=tuple(missing[:begun])), store, trust):
            if takes_engine:
                time_unknown = image.origin == "reused" or image.failure_code == SET_ASIDE
                meter.record_image(None if time_unknown else image.engine_seconds)
            results[image.item.image_key] = image
    return [_result_for_item(item, results[item.image_key]) for item in work.items if item.image_key in results]


def generate_on_engine(
    engine: Engine, work: ShardWork, store: ObjectStore, trust: StoredWorkTrust = UNCHECKED
) -> list[GeneratedImage]:
    """Return the result of each item; every item is of another image. Staged images are not generated again."""
    items = {item.image_key: item for item in work.items}
    results = _find_staged_images(store, work.items, trust)
    missing = (item for key, item in items.items() if key not in results)
    with ThreadPoolExecutor(min(store.max_concurrency, MAX_QUEUED_FRAMES), "stage") as threads:
        queue_slots = Semaphore(MAX_QUEUED_FRAMES)
        pending: list[Future[GeneratedImage]] = []

        def collect_results(*, wait: bool) -> None:
            # An image that cannot be staged must end the work at once, and not wait for slower ones before it.
            for future in [future for future in pending if wait or future.done()]:
                pending.remove(future)
                image = future.result()
                results[image.item.image_key] = image

        for answer in engine.generate(_build_prompts(missing)):
            item = items[answer.key]
            if isinstance(answer, Failure):
                results[answer.key] = _failed_result(item, answer)
                continue
            queue_slots.acquire()
            future = threads.submit(_stage_frame, store, item, answer, engine.name, trust)
            future.add_done_callback(lambda _: queue_slots.release())
            pending.append(future)
            collect_results(wait=False)
        collect_results(wait=True)
    return [results[key] for key in items]


@task(name="generate", task_run_name="generate {shard}", cache_policy=NO_CACHE, persist_result=False)
def generate_shard(context: RunContext, shard: str) -> dict[str, int]:
    """Run `generate_within_budget` as a Prefect task: from a shard's name to counts by origin."""
    with one_sentence_errors():
        work, resources = context.load_shard_work(shard), context.resources
        pool = resources.pool(work.model)
        images = generate_within_budget(pool, work, resources.store, context.meter, resources.trust)
        context.put_generated(shard, images)
        return dict(Counter(image.origin for image in images))


def _compose_in_parts(pool: Pool, work: ShardWork, store: ObjectStore, trust: StoredWorkTrust) -> list[GeneratedImage]:
    """Compose a few items at a time: every process has work, and a photo at which one dies costs few others a retry."""
    starts = range(0, len(work.items), MAX_COMPOSED_TOGETHER)
    parts = [replace(work, items=work.items[start : start + MAX_COMPOSED_TOGETHER]) for start in starts]
    with ThreadPoolExecutor(len(parts), "compose") as threads:
        results = threads.map(lambda part: _generate_with_retries(pool, part, store, trust), parts)
        return [image for part in results for image in part]


def _generate_with_retries(
    pool: Pool, work: ShardWork, store: ObjectStore, trust: StoredWorkTrust
) -> list[GeneratedImage]:
    """Generate the items from the first to the last, and where an image ends engines, from the last to the first.

    Staged images are found again. So both orders together leave the image at which engines die and a few beside it
    that were still in the queue; each of these is then generated by itself.
    """
    generate = partial(generate_on_engine, store=store, trust=trust)
    for items in (work.items, work.items[::-1]):
        try:
            return pool.submit(generate, replace(work, items=items)).result()
        except WorkQuarantined as error:
            reason = str(error)
    staged = _find_staged_images(store, work.items, trust)
    remaining = [item for item in work.items if item.image_key not in staged]
    if len(remaining) > MAX_SINGLE_RETRIES:
        return [*staged.values(), *(_set_aside_result(item, reason) for item in remaining)]
    single_runs = [(item, pool.submit(generate, replace(work, items=(item,)))) for item in remaining]
    return [*staged.values(), *(_await_single_item(item, future) for item, future in single_runs)]


def _await_single_item(item: WorkItem, future: "Future[list[GeneratedImage]]") -> GeneratedImage:
    try:
        return future.result()[0]
    except WorkQuarantined as error:
        return _set_aside_result(item, str(error))


def _set_aside_result(item: WorkItem, reason: str) -> GeneratedImage:
    return GeneratedImage(item, "failed", failure_code=SET_ASIDE, failure_reason=reason)


def _find_staged_images(
    store: ObjectStore, items: Iterable[WorkItem], trust: StoredWorkTrust
) -> dict[str, GeneratedImage]:
    """Return image key -> result for the items whose image is staged and believed."""
    items = list(items)

    def find(item: WorkItem) -> StagedImage | None:
        find_image = find_kept_image if item.request.kept else find_staged_image
        return find_image(store, item.image_key, trust)

    staged = concurrent_map(store, find, items)
    return {
        item.image_key: GeneratedImage(item, "reused", image.pixel_sha, backend=image.backend)
        for item, image in zip(items, staged, strict=True)
        if image is not None
    }


def _result_for_item(item: WorkItem, image: GeneratedImage) -> GeneratedImage:
    """Return the result for one of the items that share an image; the engine's time is counted for the first alone.

    An item that travelled to another process comes back as an equal copy.
    """
    if image.item == item:
        return image
    origin = "reused" if image.origin == "generated" else image.origin
    return replace(image, item=item, origin=origin, engine_seconds=0.0, replaced=False)


def _build_prompts(items: Iterator[WorkItem]) -> Iterator[Prompt]:
    for item in items:
        request = item.request
        yield Prompt(
            key=item.image_key,
            text=request.prompt,
            negative=request.negative,
            seed=item.seed,
            width=request.width,
            height=request.height,
            steps=request.steps,
            guidance=request.guidance,
            kept=request.kept or "",
        )


def _stage_frame(
    store: ObjectStore, item: WorkItem, frame: Frame, backend: str, trust: StoredWorkTrust
) -> GeneratedImage:
    """Stage a generated frame; where another run staged the image first, that one counts."""
    if not item.request.kept:
        staged = stage_image(store, item.image_key, frame.pixels, backend, trust)
    elif frame.kept:
        staged = stage_kept_image(store, item.image_key, frame.pixels, frame.kept, backend, trust)
    else:
        return _failed_result(item, Failure(frame.key, f"{backend} composes nothing, so it keeps no photo's product."))
    seconds = 0.0 if item.request.kept else frame.seconds
    return GeneratedImage(
        item, "generated", staged.pixel_sha, seconds, backend=staged.backend, replaced=staged.replaced
    )


def _failed_result(item: WorkItem, failure: Failure) -> GeneratedImage:
    seconds, code = 0.0 if item.request.kept else failure.seconds, failure.code or ENGINE_FAILED
    return GeneratedImage(item, "failed", "", seconds, code, one_line(failure.reason))
