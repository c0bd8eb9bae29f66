"""Finish and measure a shard's images, and decide on each by itself.

Comes in: what was made, a screener, the policy. Goes out: the shard's record in the store, written after its images,
and a `ShardScreening`: sums, and the orders that another seed may help. Nothing passes unless every required scanner
spoke.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalogs import layout
from catalogs.keys import digest
from catalogs.planning.plan import Request
from catalogs.policy.brand_logos import without_own_brands
from catalogs.policy.channels import evaluate_channels
from catalogs.policy.decisions import decide_image
from catalogs.recipe.schema import Finish
from catalogs.runs.work_items import GeneratedImage, ScreenedAttempt, ShardScreening, WorkItem, record_table
from catalogs.verdict import Verdict
from infra.interfaces import Failure, Screened, ScreeningRequest
from infra.stores.parquet_objects import write_table
from tasks.gates.channel_eligibility import build_image_facts
from tasks.runs.resources import ScreeningContext
from tasks.runs.run_context import RunContext

MARK_WAIVED = "waived"
"""Stands for the mark of a file that was to have none."""


def screen(shard: str, images: Sequence[GeneratedImage], context: ScreeningContext, run_id: str) -> ShardScreening:
    """Judge a shard's images and write its record; the record is what says that the shard is done."""
    judged = evaluate_images(images, context)
    write_table(context.store, layout.RunFiles(run_id).record(shard), record_table(judged))
    return summarize_attempts(shard, judged)


@task(name="screen", task_run_name="screen {shard}", cache_policy=NO_CACHE, persist_result=False)
def screen_shard(context: RunContext, shard: str) -> dict[str, int]:
    """`screen`, as Prefect sees it: a shard's name in, counts out."""
    screening = screen(shard, context.take_generated(shard), context.screening, context.run_id)
    context.put_screened(shard, screening)
    return dict(screening.verdicts)


def evaluate_images(images: Sequence[GeneratedImage], context: ScreeningContext) -> list[ScreenedAttempt]:
    """Return each made image with its verdict."""
    there = {_screening_key(one): one for one in images if one.origin != "failed"}
    finishes = {name: finish.model_dump(mode="json") for name, finish in context.finishes.items()}
    orders = [_build_screening_request(name, one, context, finishes) for name, one in there.items()]
    answers: dict[str, Screened | Failure] = {answer.key: answer for answer in context.screener.screen(orders)}
    judged = []
    for one in images:
        if one.origin == "failed":
            judged.append(
                ScreenedAttempt(
                    one, Verdict("BLOCK", (one.failure_code,)), errors={one.failure_code: one.failure_reason}
                )
            )
        else:
            judged.append(_evaluate_image(one, answers.get(_screening_key(one)), context))
    return judged


def summarize_attempts(shard: str, attempts: Sequence[ScreenedAttempt]) -> ShardScreening:
    """Return the sums over a shard."""
    sums = ShardScreening(shard)
    for one in attempts:
        sums.generated += one.image.origin == "generated"
        sums.reused += one.image.origin == "reused"
        sums.failed += one.image.origin == "failed"
        sums.engine_seconds += one.image.engine_seconds
        sums.verdicts[one.verdict.decision] += 1
        sums.reasons.update(one.verdict.reasons)
        if one.needs_retry:
            sums.retries.append(WorkItem(one.image.item.request, one.image.item.attempt + 1))
    return sums


def _screening_key(image: GeneratedImage) -> str:
    return f"{image.item.image_key}-{image.item.request.finish_digest}"


def _build_screening_request(
    name: str, image: GeneratedImage, context: ScreeningContext, finishes: Mapping[str, dict[str, Any]]
) -> ScreeningRequest:
    finish = image.item.request.finish_digest
    return ScreeningRequest(
        key=name,
        store_url=context.store.url,
        raw_key=layout.staged_image(image.item.image_key),
        finished_key=layout.finished_image(image.item.image_key, finish),
        # Named by the versions of what is run: an old answer is never taken for that of another scanner.
        scores_key=layout.scores(image.raw_sha, finish, digest(context.scanners)),
        finish=finishes[finish],
        scanners=tuple(context.scanners),
        deadline_seconds=context.deadline_seconds,
        watermark=context.watermark,
        scanner_settings=context.policy.scanner_settings,
    )


def _evaluate_image(
    image: GeneratedImage, answer: Screened | Failure | None, context: ScreeningContext
) -> ScreenedAttempt:
    if answer is None or isinstance(answer, Failure):
        silent = [answer.scanner] if answer is not None and answer.scanner else context.scanners
        reason = answer.reason if answer is not None else "the screener gave no answer"
        verdict = Verdict("REVIEW", tuple(f"scanner-failed.{name}" for name in sorted(silent)))
        return ScreenedAttempt(image, verdict, errors=dict.fromkeys(silent, reason))
    request = image.item.request
    scores = without_own_brands(_add_aspect_score(answer.scores, request), request.prompt)
    finish = context.finishes[request.finish_digest]
    mark = _source_mark_value(answer, finish)
    verdict = decide_image(scores, answer.scanners, answer.errors, context.policy, request.category)
    return ScreenedAttempt(
        image=image,
        verdict=verdict,
        finished_sha=answer.finished_sha,
        file_sha=answer.file_sha,
        file_bytes=answer.file_bytes,
        width=answer.width,
        height=answer.height,
        scores=scores,
        fingerprint=answer.fingerprint,
        fingerprint_quality=answer.fingerprint_quality,
        crop=answer.crop,
        appearance=tuple(answer.looks),
        scanners=answer.scanners,
        errors=answer.errors,
        source_mark=mark,
        eligibility=evaluate_channels(
            context.channels, build_image_facts({**vars(answer), "scores": scores, "mark": mark}, finish)
        ),
    )


def _source_mark_value(answer: Screened, finish: Finish) -> str:
    """Return the last word of what the file says of its source; `waived` where the recipe asks for no mark."""
    return (answer.mark or "").rsplit("/", 1)[-1] if finish.mark else MARK_WAIVED


def _add_aspect_score(scores: Mapping[str, float], request: Request) -> Mapping[str, float]:
    """Add what no scanner can know: stored scores belong to pixels, and those may be asked for in another form."""
    if not {"size.width", "size.height"} <= scores.keys():
        return scores
    form = scores["size.width"] / scores["size.height"]
    return {**scores, "aspect.off": abs(form * request.height / request.width - 1)}
