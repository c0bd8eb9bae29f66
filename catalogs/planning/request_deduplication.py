"""Shared requests: slots with the same request key and finish use one request, whatever batch they come in.

Inputs: the slots that a batch decides, each with its request and its row's brand. Outputs: the batch's part of the plan
(`PlannedBatch`), with each request once, its prompt verdict, and the priority of its most urgent row.

A kept photo has no prompt: its request comes with its verdict, and no answer about prompts reaches it. One that a dry
run has not read is of no verdict yet, and is counted by itself.
A prompt is judged once; only brands are judged for each slot (see `catalogs.policy.brands`). What a person said of a
prompt takes the place of both. A request that was
refused for its first slots is generated after all once another slot may have it. What is kept for each request is a
short key and one of few distinct values, since a first run has millions of requests.
"""

from typing import NamedTuple, cast

from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_verdicts import answer_verdict
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.ingest.overrides import PRIORITIES
from catalogs.photos.photo_tokens import NOT_READ
from catalogs.planning.plan import CHANGED, NEW, WAITING, PlanCounts, PlannedBatch, Request, Slot, Urgency
from catalogs.planning.schedule import request_urgency, to_epoch_us
from catalogs.policy.brands.brand_decisions import BrandFindings
from catalogs.policy.prompt_rules import PromptGate, PromptVerdict
from catalogs.verdict import PASS, Decision, Verdict, combine_verdicts


class _RequestState(NamedTuple):
    """The prompt verdict on a request, whether any slot may have its image, and the urgency of its most urgent row."""

    verdict: Verdict
    brands: BrandFindings
    is_made: bool
    urgency: Urgency


class SharedRequests:
    """The requests of a plan. `counts` is the plan's, and is updated with every slot."""

    def __init__(self, prompt_gate: PromptGate, counts: PlanCounts, answers: AnswerIndex | None = None) -> None:
        self._prompt_gate = prompt_gate
        self._counts = counts
        self._answers = answers or AnswerIndex()
        self._states: dict[bytes, _RequestState] = {}
        self._interned: dict[_RequestState, _RequestState] = {}  # one object for all requests in the same state
        self._batch_requests: dict[bytes, Request] = {}

    def begin_batch(self) -> None:
        """Forget the requests of the batch before, which the caller has written by now."""
        self._batch_requests = {}

    def add_slot(self, slot: Slot, request: Request, brand: str, planned: PlannedBatch) -> None:
        """Add a slot to the batch, and its request unless an earlier slot has added it."""
        sharing_key = _sharing_key(slot)
        urgency = request_urgency(request)
        before = state = self._states.get(sharing_key)
        if state is None:
            prompt_verdict, brands = self._judge(request)
            state = _RequestState(prompt_verdict, brands, False, urgency)
            self._counts.requests += 1
        elif (raised := state.urgency.combine(urgency)) != state.urgency:
            state = state._replace(urgency=raised)
            self._raise_priority(sharing_key, request, state, planned)
        verdict = state.verdict
        if request.kept is None and (standing := self._find_answer(slot)) is not None:
            verdict = answer_verdict(standing)
            slot.verdict, slot.reasons, slot.answer = verdict.decision, verdict.reasons, standing.token
        elif state.brands:
            brand_verdict = self._prompt_gate.evaluate_brands(state.brands, brand)
            slot.verdict, slot.reasons = brand_verdict.decision, brand_verdict.reasons
            verdict = combine_verdicts((verdict, brand_verdict))
        if before is None or (verdict == PASS and not state.is_made):
            self._add_request(sharing_key, request, verdict, planned)
            state = state._replace(is_made=verdict == PASS)
        if state is not before:
            self._states[sharing_key] = self._interned.setdefault(state, state)
        planned.slots.append(slot)
        self._count_slot(slot, verdict, planned)

    def verdict_on(self, slot: Slot) -> Verdict:
        """Return the verdict on a slot that was added: on its prompt and on the brands for its row, or a person's."""
        own = Verdict(cast("Decision", slot.verdict), slot.reasons)
        return own if slot.answer else combine_verdicts((self._states[_sharing_key(slot)].verdict, own))

    def _judge(self, request: Request) -> PromptVerdict:
        """Return the verdict on a request's prompt; on one that has none, whether any of its photos can be used."""
        return (
            PromptVerdict(request.verdict)
            if request.kept is not None
            else self._prompt_gate.evaluate_prompt(request.prompt)
        )

    def _find_answer(self, slot: Slot) -> StandingAnswer | None:
        """Return what a person said of the slot's prompt, before any image was generated."""
        answers = self._answers.of_request(slot.request_key)
        standing = answers.of_prompt(slot.request_key)
        if standing is None or standing.verdict == AnswerKind.RETRY or answers.is_lifted(standing, slot.sku):
            return None
        return standing

    def _add_request(self, sharing_key: bytes, request: Request, verdict: Verdict, planned: PlannedBatch) -> None:
        """Add a request, or let one of this batch that was refused for its first slots be generated after all."""
        refused = self._batch_requests.get(sharing_key)
        if refused is not None:
            refused.verdict = verdict
            return
        request.verdict = verdict
        planned.requests.append(request)
        self._batch_requests[sharing_key] = request

    def _raise_priority(
        self, sharing_key: bytes, request: Request, state: _RequestState, planned: PlannedBatch
    ) -> None:
        """Give a shared request the highest priority and the earliest deadline of its rows."""
        first = self._batch_requests.get(sharing_key)
        if first is None:
            planned.priority_raises.append((request.key, state.urgency))
            return
        first.priority = PRIORITIES[state.urgency.rank]
        first.for_new_sku = not state.urgency.has_image
        if to_epoch_us(request.deadline) == state.urgency.deadline:
            first.deadline = request.deadline

    def _count_slot(self, slot: Slot, verdict: Verdict, planned: PlannedBatch) -> None:
        is_unread = NOT_READ in verdict.reasons
        if not is_unread:
            planned.prompt_gate_reasons.update(verdict.reasons)
        if slot.kind == WAITING:
            self._counts.waiting += 1
            self._counts.decided_anew += 1
            return
        self._counts.new += slot.kind == NEW
        self._counts.changed += slot.kind == CHANGED
        self._counts.photos_not_read += is_unread
        self._counts.blocked += verdict.decision == "BLOCK" and not is_unread
        self._counts.review += verdict.decision == "REVIEW"


def _sharing_key(slot: Slot) -> bytes:
    return slot.request_key[:16] + slot.finish_digest[:8].encode()
