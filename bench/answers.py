"""Answers: what ten years of people's answers weigh in a store, and what reading them asks of it.

Inputs: years, answers a night, and how many answers still have an effect. Outputs: bytes of the archive and the
snapshot, requests and seconds of a reader, of a fold, of one SKU's story and of all months' statistics.
One month is made by the product's own rows and written under every month, since a million answers that differ from
month to month are the same bytes. A reader's requests are counted on a disk; on S3 they wait side by side.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind, ImageTarget
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.answers.answered_scores import score_details
from catalogs.policy.scanners import SCORE_SCANNERS
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.answers.answer_archive import archive_answers, read_archive, read_archive_about
from tasks.answers.answer_folding import FOLD_ABOVE, fold_answers
from tasks.answers.answer_log import put_answer, read_answers
from tasks.answers.answer_snapshots import AnswerSnapshot, claim_snapshot, read_answer_snapshot

CATALOGUE, MONTHS, NIGHTS = "answers", 12, 30
_START = datetime(2026, 1, 1, tzinfo=UTC)
_KINDS = (AnswerKind.ACCEPT, AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY)

Progress = Callable[[str], None]


def measure_answers(years: int, a_night: int, effective: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """Measure the store of a catalogue whose people gave `a_night` answers for so many years."""
    store, month = open_store(str(folder)), a_night * NIGHTS
    progress(f"a month of {month:,} answers")
    rows = answers_to_rows(_answer(number) for number in range(month))
    key = layout.answer_archive(CATALOGUE, "2026-01", "all")
    archive_answers(store, CATALOGUE, "all", rows)
    data = store.read(key)
    for number in range(1, years * MONTHS):
        store.write(layout.answer_archive(CATALOGUE, f"{2026 + number // 12}-{1 + number % 12:02}", "all"), data)
    progress(f"a snapshot of {effective:,} answers")
    snapshot = AnswerSnapshot(0, read_answer_snapshot(store, CATALOGUE).rows)
    claim_snapshot(store, CATALOGUE, snapshot.with_added(_repeated(rows, effective)))
    for number in range(FOLD_ABOVE):
        put_answer(store, CATALOGUE, _answer(month + number))
    wanted = pa.array([_answer(number).image.request_key for number in range(1000)], pa.binary())  # type: ignore[union-attr]
    progress("reading")
    return {
        "answers": years * MONTHS * month,
        "archive": {"files": years * MONTHS, "bytes": years * MONTHS * len(data), "bytes_an_answer": len(data) / month},
        "snapshot": {"answers": effective, "bytes": len(store.read(layout.answer_snapshot(CATALOGUE, 1)))},
        "readers": {
            "all that have an effect": _cost(store, lambda counted: read_answers(counted, CATALOGUE)),
            "those of 1,000 requests": _cost(
                store, lambda counted: read_answers(counted, CATALOGUE, request_keys=wanted)
            ),
            "one SKU's, of every month": _cost(store, lambda counted: read_archive_about(counted, CATALOGUE, "sku-7")),
            "all of a year": _cost(store, lambda counted: read_archive(counted, CATALOGUE, f"{2025 + years}-01")),
            "fold": _cost(store, lambda counted: fold_answers(counted, CATALOGUE, above=FOLD_ABOVE - 1)),
        },
    }


def _answer(number: int) -> Answer:
    """Return an answer with keys and scores that do not compress better than real ones."""
    random = Random(number)
    keys = [random.randbytes(32) for _ in range(3)]
    sku = f"sku-{number}"
    image = ImageTarget(keys[0], keys[1], "f" * 64, keys[2], b"", "review", ("blurred",), sku, "front", "a", 0)
    scores = {name: round(random.uniform(0, 100), 4) for name in list(SCORE_SCANNERS)[:20]}
    when = _START + timedelta(minutes=number)
    answer = Answer(
        _KINDS[number % 4], ("ada", "ben")[number % 2], when, "", image, seconds=random.randint(10, 99) / 10
    )
    return replace(answer, details=score_details(scores, "mugs"), token=f"{when:%Y%m%dT%H%M%S%f}-{number:08x}")


def _repeated(rows: pa.Table, count: int) -> pa.Table:
    """Return so many rows, with tokens of their own."""
    times = -(-count // rows.num_rows)
    table = pa.concat_tables([rows] * times).slice(0, count)
    tokens = pa.array([f"20200101T000000000000-{number:08x}" for number in range(count)])
    return table.set_column(0, "token", tokens)


def _cost(store: ObjectStore, work: Callable[[ObjectStore], object]) -> dict[str, Any]:
    counting = FaultInjector()
    started = time.perf_counter()
    work(FaultyStore(store, counting))
    return {"requests": counting.operation_count, "seconds": round(time.perf_counter() - started, 3)}
