"""Audit a batch as a whole before it is published: data-quality checks that no single image can fail.

Inputs: the decisions (`catalogs.table_schemas.DECISIONS`), the run's totals and the audit suite. Outputs: an
`AuditResult` with every check, and the names of the critical checks that failed, which hold the batch.

The rows are projected to small columns first: digests stay in Arrow, since at 2,000,000 rows they would be gigabytes as
Python objects. The totals are one row, with the differences and shares that the checks are about.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.planning.plan import Plan
from catalogs.policy.audit_suite import AuditSuite, Expectation, built_in_audit_suite
from catalogs.policy.schema import Policy
from catalogs.runs.held_selection import NOT_RELEASED
from catalogs.runs.release_batch import ReleaseBatch
from catalogs.slot_states import DECIDED_STATES, JUDGED_STATES, SlotState
from infra.data_quality import ExpectationResult, validate

if TYPE_CHECKING:
    import pandas as pd

_DIGEST_COLUMNS = ("request_key", "image_key", "finished_sha", "file_sha", "sku")
SHARE_CHECKS = frozenset({"rejected-share", "rejected-most", "without-sku-share", "prompt-waiting-share"})
"""The checks that hold no more once a person has let the same share go."""
ROW_CHECKS = frozenset({"rows-accepted", "rejected-share", "rejected-most", "without-sku-share"})
"""The checks of the built-in suite that rejected rows fail."""
_NULL_FILL_VALUES = {"attempt": -1, "width": 0, "height": 0, "file_bytes": 0}


@dataclass(frozen=True)
class RunTotals:
    """The run's counts: slots, or source rows for the fields that begin with `rows_`.

    `planned` = `new` + `changed` + `redecided` (waiting slots under another policy); `live` is how many slots the
    catalogue had published before the run, `retired` how many of those the run removes. `prompts_waiting` of
    `prompts_judged` new and changed slots wait for a person because of their prompt. Of `review` and `blocked`,
    `kept_waiting` and `kept_blocked` are slots that the gates passed and that a person kept back on letting a part of
    the batch go: the shares are about the gates, so they count as published there. `published_by_people`,
    `review_by_people` and `blocked_by_people` were decided by answers and not by the gates: they are in the sums alone.
    """

    planned: int
    new: int
    changed: int
    redecided: int
    live: int
    retired: int
    published: int
    review: int
    blocked: int
    failed: int
    deferred: int
    superseded: int
    rows_input: int
    rows_accepted: int
    rows_rejected: int
    rows_ignored: int
    rows_without_sku: int = 0
    prompts_judged: int = 0
    prompts_waiting: int = 0
    kept_waiting: int = 0
    kept_blocked: int = 0
    published_by_people: int = 0
    review_by_people: int = 0
    blocked_by_people: int = 0


class KeptBack(NamedTuple):
    """How many slots that the gates passed a person keeps back, waiting or refused, and what was decided before."""

    waiting: int
    blocked: int
    before: pa.Table


@dataclass(frozen=True)
class AuditResult:
    """The result of an audit: all checks, and the critical ones that failed (none: the batch may be published)."""

    held: list[str]
    checks: list[ExpectationResult]
    document: dict[str, Any] = field(default_factory=dict)
    """The whole result for the run's folder: each check with its expectation and reason, and the totals."""

    def with_check(self, failed: ExpectationResult) -> "AuditResult":
        """Return the result with a failed check that no expectation of the suite says: it holds the batch too."""
        held = sorted([*self.held, failed.name])
        said = {**asdict(failed), "frame": "people", "type": "", "kwargs": {}, "where": None, "source": ""}
        document = self.document | {"held": held, "checks": [*self.document["checks"], said]}
        return AuditResult(held, [*self.checks, failed], document)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a report."""
        return {"held": self.held, "checks": [asdict(check) for check in self.checks]}


def audit(decisions: pa.Table, totals: RunTotals, suite: AuditSuite) -> AuditResult:
    """Check the batch against the suite. 2,000,000 rows take about 15 s."""
    slots = slots_frame(decisions)
    totals_row = totals_frame(decisions, totals)
    frames = {
        "slots": slots,
        "published": slots[slots["state"] == SlotState.PUBLISH],
        "reasons": reasons_frame(decisions),
        "totals": totals_row,
    }
    checks, documents = [], []
    for name, frame in frames.items():
        expectations: tuple[Expectation, ...] = getattr(suite, name)
        results = validate(frame, [expectation.model_dump() for expectation in expectations])
        if name == "totals":
            results = [_say_in_words(*pair, totals_row) for pair in zip(results, expectations, strict=True)]
        checks += results
        documents += [
            {**asdict(check), "frame": name, **expectation.model_dump(mode="json", exclude={"name", "severity"})}
            for check, expectation in zip(results, expectations, strict=True)
        ]
    held = sorted(check.name for check in checks if check.critical and not check.success)
    (row,) = totals_row.to_dict("records")
    return AuditResult(held, checks, {"suite_version": suite.version, "held": held, "totals": row, "checks": documents})


def audit_batch(
    batch: ReleaseBatch, plan: Plan, superseded: frozenset[bytes], policy: Policy, kept_back: KeptBack | None = None
) -> AuditResult:
    """Audit a decided batch under the suite that its policy names; `kept_back` is what a person keeps of it."""
    kept_back = kept_back or KeptBack(0, 0, batch.decisions)
    answered = kept_back.before.filter(pc.is_valid(kept_back.before["answer"]))
    states, by_people = (_count_slots(rows, superseded) for rows in (batch.decisions, answered))
    totals = RunTotals(
        planned=plan.slots.new + plan.slots.changed + plan.slots.decided_anew,
        new=plan.slots.new,
        changed=plan.slots.changed,
        redecided=plan.slots.decided_anew,
        live=plan.live,
        retired=plan.retired,
        superseded=states[SlotState.SUPERSEDED],
        kept_waiting=kept_back.waiting,
        kept_blocked=kept_back.blocked,
        **{f"{state.report_name}_by_people": by_people[state] for state in JUDGED_STATES},
        **{state.report_name: states[state] for state in DECIDED_STATES},
        **_plan_totals(plan),
    )
    return audit(batch.decisions, totals, built_in_audit_suite(policy.audit))


def foresee_held(plan: Plan, policy: Policy) -> dict[str, tuple[float, str]]:
    """Return the checks that will hold the batch of a plan, whatever is generated: name -> the number, a sentence."""
    totals = _plan_totals(plan)
    return built_in_audit_suite(policy.audit).foresee_held({**totals, **_derive_shares(totals)})


def reject_warnings(plan: Plan, held: Iterable[str]) -> list[str]:
    """Return the columns that rows were rejected for, where these rows hold the batch."""
    return [plan.rejects_sentence()] if plan.rejected_columns and ROW_CHECKS.intersection(held) else []


def _plan_totals(plan: Plan) -> dict[str, int]:
    """Return what a plan knows of the run's totals: its rows, and what the prompt gates said."""
    return {
        **{f"rows_{name}": count for name, count in asdict(plan.rows).items()},
        "rows_without_sku": plan.rows_without_sku,
        "prompts_judged": plan.slots.new + plan.slots.changed,
        "prompts_waiting": plan.slots.review,
    }


def _say_in_words(result: ExpectationResult, expectation: Expectation, totals_row: "pd.DataFrame") -> ExpectationResult:
    """Return a failed check of the totals with the suite's own sentence for its reason, where it has one."""
    if result.success or result.exception or not expectation.sentence:
        return result
    (totals,) = totals_row.to_dict("records")
    value = totals[expectation.kwargs["column"]]
    return replace(result, observed=float(value), reason=expectation.sentence.format_map(totals))


def slots_frame(decisions: pa.Table) -> "pd.DataFrame":
    """Return one row for each slot, with numbers and two short texts: `audit.yaml` names the columns.

    Digests become their lengths in bytes, and slot ids become integers that are equal where the ids are equal.
    """
    columns: dict[str, pa.ChunkedArray] = {
        "slot": _as_integer_codes(decisions["slot_id"]),
        "state": decisions["state"],
        "verdict": decisions["verdict"],
        "reasons": pc.fill_null(pc.list_value_length(decisions["reasons"]), 0),
        "mark": decisions["mark"].combine_chunks().dictionary_encode(),
    }
    columns |= {f"{name}_bytes": pc.fill_null(pc.binary_length(decisions[name]), 0) for name in _DIGEST_COLUMNS}
    columns |= {
        name: pc.fill_null(decisions[name], pa.scalar(fill, decisions[name].type))
        for name, fill in _NULL_FILL_VALUES.items()
    }
    frame: pd.DataFrame = pa.table(columns).to_pandas()
    return frame


def reasons_frame(decisions: pa.Table) -> "pd.DataFrame":
    """Return one row for each reason: how many slots have it, and their share of all that the gates decided."""
    import pandas

    judged = pc.is_in(decisions["state"], pa.array(JUDGED_STATES))
    rows = decisions.filter(pc.and_(judged, pc.is_null(decisions["answer"])))
    counted = pc.value_counts(pc.list_flatten(rows["reasons"])).to_pylist()
    counted = [entry for entry in counted if entry["values"] != NOT_RELEASED]  # a person's, of no gate
    columns = ["reason", "slots", "share", "decided"]
    reasons = [(entry["values"], entry["counts"], entry["counts"] / rows.num_rows, rows.num_rows) for entry in counted]
    return pandas.DataFrame(reasons, columns=columns)


def totals_frame(decisions: pa.Table, totals: RunTotals) -> "pd.DataFrame":
    """Return one row: the totals, with the differences and shares that the checks are about."""
    import pandas

    return pandas.DataFrame([{**asdict(totals), **_derive_totals(_count_states(decisions), totals)}])


def _derive_totals(state_counts: Mapping[str, int], totals: RunTotals) -> dict[str, float]:
    final = {state.report_name: getattr(totals, state.report_name) for state in DECIDED_STATES}
    passed = totals.published + totals.kept_waiting + totals.kept_blocked - totals.published_by_people
    doubted = totals.review - totals.kept_waiting - totals.review_by_people
    refused = totals.blocked - totals.kept_blocked - totals.blocked_by_people
    decided = passed + doubted + refused
    attempted = decided + totals.failed
    return {
        "batch_rows": sum(state_counts.values()),
        "batch_difference": sum(state_counts.values()) - totals.planned,
        "plan_difference": totals.new + totals.changed + totals.redecided - totals.planned,
        "slots_difference": sum(final.values()) + totals.superseded - totals.planned,
        "states_excess": max(final[state.report_name] - state_counts.get(state, 0) for state in DECIDED_STATES),
        "rows_difference": totals.rows_accepted + totals.rows_rejected + totals.rows_ignored - totals.rows_input,
        "decided": decided,
        "attempted": attempted,
        "retired_share": _share(totals.retired, totals.live),
        "publish_share": _share(passed, decided),
        "review_share": _share(doubted, decided),
        "blocked_share": _share(refused, decided),
        "failed_share": _share(totals.failed, attempted),
        **_derive_shares(asdict(totals)),
    }


def _derive_shares(totals: Mapping[str, int]) -> dict[str, float]:
    """Return the shares of rows and prompts, which are known before anything is generated."""
    rows_read = totals["rows_accepted"] + totals["rows_rejected"]
    return {
        "rows_read": rows_read,
        "rejected_share": _share(totals["rows_rejected"], rows_read),
        "without_sku_share": _share(totals["rows_without_sku"], rows_read),
        "prompt_waiting_share": _share(totals["prompts_waiting"], totals["prompts_judged"]),
    }


def _count_slots(decisions: pa.Table, superseded: frozenset[bytes]) -> Counter[str]:
    """Return how many slots are in each state, superseded ones apart."""
    slots, states = (decisions[name].to_pylist() for name in ("slot_id", "state"))
    pairs = zip(slots, states, strict=True)
    return Counter(SlotState.SUPERSEDED.value if slot in superseded else state for slot, state in pairs)


def _count_states(decisions: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(decisions["state"])
    return {entry["values"]: entry["counts"] for entry in counted.to_pylist()}


def _share(count: int, total: int) -> float:
    """Return count / total; of nothing, 0 for no count and 1 for any, so that a limit on the share still holds."""
    return count / total if total else float(count > 0)


def _as_integer_codes(values: pa.ChunkedArray) -> pa.Array:
    return pc.dictionary_encode(values.combine_chunks()).indices
