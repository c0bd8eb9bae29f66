"""Finish and measure a shard's images, and decide on each by itself.

Comes in: what was made, a screener, the policy. Goes out: the shard's record in the store, written after its images,
and a `Screening`: sums, and the orders that another seed may help. Nothing passes unless every required scanner spoke.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from catalogs import layout
from catalogs.keys import digest
from catalogs.planning.plan import Request
from catalogs.policy.brand_logos import foreign
from catalogs.policy.channels import usable
from catalogs.policy.schema import decide_image
from catalogs.recipe.schema import Finish
from catalogs.runs.work_items import Judged, Made, Order, Screening, record_table
from catalogs.verdict import Verdict
from infra.interfaces import Failure, Screened, ScreeningOrder
from infra.stores.parquet_objects import write_table
from tasks.gates.channel_eligibility import picture_of
from tasks.runs.run_context import Gate, Workbench

WAIVED = "waived"
"""Stands for the mark of a file that was to have none."""


def screen(shard: str, made: Sequence[Made], gate: Gate, run_id: str) -> Screening:
    """Judge a shard's images and write its record; the record is what says that the shard is done."""
    judged = judge(made, gate)
    write_table(gate.store, layout.run_record(run_id, shard), record_table(judged))
    return summary(shard, judged)


@task(name="screen", task_run_name="screen {shard}", cache_policy=NO_CACHE, persist_result=False)
def screen_shard(bench: Workbench, shard: str) -> dict[str, int]:
    """`screen`, as Prefect sees it: a shard's name in, counts out."""
    screening = screen(shard, bench.take_made(shard), bench.gate, bench.run_id)
    bench.put_screened(shard, screening)
    return dict(screening.verdicts)


def judge(made: Sequence[Made], gate: Gate) -> list[Judged]:
    """Return each made image with its verdict."""
    there = {_name(one): one for one in made if one.how != "failed"}
    finishes = {name: finish.model_dump(mode="json") for name, finish in gate.finishes.items()}
    orders = [_order(name, one, gate, finishes) for name, one in there.items()]
    answers: dict[str, Screened | Failure] = {answer.key: answer for answer in gate.screener.screen(orders)}
    judged = []
    for one in made:
        if one.how == "failed":
            judged.append(Judged(one, Verdict("BLOCK", (one.code,)), errors={one.code: one.reason}))
        else:
            judged.append(_judge_one(one, answers.get(_name(one)), gate))
    return judged


def summary(shard: str, judged: Sequence[Judged]) -> Screening:
    """Return the sums over a shard."""
    sums = Screening(shard)
    for one in judged:
        sums.generated += one.made.how == "generated"
        sums.reused += one.made.how == "reused"
        sums.failed += one.made.how == "failed"
        sums.engine_seconds += one.made.engine_seconds
        sums.verdicts[one.verdict.word] += 1
        sums.reasons.update(one.verdict.reasons)
        if one.wants_another:
            sums.again.append(Order(one.made.order.request, one.made.order.attempt + 1))
    return sums


def _name(made: Made) -> str:
    return f"{made.order.image_key}-{made.order.request.finish_digest}"


def _order(name: str, made: Made, gate: Gate, finishes: Mapping[str, dict[str, Any]]) -> ScreeningOrder:
    finish = made.order.request.finish_digest
    return ScreeningOrder(
        key=name,
        store_url=gate.store.url,
        raw_key=layout.staged_image(made.order.image_key),
        finished_key=layout.finished_image(made.order.image_key, finish),
        # Named by the versions of what is run: an old answer is never taken for that of another scanner.
        scores_key=layout.scores(made.raw_sha, finish, digest(gate.scanners)),
        finish=finishes[finish],
        scanners=tuple(gate.scanners),
        deadline_seconds=gate.deadline_seconds,
        watermark=gate.watermark,
        settings=gate.policy.scanner_settings,
    )


def _judge_one(made: Made, answer: Screened | Failure | None, gate: Gate) -> Judged:
    if answer is None or isinstance(answer, Failure):
        silent = [answer.at] if answer is not None and answer.at else gate.scanners
        reason = answer.reason if answer is not None else "the screener gave no answer"
        verdict = Verdict("REVIEW", tuple(f"scanner-failed.{name}" for name in sorted(silent)))
        return Judged(made, verdict, errors=dict.fromkeys(silent, reason))
    request = made.order.request
    scores = foreign(_with_aspect(answer.scores, request), request.prompt)
    finish = gate.finishes[request.finish_digest]
    mark = _mark(answer, finish)
    verdict = decide_image(scores, answer.scanners, answer.errors, gate.policy, request.category)
    return Judged(
        made=made,
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
        looks=tuple(answer.looks),
        scanners=answer.scanners,
        errors=answer.errors,
        mark=mark,
        usable=usable(gate.channels, picture_of({**vars(answer), "scores": scores, "mark": mark}, finish)),
    )


def _mark(answer: Screened, finish: Finish) -> str:
    """Return the last word of what the file says of its source; `waived` where the recipe asks for no mark."""
    return (answer.mark or "").rsplit("/", 1)[-1] if finish.mark else WAIVED


def _with_aspect(scores: Mapping[str, float], request: Request) -> Mapping[str, float]:
    """Add what no scanner can know: stored scores belong to pixels, and those may be asked for in another form."""
    if not {"size.width", "size.height"} <= scores.keys():
        return scores
    form = scores["size.width"] / scores["size.height"]
    return {**scores, "aspect.off": abs(form * request.height / request.width - 1)}
