"""Apply plan: the plan of a run that decides answered slots, made from what waits instead of from a catalogue.

Inputs: an `ApplySelection`. Outputs: the files of a run's folder (slots, requests, records, plan), from which the
stages of a refresh go on: decide, audit, publish, record outcomes. Nothing is generated: every attempt is one that was
generated and measured before, judged as the policy in force judges its scores. `plan.json` is written last.
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from hashlib import sha256

import pyarrow as pa

from catalogs import layout
from catalogs.ingest.row_validation import RowCounts
from catalogs.planning.plan import WAITING, Plan, PlanCounts
from catalogs.policy.decisions import decide_image
from catalogs.policy.schema import Policy
from catalogs.runs.attempts import RequestFinishKey
from catalogs.table_schemas import RECORDS, REPLACED_SLOTS, REQUESTS, SLOTS
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from tasks.reviews.apply_selection import ApplySelection, DecidableSlot
from tasks.reviews.recorded_slots import Row
from tasks.runs.deletion_marks import write_shared_object
from tasks.runs.plan_writer import PlanWriter

ANSWERS_SOURCE = "people's answers"
"""What a run that applies answers names as its source, where others name a catalogue."""
_PART = "answers"


def write_apply_plan(
    store: ObjectStore, run_id: str, selection: ApplySelection, policy: Policy, warnings: Iterable[str] = ()
) -> Plan:
    """Write the plan of a run that decides these slots into its folder, `plan.json` last, and return it."""
    for slot in selection.slots:
        _restore_staged_image(store, selection.catalogue, slot)
    requests, count = _slots_by_request(selection.slots), len(selection.slots)
    plan = Plan(
        base_version=selection.base_version,
        live=selection.live,
        rows=RowCounts(),
        slots=PlanCounts(waiting=count, decided_anew=count, requests=len(requests)),
        outcomes_version=selection.outcomes_version,
        answers=selection.taken(),
        warnings=[*warnings],
    )
    with ExitStack() as stack:
        writer = PlanWriter(store, run_id, stack)
        writer.write_rows(
            writer.files.slots, _table((_slot_row(slot, requests[slot.key]) for slot in selection.slots), SLOTS)
        )
        writer.write_rows(writer.files.requests(_PART), _table(map(_request_row, requests.values()), REQUESTS))
        judged = (_judge_record(row, slot, policy) for slot in requests.values() for row in slot.records)
        writer.write_rows(writer.files.record(_PART), _table(judged, RECORDS))
        replaced = [row for slot in selection.slots for row in slot.run.replaced if _is_of(row, slot)]
        writer.write_rows(writer.files.replaced, _table(replaced, REPLACED_SLOTS))
    write_json(store, layout.RunFiles(run_id).plan, plan.document())
    return plan


def _slots_by_request(slots: Iterable[DecidableSlot]) -> dict[RequestFinishKey, DecidableSlot]:
    """Return each request's slot of which the most attempts are kept: slots of several runs may share an image."""
    found: dict[RequestFinishKey, DecidableSlot] = {}
    for slot in slots:
        if slot.key not in found or _attempts(found[slot.key]) < _attempts(slot):
            found[slot.key] = slot
    return found


def _slot_row(slot: DecidableSlot, of_request: DecidableSlot) -> Row:
    """Return a slot's row: as it was planned, but for what its outcome knows better and for what is live now."""
    row = slot.run.slots[slot.answered.outcome["slot_id"]]
    return {
        **row,
        "kind": WAITING,
        "source_digest": slot.answered.outcome["source_digest"],
        "attempts_allowed": _attempts(of_request),
        "live_file_sha": slot.live_file_sha,
    }


def _request_row(slot: DecidableSlot) -> Row:
    """Return the row of a slot's request. It allows the attempts that there are, so that none is asked for."""
    return {**slot.run.requests[slot.key], "shard": _PART, "attempts_allowed": _attempts(slot)}


def _attempts(slot: DecidableSlot) -> int:
    return max(int(row["attempt"]) for row in slot.records) + 1


def _judge_record(row: Row, slot: DecidableSlot, policy: Policy) -> Row:
    """Return the record of an attempt as this policy judges its scores; it asks for no further attempt.

    It was generated and paid for by another run.
    """
    row = {**row, "again": False, "engine_seconds": 0.0, "refused_work": None}
    if row["made"] == "failed":
        return row
    scores, scanners, errors = (json.loads(row[name] or "{}") for name in ("scores", "scanners", "errors"))
    verdict = decide_image(scores, scanners, errors, policy, slot.run.requests[slot.key]["category"])
    return {**row, "made": "reused", "verdict": verdict.decision, "reasons": list(verdict.reasons)}


def _is_of(replaced: Row, slot: DecidableSlot) -> bool:
    return bool(replaced["slot_id"] == slot.answered.outcome["slot_id"])


def _table(rows: Iterable[Row], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


def _restore_staged_image(store: ObjectStore, catalogue: str, slot: DecidableSlot) -> None:
    """Stage an accepted image again from its copy for review, where its staged file is gone."""
    record = slot.accepted_record
    if record is None:
        return
    image, finish = record["image_key"].hex(), record["finish_digest"]
    staged = layout.finished_image(image, finish)
    if not store.exists(staged):
        data = store.find(layout.review_image(catalogue, image, finish))
        if data is not None and sha256(data).digest() == record["file_sha"]:
            write_shared_object(store, catalogue, staged, data, content_type="image/jpeg")
