"""Variant results: what the kept runs decided of each variant's slots, and what people said of them.

Inputs: the kept releases. Outputs: a `VariantReport`. Of each slot the newest decision counts, of the newest
`MAX_SLOTS` slots. A slot that failed or was deferred says nothing of its image and is left out. People's answers count
as they stand, about the requests of these slots alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.gallery.variant_comparison import (
    DecidedSlots,
    PersonCounts,
    VariantDifference,
    VariantResult,
    compare_variants,
)
from catalogs.indexes.digest_index import column_halves
from catalogs.slot_states import SlotState
from catalogs.table_schemas import DECISIONS
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import read_row_groups
from tasks.answers.answer_log import read_answers
from tasks.runs.release_history import ReleaseSummary

MAX_SLOTS = 500_000
_COLUMNS = ("slot_id", "sku", "variant", "state", "attempt", "attempts_spent", "request_key")
_SCHEMA = pa.schema([DECISIONS.field(name) for name in _COLUMNS])
_PASSED = "publish"
_KEPT = (SlotState.REVIEW.value, SlotState.BLOCKED.value)


@dataclass(frozen=True)
class VariantReport:
    """The variants side by side, and how many runs were read for it, and could not be."""

    results: Sequence[VariantResult]
    differences: Sequence[VariantDifference]
    runs: int
    swept_runs: int


def read_variant_report(store: ObjectStore, catalogue: str, releases: Iterable[ReleaseSummary]) -> VariantReport:
    """Compare the variants over the newest decisions of these releases' runs, newest first."""
    tables: list[pa.Table] = []
    swept = 0
    for release in releases:
        if release.kind != "release" or sum(map(len, tables)) >= MAX_SLOTS:
            continue
        decisions = _read_decisions(store, release.run_id)
        swept += decisions is None
        tables += [decisions] if decisions is not None else []
    decided = _newest_of_each_slot(pa.concat_tables([_SCHEMA.empty_table(), *tables]))
    people = _count_answers(store, catalogue, decided)
    return VariantReport(*compare_variants(_as_slots(decided), people), runs=len(tables), swept_runs=swept)


def _read_decisions(store: ObjectStore, run_id: str) -> pa.Table | None:
    """Return a run's decisions about images; None where they were swept."""
    parts = [
        rows.select(_COLUMNS).cast(_SCHEMA)
        for rows in read_row_groups(store, layout.RunFiles(run_id).batch, list(_COLUMNS))
    ]
    if not parts:
        return None
    rows = pa.concat_tables(parts)
    return rows.filter(pc.is_in(rows["state"], pa.array([_PASSED, *_KEPT])))


def _newest_of_each_slot(rows: pa.Table) -> pa.Table:
    """Return the first row of each slot."""
    halves = np.stack(column_halves(rows["slot_id"].combine_chunks()), axis=1)
    _, first = np.unique(halves, axis=0, return_index=True)
    return rows.take(pa.array(np.sort(first)))


def _as_slots(rows: pa.Table) -> DecidedSlots:
    skus, variants = (rows[name].combine_chunks().dictionary_encode() for name in ("sku", "variant"))
    published = pc.equal(rows["state"], _PASSED).to_numpy()
    attempts = pc.fill_null(rows["attempt"], -1).to_numpy()
    return DecidedSlots(
        skus.indices.to_numpy().astype(np.int64),
        variants.indices.to_numpy().astype(np.int64),
        published,
        published & (attempts == 0),
        pc.fill_null(rows["attempts_spent"], 0).to_numpy().astype(np.int64),
        variants.dictionary.to_pylist(),
    )


def _count_answers(store: ObjectStore, catalogue: str, rows: pa.Table) -> dict[str, PersonCounts]:
    """Return how people's standing answers about these slots' images agree with the gates, by variant."""
    keys = rows["request_key"].unique() if len(rows) else pa.array([], pa.binary())
    counts: dict[str, Counter[str]] = {}
    for standing in StandingAnswers(read_answers(store, catalogue, request_keys=keys)):
        image = standing.answer.image
        if standing.verdict is None or image is None or image.is_prompt:
            continue
        of_variant = counts.setdefault(image.variant, Counter())
        if image.state == _PASSED:
            of_variant["asked_of_passed"] += 1
            of_variant["refused"] += standing.verdict != AnswerKind.ACCEPT
        else:
            of_variant["asked_of_kept"] += 1
            of_variant["accepted"] += standing.verdict == AnswerKind.ACCEPT
    return {variant: PersonCounts(**found) for variant, found in counts.items()}
