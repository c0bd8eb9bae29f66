"""Judged requests: which slots share a request, and its attempts as each product category judges them.

Inputs: a plan's slots, a policy, and attempt histories. Outputs: the slots by `JudgedRequest`, and a history for each.
Rows of several categories may share one image, and a policy may have thresholds for a category: so an image has a
verdict for each category, from its stored scores, and the attempt is selected for each by itself. The order of the rows
decides nothing. Categories without thresholds of their own are one: "".
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

import pyarrow as pa

from catalogs.policy.decisions import decide_image
from catalogs.policy.schema import Policy
from catalogs.runs.attempts import Attempt, AttemptHistory, RequestFinishKey
from catalogs.table_rows import SlotRow


class JudgedRequest(NamedTuple):
    """A request in one finish, as one category judges its images."""

    request_key: bytes
    finish_digest: str
    category: str = ""

    @property
    def pair(self) -> RequestFinishKey:
        """Return the request and its finish."""
        return self.request_key, self.finish_digest


@dataclass(slots=True)
class SlotGroup:
    """The slots of one judged request."""

    skus: set[str] = field(default_factory=set)
    live: list[bytes] = field(default_factory=list)
    """Live slots whose image a passing attempt replaces."""
    refused: list[bytes] = field(default_factory=list)
    """Live slots that keep their image in any case: a prompt gate has refused them."""


class ScreenedRequest(Protocol):
    """What a request was screened with."""

    @property
    def category(self) -> str:
        """Return the category of the row that was first to ask for it."""

    @property
    def attempts_allowed(self) -> int:
        """Return the number of attempts that this row's tier allows."""


class JudgedRequests:
    """The slots of a plan by judged request."""

    def __init__(
        self, slots: pa.Table, policy: Policy, replaced: Mapping[bytes, Sequence[bytes]] = MappingProxyType({})
    ) -> None:
        """Group the slots. `replaced`: live slots under other ids (variant, SKU) whose image goes with a slot's own."""
        self._policy = policy
        self._categories = policy.judged_categories
        self.groups: dict[JudgedRequest, SlotGroup] = defaultdict(SlotGroup)
        self.attempts_allowed: dict[RequestFinishKey, int] = {}
        """The most attempts that any slot of a request allows."""
        names = ("slot_id", "sku", "live_file_sha", "verdict", "attempts_allowed")
        columns = (slots[name].to_pylist() for name in ("request_key", "finish_digest", "category", *names))
        for key, finish, category, slot, sku, live, verdict, allowed in zip(*columns, strict=True):
            judged = JudgedRequest(key, finish, self._judged_category(category))
            group = self.groups[judged]
            group.skus.add(sku)
            going = [*([slot] if live is not None else ()), *replaced.get(slot, ())]
            (group.live if verdict == "PASS" else group.refused).extend(going)
            self.attempts_allowed[judged.pair] = max(allowed, self.attempts_allowed.get(judged.pair, 0))

    def key_of(self, slot: SlotRow) -> JudgedRequest:
        """Return the judged request of a slot."""
        return JudgedRequest(slot["request_key"], slot["finish_digest"], self._judged_category(slot["category"]))

    def find_rejudged(self, requests: Mapping[RequestFinishKey, ScreenedRequest]) -> set[RequestFinishKey]:
        """Return the requests that were screened for another category, or with fewer attempts, than a slot has."""
        rejudged = {
            judged.pair
            for judged in self.groups
            if judged.category != self._judged_category(requests[judged.pair].category)
        }
        return rejudged | {
            pair for pair, allowed in self.attempts_allowed.items() if allowed > requests[pair].attempts_allowed
        }

    def judge(
        self, histories: Mapping[RequestFinishKey, AttemptHistory], rejudged: Set[RequestFinishKey]
    ) -> dict[JudgedRequest, AttemptHistory]:
        """Return the history of each judged request; attempts at `rejudged` requests need their findings."""
        return {
            judged: self._rejudge(judged, histories[judged.pair]) if judged.pair in rejudged else histories[judged.pair]
            for judged in self.groups
            if judged.pair in histories
        }

    def _judged_category(self, category: str) -> str:
        return category if category in self._categories else ""

    def _rejudge(self, judged: JudgedRequest, history: AttemptHistory) -> AttemptHistory:
        allowed = self.attempts_allowed[judged.pair]
        return AttemptHistory(
            {
                number: _rejudge_attempt(attempt, self._policy, judged.category, is_last=number + 1 >= allowed)
                for number, attempt in history.attempts.items()
            }
        )


def find_owed_attempts(
    histories: Mapping[JudgedRequest, AttemptHistory], rejudged: Set[RequestFinishKey]
) -> dict[JudgedRequest, int]:
    """Return the next attempt of each judged request that screening did not ask for, as it knew another category."""
    return {
        judged: history.last_attempt.attempt + 1
        for judged, history in histories.items()
        if judged.pair in rejudged and history.select_attempt().verdict == "BLOCK" and history.last_attempt.needs_retry
    }


def _rejudge_attempt(attempt: Attempt, policy: Policy, category: str, *, is_last: bool) -> Attempt:
    """Return an attempt with a category's verdict; one that was never measured has the same for all."""
    scores, scanners, errors = (json.loads(text) for text in attempt.findings or ("{}", "{}", "{}"))
    if attempt.origin == "failed" or not scores:
        return attempt
    verdict = decide_image(scores, scanners, errors, policy, category)
    needs_retry = verdict.retryable and not is_last
    return replace(attempt, verdict=verdict.decision, reasons=verdict.reasons, needs_retry=needs_retry)
