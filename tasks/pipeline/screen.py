"""Screen a shard's images: finish and measure each one, and decide on it by itself.

Inputs: the generated images of a shard, a screener and the run's rules. Outputs: the shard's record in the store,
written after its images (so it says that the shard is done), and a `ShardScreening` with counts and with the items for
which another seed may help. No image passes unless every required scanner has reported.
"""

from collections.abc import Mapping, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalogs import layout
from catalogs.keys import digest
from catalogs.photos.kept_judgement import BROKEN
from catalogs.photos.kept_request import answers_request
from catalogs.planning.plan import Request
from catalogs.policy.brand_logos import without_own_brands
from catalogs.policy.channels import evaluate_channels
from catalogs.policy.decisions import decide_image
from catalogs.recipe.render_settings import Finish
from catalogs.runs.work_items import GeneratedImage, ScreenedAttempt, ShardScreening, WorkItem, record_table
from catalogs.verdict import Verdict
from infra.errors import one_line
from infra.interfaces import Failure, FinishParameters, Screened, ScreeningRequest
from infra.stores.parquet_objects import write_table
from tasks.gates.channel_eligibility import build_image_facts
from tasks.runs.error_boundary import one_sentence_errors
from tasks.runs.resources import ScreeningContext
from tasks.runs.run_context import RunContext

MARK_WAIVED = "waived"
"""The source mark's value in a record where the recipe asks for no mark."""


def screen(shard: str, images: Sequence[GeneratedImage], context: ScreeningContext, run_id: str) -> ShardScreening:
    """Evaluate a shard's images and write its record; a shard without a record is done again."""
    attempts = evaluate_images(images, context)
    write_table(context.store, layout.RunFiles(run_id).record(shard), record_table(attempts))
    return summarize_attempts(shard, attempts)


@task(name="screen", task_run_name="screen {shard}", cache_policy=NO_CACHE, persist_result=False)
def screen_shard(context: RunContext, shard: str) -> dict[str, int]:
    """Run `screen` as a Prefect task: from a shard's name to counts by verdict."""
    with one_sentence_errors():
        screening = screen(shard, context.take_generated(shard), context.screening, context.run_id)
        context.put_screened(shard, screening)
        return dict(screening.verdicts)


def evaluate_images(images: Sequence[GeneratedImage], context: ScreeningContext) -> list[ScreenedAttempt]:
    """Return each image with its verdict; an image that could not be generated is blocked."""
    to_screen = {_screening_key(image): image for image in images if image.origin != "failed"}
    finishes = {name: FinishParameters(**finish.model_dump()) for name, finish in context.finishes.items()}
    requests = [_build_screening_request(key, image, context, finishes) for key, image in to_screen.items()]
    answers: dict[str, Screened | Failure] = {answer.key: answer for answer in context.screener.screen(requests)}
    return [
        _block_failed(image)
        if image.origin == "failed"
        else _evaluate_image(image, answers.get(_screening_key(image)), context)
        for image in images
    ]


def summarize_attempts(shard: str, attempts: Sequence[ScreenedAttempt]) -> ShardScreening:
    """Return a shard's counts, and the next attempts of those that need one."""
    screening = ShardScreening(shard)
    for attempt in attempts:
        screening.generated += attempt.image.origin == "generated"
        screening.reused += attempt.image.origin == "reused"
        screening.failed += attempt.image.origin == "failed"
        screening.engine_seconds += attempt.image.engine_seconds
        screening.verdicts[attempt.verdict.decision] += 1
        screening.reasons.update(attempt.verdict.reasons)
        if attempt.needs_retry:
            screening.retries.append(WorkItem(attempt.image.item.request, attempt.image.item.attempt + 1))
    return screening


def _screening_key(image: GeneratedImage) -> str:
    return f"{image.item.image_key}-{image.item.request.finish_digest}"


def _build_screening_request(
    key: str, image: GeneratedImage, context: ScreeningContext, finishes: Mapping[str, FinishParameters]
) -> ScreeningRequest:
    finish = image.item.request.finish_digest
    return ScreeningRequest(
        key=key,
        store_url=context.store.url,
        raw_key=layout.staged_image(image.item.image_key),
        finished_key=layout.finished_image(image.item.image_key, finish),
        # The key holds the scanners' versions: stored scores of another version are never used.
        scores_key=layout.scores(image.raw_sha, finish, digest(context.scanners)),
        scores_prefix=layout.scores_prefix(image.raw_sha, finish),
        raw_sha=image.raw_sha,
        finish=finishes[finish],
        scanners=tuple(context.scanners),
        deadline_seconds=context.deadline_seconds,
        watermark=context.watermark,
        scanner_settings=context.policy.scanner_settings,
        kept_key=layout.kept_document(image.item.image_key) if image.item.request.kept else "",
    )


def _block_failed(image: GeneratedImage) -> ScreenedAttempt:
    verdict = Verdict("BLOCK", (image.failure_code,))
    return ScreenedAttempt(image, verdict, errors={image.failure_code: image.failure_reason})


def _evaluate_image(
    image: GeneratedImage, answer: Screened | Failure | None, context: ScreeningContext
) -> ScreenedAttempt:
    """Return the attempt with its verdict; without an answer it is sent to review, for every scanner concerned."""
    if answer is None or isinstance(answer, Failure):
        missing = [answer.scanner] if answer is not None and answer.scanner else context.scanners
        reason = answer.reason if answer is not None else "the screener gave no answer"
        verdict = Verdict("REVIEW", tuple(f"scanner-failed.{name}" for name in sorted(missing)))
        return ScreenedAttempt(image, verdict, errors=dict.fromkeys(missing, one_line(reason)))
    request = image.item.request
    scores = without_own_brands(_add_aspect_score(answer.scores, request), request.prompt)
    kept = answer.kept if request.kept and answers_request(answer.kept, request.kept) else None
    if request.kept and kept is None:
        scores = {**scores, BROKEN: 1.0}  # the proof may hold, of a product that this row did not ask for
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
        errors={name: one_line(text) for name, text in answer.errors.items()},
        source_mark=mark,
        refused_work=tuple(answer.refused),
        kept=kept,
        eligibility=evaluate_channels(
            context.channels,
            build_image_facts(
                {**vars(answer), "scores": scores, "mark": mark}, finish, shows_article=context.shows_article
            ),
        ),
    )


def _source_mark_value(answer: Screened, finish: Finish) -> str:
    """Return the last part of the source type that the file names; `waived` where the recipe asks for no mark."""
    return (answer.mark or "").rsplit("/", 1)[-1] if finish.mark else MARK_WAIVED


def _add_aspect_score(scores: Mapping[str, float], request: Request) -> Mapping[str, float]:
    """Add how far the image's aspect ratio is off the requested one, as a share.

    No scanner can measure this: stored scores belong to pixels, and another request may ask for other proportions.
    """
    if not {"size.width", "size.height"} <= scores.keys():
        return scores
    aspect_ratio = scores["size.width"] / scores["size.height"]
    return {**scores, "aspect.off": abs(aspect_ratio * request.height / request.width - 1)}
