"""The story of one SKU: what is live of it, what was refused and by whom, and what the next run will do.

Inputs: a store, its tables, a catalogue, a SKU. Outputs: a plain document, for a screen or as JSON. Everything comes
from the store: the manifest's and the outcomes' rows of the SKU, and the folders of the runs that those rows name, so
that the cost does not grow with the number of runs. What was swept is left out, never guessed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from catalogs import layout
from catalogs.answers.refusal_reasons import is_person_refusal
from catalogs.errors import OptionError
from catalogs.policy.decisions import decide_image, judging_rules
from catalogs.policy.policy_record import PolicyRecord
from catalogs.policy.schema import Policy
from catalogs.slot_states import SlotState
from catalogs.table_schemas import MANIFEST, OUTCOMES, REJECTS, SLOTS, SOURCE_ROWS
from catalogs.verdict import Verdict
from infra.errors import ObjectMissing
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups, read_table
from tasks.reporting.kept_in_words import tell_kept
from tasks.reporting.person_answers import SkuReferences, read_answers_about
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.release_history import data_commits, require_history
from tasks.runs.run_state import load_run

Row = Mapping[str, Any]
Document = dict[str, Any]
_LIVE_COLUMNS = ("slot_id", "sku", "view", "variant", "index", "object", "request_key", "attempt", "finish_digest",
                 "model", "channels", "channel_reasons", "run_id", "released_at", "kept")  # fmt: skip
_LIMITS = ("block_below", "review_below", "review_above", "block_above")


def tell_story(store: ObjectStore, tables: TableStore, catalogue: str, sku: str) -> Document:
    """Return the story of a SKU. Raises `OptionError` for a catalogue without a manifest."""
    commits = data_commits(require_history(tables, catalogue, store))
    record = PolicyRecords(store, catalogue).in_force()
    live = _rows_of(
        tables, layout.manifest_table(catalogue), pa.schema([MANIFEST.field(n) for n in _LIVE_COLUMNS]), sku
    )
    outcomes = _rows_of(tables, layout.outcomes_table(catalogue), OUTCOMES, sku)
    run_ids = {row["run_id"] for row in [*live, *outcomes]}
    references = SkuReferences(sku, {row["request_key"] for row in [*live, *outcomes]}, run_ids)
    stories = sorted((_RunStory(store, run_id, sku) for run_id in run_ids), key=lambda run: run.order)
    runs = {run.run_id: run for run in stories}
    slots: dict[bytes, Document] = {}
    for row in live:
        _slot(slots, row, runs)["live"] = _tell_live(row, commits)
    for row in sorted(outcomes, key=lambda row: row["decided_at"]):
        _slot(slots, row, runs)["outcomes"].append(_tell_outcome(row, commits))
    for slot_id, slot in slots.items():
        slot["attempts"] = [attempt for run in runs.values() for attempt in run.attempts(slot_id)]
        slot["next"] = _tell_next(slot, record)
    return {
        "sku": sku,
        "catalogue": catalogue,
        "release": commits[0].version if commits else 0,
        "policy": None if record is None else {k: v for k, v in record.document().items() if k != "policy"},
        "row": _tell_row(runs.values()),
        "slots": sorted(slots.values(), key=lambda slot: (slot["view"], slot["variant"], slot["index"])),
        "people": read_answers_about(store, catalogue, references),
        "releases": _tell_releases(commits, set(runs)),
        "rejected": _tell_rejects(store, commits, sku),
    }


class _RunStory:
    """What one run's folder still says of a SKU."""

    def __init__(self, store: ObjectStore, run_id: str, sku: str) -> None:
        self.run_id = run_id
        self.order = run_id[: len("20261129T070503")], _read_start(store, run_id), run_id  # ids tie within a second
        files = layout.RunFiles(run_id)
        slots = read_table(store, files.slots, SLOTS)
        self.slots: dict[bytes, Row] = {
            row["slot_id"]: row for row in slots.filter(pc.equal(slots["sku"], sku)).to_pylist()
        }
        rows = read_table(store, files.source_rows, SOURCE_ROWS)
        self.rows: list[Row] = rows.filter(pc.equal(rows["sku"], sku)).to_pylist()
        keys = pa.array(sorted({row["request_key"] for row in self.slots.values()}), pa.binary())
        self.requests = {row["request_key"]: row for row in _matching(store, files.requests_prefix, keys)}
        self.records = sorted(_matching(store, files.records_prefix, keys), key=lambda row: row["attempt"])
        self.policy = _read_policy(store, run_id) if self.records else None

    def attempts(self, slot_id: bytes) -> Iterator[Document]:
        """Yield the attempts at a slot's request, with each rule that an image's score breaks or keeps."""
        slot = self.slots.get(slot_id)
        if slot is None:
            return
        for row in self.records:
            if row["request_key"] != slot["request_key"] or row["finish_digest"] != slot["finish_digest"]:
                continue
            scores, scanners, errors = (json.loads(row[name] or "{}") for name in ("scores", "scanners", "errors"))
            verdict = Verdict(row["verdict"], tuple(row["reasons"]))
            if scores and self.policy is not None:  # the record's own is that of the row that asked first
                verdict = decide_image(scores, scanners, errors, self.policy, slot["category"])
            rules = list(_tell_limits(self.policy, scores, slot["category"]))
            yield {
                "run_id": self.run_id,
                "attempt": row["attempt"],
                "made": row["made"],
                "verdict": verdict.decision,
                "reasons": list(verdict.reasons),
                "scores": scores,
                "limits": [rule for rule in rules if rule["verdict"] != "PASS"],
                "within": [rule for rule in rules if rule["verdict"] == "PASS"],
                "errors": errors,
            }


def _rows_of(tables: TableStore, table: str, schema: pa.Schema, sku: str) -> list[Row]:
    if tables.version(table) is None:
        return []
    found: list[Row] = tables.find_rows(table, schema, ("sku", [sku])).to_pylist()
    return found


def _matching(store: ObjectStore, prefix: str, keys: pa.Array) -> Iterator[Row]:
    if len(keys):
        for table in read_row_groups(store, prefix):
            yield from table.filter(pc.is_in(table["request_key"], keys)).to_pylist()


def _read_start(store: ObjectStore, run_id: str) -> datetime:
    """Return when a run started, or the beginning of time where its folder no longer says so."""
    try:
        return load_run(store, run_id).started_at
    except OptionError:
        return datetime.min.replace(tzinfo=UTC)


def _read_policy(store: ObjectStore, run_id: str) -> Policy | None:
    try:
        return Policy.model_validate(read_json(store, layout.RunFiles(run_id).policy))
    except (ObjectMissing, ValidationError):
        return None


def _slot(slots: dict[bytes, Document], row: Row, runs: Mapping[str, _RunStory]) -> Document:
    """Return the document of a row's slot; the newest run that planned it says its category and prompt."""
    slot_id = row["slot_id"]
    if slot_id not in slots:
        planned = next((run for run in reversed(list(runs.values())) if slot_id in run.slots), None)
        known: Row = planned.slots[slot_id] if planned is not None else row
        request = planned.requests.get(known["request_key"]) if planned is not None else None
        slots[slot_id] = {
            **{name: known.get(name, "") for name in ("view", "variant", "category")},
            "index": known.get("index", 0),
            "slot_id": slot_id.hex(),
            "prompt": request["prompt"] if request is not None else None,
            "live": None,
            "outcomes": [],
        }
    return slots[slot_id]


def _tell_row(runs: Iterable[_RunStory]) -> Document | None:
    """Return the SKU's row as the newest run read it that decided a slot of it and whose folder still says so."""
    rows = [{"run_id": run.run_id, **row, "fields": dict(row["fields"])} for run in runs for row in run.rows]
    return rows[-1] if rows else None


def _tell_live(row: Row, commits: Sequence[Commit]) -> Document:
    names = ("object", "attempt", "model", "channels", "channel_reasons", "run_id", "released_at")
    version = next((commit.version for commit in commits if commit.run_id == row["run_id"]), None)
    told = {"release": version, "request_key": row["request_key"].hex(), "kept": tell_kept(row["kept"])}
    return {name: row[name] for name in names} | told


def _tell_outcome(row: Row, commits: Sequence[Commit]) -> Document:
    """Return a refusal, with who decided it: a run's gates, a person, a policy, a rollback."""
    kind = next((commit.metadata.get("kind", "other") for commit in commits if commit.run_id == row["run_id"]), None)
    names = [name for name in row if name not in ("slot_id", "sku", "source_digest")]
    told = {name: row[name].hex() if isinstance(row[name], bytes) else row[name] for name in names}
    decided_by = "a person" if is_person_refusal(row["reasons"]) else "gates" if kind in (None, "release") else kind
    return {**told, "decided_by": decided_by}


def _tell_limits(policy: Policy | None, scores: Mapping[str, float], category: str) -> Iterator[Document]:
    """Yield the rules on an image's scores, each with its verdict and the limits of the image's category."""
    rules = judging_rules(policy, scores, ()) if policy is not None else []
    for rule in rules:
        score = scores.get(rule.score)
        thresholds = rule.thresholds_for(category)
        limits = {name: limit for name in _LIMITS if (limit := getattr(thresholds, name)) is not None}
        if score is not None and limits:
            decision = thresholds.decision_for(score)
            yield {"reason": rule.reason, "score": rule.score, "value": score, "verdict": decision, "limits": limits}


def _tell_next(slot: Row, record: PolicyRecord | None) -> str:
    """Return what the next run does with a slot whose row stays as it is."""
    stays = "; the live image stays meanwhile" if slot["live"] is not None else ""
    latest: Row | None = slot["outcomes"][-1] if slot["outcomes"] else None
    if latest is None or (slot["live"] is not None and latest["request_key"] == slot["live"]["request_key"]):
        return "unchanged, as long as its row, its recipe and its finish stay as they are"
    if latest["state"] == SlotState.WITHDRAWN:
        return (
            "nothing: it was taken back, until its prompt or finish changes or `packshot readmit` brings it back"
            + stays
        )
    if latest["state"] in (SlotState.FAILED, SlotState.DEFERRED):
        return "it is tried again, within its attempts and the budget" + stays
    if latest["state"] == SlotState.BLOCKED and is_person_refusal(latest["reasons"]):
        return "it waits: a person refused it, until its prompt or finish changes or somebody answers anew" + stays
    if record is not None and latest["policy_digest"] != record.policy.digest:
        return f"it is decided again from its scores, under policy {record.number}" + stays
    if latest.get("retry_at") is not None:
        return f"it is tried again from {latest['retry_at']:%Y-%m-%d %H:%M} UTC on" + stays
    if latest["state"] == SlotState.REVIEW:
        return f"it waits for a person{_review_end(latest['decided_at'], record)}" + stays
    return "it waits: blocked until its prompt, its finish or the policy changes" + stays


def _review_end(decided_at: datetime, record: PolicyRecord | None) -> str:
    if record is None:
        return ""
    return f" until {decided_at + timedelta(days=record.policy.review_days):%Y-%m-%d}, and then counts as blocked"


def _tell_releases(commits: Sequence[Commit], run_ids: set[str]) -> list[Document]:
    return [
        {
            "version": commit.version,
            "when": commit.timestamp,
            "kind": commit.metadata.get("kind", "other"),
            "run_id": commit.run_id,
        }
        for commit in commits
        if commit.run_id in run_ids
    ]


def _tell_rejects(store: ObjectStore, commits: Sequence[Commit], sku: str) -> list[Document]:
    """Return why the newest run that still has its folder rejected rows of the SKU."""
    for run_id in dict.fromkeys(commit.run_id for commit in commits[:1]):
        rejects = read_table(store, layout.RunFiles(run_id).rejects, REJECTS)
        return [{"run_id": run_id, **row} for row in rejects.filter(pc.equal(rejects["sku"], sku)).to_pylist()]
    return []
