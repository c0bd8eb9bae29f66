"""Decide a batch: compare a run's images with one another and with what is published, and give each slot its state.

Inputs: the plan's slots, the shard records, the published fingerprints and the policy. Outputs: the batch, one row of
DECISIONS for each slot; or, instead, the work items of a last round, for images that are too similar to another one and
may have a new attempt. The decisions depend only on what was generated and measured, never on the order in which
shards were done, so a resumed run decides as an undisturbed one does.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.models.weights import ModelProvenance
from catalogs.photos.photo_faults import is_photos_own_fault
from catalogs.planning.caption_length import CAPTION_TOO_LONG
from catalogs.policy.schema import Policy
from catalogs.runs.answered_attempts import answered_attempt, apply_answers, find_asked_attempts, find_refusal
from catalogs.runs.attempts import RequestFinishKey, attempt_histories
from catalogs.runs.judged_requests import JudgedRequest, JudgedRequests, find_owed_attempts
from catalogs.runs.work_items import WorkItem
from catalogs.slot_states import SlotState
from catalogs.table_rows import SlotRow
from catalogs.table_schemas import DECISIONS, RECORDS, RENAMED_SLOTS, REPLACED_SLOTS, RETIRED_SLOTS, SLOTS
from catalogs.verdict import DECISION_STATES, Verdict, combine_verdicts
from infra.errors import one_line
from infra.interfaces import ObjectStore, TableStore
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.answers.answer_log import read_standing_answers
from tasks.gates.attempt_selection import AttemptSelector, SelectedAttempt, StayingSlots
from tasks.gates.missing_fingerprints import open_published
from tasks.gates.near_duplicates import PublishedFingerprints
from tasks.runs.planned_requests import RequestSummary, read_request_summaries, read_work_items

ROWS_AT_ONCE = 50_000
"""Slots that are Python objects at a time."""
"""Of an image that no model made."""
NOT_MADE = "not-made"
"""Reason for a request without an attempt, where no other reason is known."""


@dataclass
class DecisionResult:
    """The batch; or None, with the work items that must be done before there can be a batch."""

    batch: pa.Table | None
    retry_items: list[WorkItem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _ReplacedSlots(NamedTuple):
    """The live slots whose image may go. A renamed slot that is not planned keeps its image."""

    all: pa.Array
    """Planned, retired, of another variant, or under another SKU."""
    elsewhere: Mapping[bytes, Sequence[bytes]]
    """Planned slot -> those of another variant or under another SKU, whose image goes once the slot's own is live."""

    @classmethod
    def read(cls, store: ObjectStore, run_id: str, slots: pa.Table) -> "_ReplacedSlots":
        """Read them from the plan's files."""
        files = layout.RunFiles(run_id)
        retired = read_table(store, files.retired, RETIRED_SLOTS)
        renamed = read_table(store, files.renamed, RENAMED_SLOTS)
        renamed = renamed.filter(pc.is_in(renamed["slot_id"], slots["slot_id"].combine_chunks()))
        replaced = read_table(store, files.replaced, REPLACED_SLOTS)
        elsewhere = defaultdict(list)
        for moved in (renamed, replaced):
            for slot, live_slot in zip(moved["slot_id"].to_pylist(), moved["live_slot_id"].to_pylist(), strict=True):
                elsewhere[slot].append(live_slot)
        columns = (slots["slot_id"], retired["slot_id"], renamed["live_slot_id"], replaced["live_slot_id"])
        return cls(pa.concat_arrays([column.combine_chunks() for column in columns]), elsewhere)


def decide(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    run_id: str,
    policy: Policy,
    model_provenance: Mapping[str, ModelProvenance],
    stop_reason: str | None = None,
) -> DecisionResult:
    """Decide a run's batch from the files of its folder.

    `stop_reason` says why the run generates no further images, where it has stopped: then no retries are returned, and
    requests with a pending attempt are deferred.
    """
    files = layout.RunFiles(run_id)
    slots = read_table(store, files.slots, SLOTS)
    requests = read_request_summaries(store, run_id)
    replaced = _ReplacedSlots.read(store, run_id, slots)
    judged = JudgedRequests(slots, policy, replaced.elsewhere)
    rejudged = judged.find_rejudged(requests)
    histories = judged.judge(
        attempt_histories(read_row_groups(store, files.records_prefix, schema=RECORDS), rejudged), rejudged
    )
    answers = _read_answers(store, catalogue, slots) if histories else StandingAnswers()
    histories = apply_answers(histories, judged.groups, answers)
    live = _LiveImages(store, tables, catalogue, replaced.all)
    selector = AttemptSelector(histories, judged.groups, live.open, policy)
    selected, retryable = selector.select_attempts({})
    excluded = {
        key: {selected[key].attempt.attempt}
        for key in retryable
        if selected[key].attempt.attempt + 1 < judged.attempts_allowed[key.pair]
    }
    next_attempts = {key: number + 1 for key, (number,) in excluded.items()}
    retries = {key: number for key, number in next_attempts.items() if number not in histories[key].attempts}
    retries |= find_owed_attempts(histories, rejudged) | find_asked_attempts(histories)
    if retries and stop_reason is None:
        return DecisionResult(None, read_work_items(store, run_id, judged, retries), live.warnings)
    if excluded:
        selected, _ = selector.select_attempts(excluded)
    pending: Set[JudgedRequest] = set()
    if stop_reason is not None:
        pending = retries.keys() | {key for key, history in histories.items() if history.last_attempt.needs_retry}
    decider = _SlotDecider(judged, requests, selected, answers, model_provenance, stop_reason or NOT_MADE, pending)
    return DecisionResult(decider.decide_slots(slots), warnings=live.warnings)


def _read_answers(store: ObjectStore, catalogue: str, slots: pa.Table) -> StandingAnswers:
    """Return what people said of the images of these slots' requests."""
    return read_standing_answers(store, catalogue, request_keys=pc.unique(slots["request_key"]))


@dataclass(frozen=True)
class _LiveImages:
    """The live images that a batch is compared with."""

    store: ObjectStore
    tables: TableStore
    catalogue: str
    replaced: pa.Array
    """Slots whose image the batch retires, or replaces if it can."""
    warnings: list[str] = field(default_factory=list)

    def open(self, staying: StayingSlots) -> PublishedFingerprints:
        """Return all but those of the replaced slots that do not stay; first give each a fingerprint that has none."""
        excluded = self.replaced.filter(pc.invert(pc.is_in(self.replaced, pa.array(sorted(staying), pa.binary()))))
        published, restored = open_published(self.store, self.tables, self.catalogue, excluded)
        self.warnings.extend(restored.warnings())
        return published


@dataclass(frozen=True)
class _SlotDecider:
    """Turns slots into rows of DECISIONS."""

    judged: JudgedRequests
    requests: Mapping[RequestFinishKey, RequestSummary]
    selected: Mapping[JudgedRequest, SelectedAttempt]
    answers: StandingAnswers
    model_provenance: Mapping[str, ModelProvenance]
    stop_reason: str
    """Why what was not generated was not generated."""
    pending: Set[JudgedRequest]
    """Requests that may have another attempt which the run did not do."""

    def decide_slots(self, slots: pa.Table) -> pa.Table:
        """Return the batch, built in chunks of `ROWS_AT_ONCE` slots."""
        chunks = [
            pa.Table.from_pylist([self._decide_slot(slot) for slot in chunk.to_pylist()], schema=DECISIONS)
            for chunk in slots.to_batches(max_chunksize=ROWS_AT_ONCE)
        ]
        return pa.concat_tables(chunks) if chunks else DECISIONS.empty_table()

    def _decide_slot(self, slot: SlotRow) -> dict[str, Any]:
        """Return a slot's row. The first of these cases that holds decides.

        1. A prompt gate refused the request or this slot: review or blocked, and no attempt was spent.
        2. Its request has no attempt, or none that passes while another attempt is pending: deferred.
        3. A person has refused the selected attempt, and only other SKUs of its request were readmitted: blocked.
        4. The selected attempt decides: published, review, blocked or failed.
        """
        key = self.judged.key_of(slot)
        request, selected = self.requests[key.pair], self.selected.get(key)
        row: dict[str, Any] = {name: value for name, value in slot.items() if name in DECISIONS.names}
        row |= self.model_provenance[request.model]._asdict()
        if request.verdict != "PASS" or slot["verdict"] != "PASS":
            return row | _refused_columns(request, slot)
        if selected is None or (key in self.pending and selected.verdict.decision != "PASS"):
            return row | {
                "state": SlotState.DEFERRED,
                "verdict": "REVIEW",
                "reasons": [request.deferral_reason or self.stop_reason],
                "answer": None,
                "attempts_spent": selected.attempts_spent if selected is not None else 0,
            }
        refusal = find_refusal(selected.attempt, slot["finish_digest"], self.answers, slot["sku"])
        if refusal is not None:
            selected = replace(selected, attempt=answered_attempt(selected.attempt, refusal), distinctness=None)
        return row | _attempt_columns(selected)


def _refused_columns(request: RequestSummary, slot: SlotRow) -> dict[str, Any]:
    """Return the columns of a slot that the prompt gates refused, by its request's verdict and its own."""
    verdict = combine_verdicts(
        [
            Verdict(request.verdict, tuple(request.reasons)),  # type: ignore[arg-type]
            Verdict(slot["verdict"], tuple(slot["reasons"])),
        ]
    )
    return {
        "state": DECISION_STATES[verdict.decision],
        "verdict": verdict.decision,
        "reasons": list(verdict.reasons),
        "attempts_spent": 0,
    }


def _attempt_columns(selected: SelectedAttempt) -> dict[str, Any]:
    """Return the columns of a slot that its selected attempt decides."""
    attempt, verdict = selected.attempt, selected.verdict
    was_made = attempt.origin != "failed"
    is_rows_own = CAPTION_TOO_LONG in verdict.reasons or is_photos_own_fault(verdict.reasons)
    is_fault = not was_made and not is_rows_own
    state = SlotState.FAILED if is_fault else DECISION_STATES[verdict.decision]
    return {
        "state": state,
        "verdict": verdict.decision,
        "reasons": list(verdict.reasons),
        "attempt": attempt.attempt,
        "attempts_spent": selected.attempts_spent,
        "image_key": attempt.image_key if was_made else None,
        "finished_sha": attempt.finished_sha or None,
        "file_sha": attempt.file_sha or None,
        "file_bytes": attempt.file_bytes,
        "width": attempt.width,
        "height": attempt.height,
        "fingerprint": attempt.fingerprint or None,
        "crop": attempt.crop,
        "looks": attempt.appearance,
        "mark": attempt.source_mark or None,
        "channels": attempt.channels,
        "channel_reasons": attempt.channel_reasons,
        "backend": attempt.backend,
        "kept": attempt.kept,
        "collides_with": selected.collides_with,
        "sentence": one_line(attempt.sentence) if attempt.sentence and verdict.decision != "PASS" else None,
        "answer": attempt.answer.token if attempt.answer is not None else None,
    }
