"""Planned requests: what a decision needs of a run's requests, and their work items, read from the run's folder.

Inputs: a run's folder. Outputs: a `RequestSummary` for each request in one finish; work items for some attempts.
Millions of prompts stay on disk: they are read again for the few requests that get another attempt.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from catalogs import layout
from catalogs.planning.schedule import DEFERRAL_REASONS
from catalogs.runs.attempts import RequestFinishKey
from catalogs.runs.judged_requests import JudgedRequest, JudgedRequests
from catalogs.runs.work_items import WorkItem, requests_from_table
from catalogs.table_schemas import DEFERRALS, REQUESTS
from catalogs.verdict import PASS
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import read_row_groups, read_table


class RequestSummary(NamedTuple):
    """The part of a request that a decision needs; millions of prompts stay on disk."""

    verdict: str
    reasons: list[str]
    model: str
    attempts_allowed: int
    category: str
    deferral_reason: str
    """Why the plan deferred the request; empty where it did not."""


def read_request_summaries(store: ObjectStore, run_id: str) -> dict[RequestFinishKey, RequestSummary]:
    """Return what decisions need of each request; of two rows for one request a passing one counts.

    A shard's deferral codes stand in the order of its requests: 0 is not deferred, else 1 + the reason's index.
    """
    columns = ("request_key", "finish_digest", "verdict", "reasons", "model", "attempts_allowed", "category")
    summaries: dict[RequestFinishKey, RequestSummary] = {}
    deferrals = read_table(store, layout.RunFiles(run_id).deferrals, DEFERRALS).to_pylist()
    codes = {row["shard"]: iter(row["codes"]) for row in deferrals}
    for table in read_row_groups(store, layout.RunFiles(run_id).requests_prefix, schema=REQUESTS):
        shards = table["shard"].to_pylist()
        for shard, key, finish, *rest in zip(shards, *(table[name].to_pylist() for name in columns), strict=True):
            code = next(codes[shard]) if shard in codes else 0
            summary = RequestSummary(*[*rest, DEFERRAL_REASONS[code - 1] if code else ""])
            if summary.verdict == "PASS" or (key, finish) not in summaries:
                summaries[(key, finish)] = summary
    return summaries


def read_work_items(
    store: ObjectStore, run_id: str, judged: JudgedRequests, attempt_numbers: Mapping[JudgedRequest, int]
) -> list[WorkItem]:
    """Return work items for some requests, read from the plan: their prompts are not kept in memory.

    An attempt that two categories ask for is one item. It is screened for a category that asks for it, which may then
    go on to its next attempt at once.
    """
    wanted: dict[RequestFinishKey, dict[int, str]] = {}
    for key, number in sorted(attempt_numbers.items()):
        wanted.setdefault(key.pair, {}).setdefault(number, key.category)
    return [
        WorkItem(replace(request, category=category, attempts_allowed=judged.attempts_allowed[pair]), number)
        for table in read_row_groups(store, layout.RunFiles(run_id).requests_prefix, schema=REQUESTS)
        for request in requests_from_table(table)
        if (pair := (request.key, request.finish_digest)) in wanted and request.verdict == PASS
        for number, category in wanted[pair].items()
    ]
