"""Held selection: which images of a held batch a person lets go, and what becomes of the others.

Inputs: the decisions of a held batch, the SKUs that a person named, and the answers given on its images. Outputs: the
decisions that are published in their place. Pure: only rows that were to be published change, so the batch keeps its
slots, and promise 1's sums are those of the whole.

| answer on the image | what becomes of its slots                                                         |
| ------------------- | --------------------------------------------------------------------------------- |
| refused             | blocked, `person.<reason>`                                                        |
| another attempt     | blocked, `person.another-attempt`, until the next refresh makes the attempt       |
| people differ       | wait for a person, `people-differ`                                                |
| accepted, or none   | published where the selection names them, else wait for a person, `not-released`  |

Who lets only accepted images go names no SKU. What waits keeps its image: an acceptance publishes it later, and
nothing is generated again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_verdicts import answer_verdict
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.slot_states import SlotState
from catalogs.verdict import DECISION_STATES, PASS, Verdict

NOT_RELEASED = "not-released"
"""A person let its batch go without it."""


@dataclass(frozen=True)
class HeldSelection:
    """What a person lets go: everything, only some SKUs, all but some, or only what was accepted."""

    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    accepted_only: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether every image goes on which nobody said otherwise."""
        return not (self.only or self.without or self.accepted_only)

    def names(self, sku: str, standing: StandingAnswer | None) -> bool:
        """Tell whether an image that nobody refused goes."""
        if self.accepted_only and standing is None:
            return False
        return sku not in self.without and (not self.only or sku in self.only)


WHOLE = HeldSelection()


@dataclass
class ReleasedPart:
    """The decisions to publish, and how many slots are kept back: those that wait, and those that people refused."""

    decisions: pa.Table
    waiting: int = 0
    refused: int = 0

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is kept back."""
        return not (self.waiting or self.refused)


def select_released(decisions: pa.Table, standing: StandingAnswers, selection: HeldSelection) -> ReleasedPart:
    """Return what is published of a held batch."""
    part = ReleasedPart(decisions)
    if selection.is_whole and not len(standing):
        return part
    chunks = []
    for batch in decisions.to_batches(max_chunksize=20_000):
        rows = [_select_row(row, standing, selection, part) for row in batch.to_pylist()]
        chunks.append(pa.Table.from_pylist(rows, schema=decisions.schema))
    if not part.is_whole:
        part.decisions = pa.concat_tables(chunks)
    return part


def _select_row(
    row: Mapping[str, Any], standing: StandingAnswers, selection: HeldSelection, part: ReleasedPart
) -> Mapping[str, Any]:
    if row["state"] != SlotState.PUBLISH:
        return row
    answer = standing.of_image(row["image_key"], row["finish_digest"], row["finished_sha"])
    if answer is not None and standing.is_lifted(answer, row["sku"]):
        answer = None
    verdict = PASS if answer is None else answer_verdict(answer)
    if verdict == PASS and not selection.names(row["sku"], answer):
        verdict = Verdict("REVIEW", (NOT_RELEASED,))
    part.waiting += verdict.decision == "REVIEW"
    part.refused += verdict.decision == "BLOCK"
    is_retry = answer is not None and answer.verdict == AnswerKind.RETRY
    return {
        **row,
        "state": DECISION_STATES[verdict.decision].value,
        "verdict": verdict.decision,
        "reasons": list(verdict.reasons),
        # Without its token, the next refresh finds that the slot was not decided with it, and makes the attempt.
        "answer": None if answer is None or is_retry else answer.token,
    }


def published_skus(decisions: pa.Table) -> list[str]:
    """Return the SKUs of the images that a batch publishes."""
    published = decisions.filter(pc.equal(decisions["state"], SlotState.PUBLISH))
    skus: list[str] = published["sku"].unique().to_pylist()
    return skus
