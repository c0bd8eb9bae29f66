"""Decide what is published and what waits anew, under another policy, from what was measured; nothing is written.

Comes in: a catalogue, a policy. Goes out: a `Redecided`: the flip matrix, the live pictures that the policy refuses,
and everything that could not be decided. Likeness to other pictures is not decided here: what is live was compared
when it was made, and what another picture's likeness keeps waiting waits on until a refresh compares it again.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_set import DigestSet
from catalogs.policy.policy_diff import Flips
from catalogs.policy.review_expiry import EXPIRED, as_of, asks_a_person
from catalogs.policy.schema import Policy
from catalogs.runs.manifest_diff import digests
from catalogs.table_schemas import OUTCOMES, WITHDRAWALS
from catalogs.verdict import Verdict, Word
from infra.interfaces import ObjectStore, TableStore
from tasks.amendments.manifest_change import POLICY
from tasks.maintenance.retention import measuring_runs
from tasks.policies.stored_scores import Answer, Measured

WORD_OF: dict[str, Word] = {"review": "REVIEW", "blocked": "BLOCK"}

_LISTED = [name for name in WITHDRAWALS.names if name not in ("verdict", "reasons", "again")]


@dataclass
class Redecided:
    """What a policy says of a catalogue.

    `not_stored` counts slots whose scores were swept; `to_make` those whose prompt would pass and whose picture is yet
    to be made; `alike` those that wait because of another picture, which only a refresh can compare again.
    """

    catalogue: str
    version: int
    policy: Policy
    published: int = 0
    waiting: int = 0
    flips: Flips = field(default_factory=Flips)
    not_stored: dict[str, int] = field(default_factory=lambda: {"published": 0, "waiting": 0})
    to_make: int = 0
    alike: int = 0
    withdrawals: pa.Table = field(default_factory=WITHDRAWALS.empty_table)

    def document(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "catalogue": self.catalogue,
            "release": self.version,
            "policy": {"version": self.policy.version, "digest": self.policy.digest},
            "published": self.published,
            "waiting": self.waiting,
            "matrix": self.flips.matrix,
            "flips": self.flips.changes(),
            "not_stored": self.not_stored,
            "to_make": self.to_make,
            "alike": self.alike,
        }


def redecide(
    store: ObjectStore, tables: TableStore, catalogue: str, policy: Policy, judge_prompt: Callable[[str], Verdict]
) -> Redecided:
    """Return what `policy` says of all that a catalogue shows and keeps waiting. The catalogue has a manifest."""
    version = tables.version(layout.manifest(catalogue))
    assert version is not None  # noqa: S101 - it has a manifest
    found = Redecided(catalogue, version, policy)
    measured = Measured(store, policy, judge_prompt)
    measured.load(measuring_runs(store, tables, catalogue))
    live = _published(tables, measured, found)
    _waiting(tables, measured, found, live)
    return found


def _published(tables: TableStore, measured: Measured, found: Redecided) -> DigestSet:
    """Decide the live pictures; return the (slot, request) pairs that are live."""
    live, refused = DigestSet(), []
    for rows in tables.batches(layout.manifest(found.catalogue), _LISTED, version=found.version):
        live.add(digests(rows, "slot_id", "request_key"))
        found.published += rows.num_rows
        for row, answer in _refused_rows(rows, measured.attempts(rows), found):
            verdict = answer.verdict
            again = verdict.again and row["attempt"] + 1 < answer.attempts_allowed
            found.flips.add("PASS", verdict.word, row["sku"], verdict.reasons)
            refused.append(row | {"verdict": verdict.word, "reasons": list(verdict.reasons), "again": again})
    found.withdrawals = pa.Table.from_pylist(refused, schema=WITHDRAWALS)
    return live


def _refused_rows(
    rows: pa.RecordBatch, answers: list[Answer | None], found: Redecided
) -> Iterator[tuple[dict[str, Any], Answer]]:
    refused = [place for place, one in enumerate(answers) if one is not None and one.verdict.word != "PASS"]
    unknown = answers.count(None)
    found.not_stored["published"] += unknown
    found.flips.stay("PASS", len(answers) - unknown - len(refused))
    for place, row in zip(refused, rows.take(pa.array(refused, pa.int64())).to_pylist(), strict=True):
        answer = answers[place]
        assert answer is not None  # noqa: S101 - only such places were taken
        yield row, answer


def _waiting(tables: TableStore, measured: Measured, found: Redecided, live: DigestSet) -> None:
    now = datetime.now(UTC)
    history = tables.history(layout.manifest(found.catalogue))
    policies = {commit.metadata["token"] for commit in history if commit.metadata.get("kind") == POLICY}
    for row in _newest(_standing(tables, found.catalogue, live)):
        found.waiting += 1
        word = WORD_OF[row["state"]]
        made = row["image_key"] is not None
        verdict = _picture(row, measured, found, policies) if made else _prompt(row, measured, found)
        if verdict is None:
            found.not_stored["waiting"] += 1
            continue
        if verdict.word == "REVIEW" and asks_a_person(row):
            then = as_of({**row, "reasons": verdict.reasons}, found.policy.review_days, now)
            verdict = Verdict(WORD_OF[then["state"]], tuple(then["reasons"]))
        worse = row["reasons"] if Verdict(word, ("",)).severity > verdict.severity else verdict.reasons
        found.flips.add(word, verdict.word, row["sku"], worse)


def _standing(tables: TableStore, catalogue: str, live: DigestSet) -> Iterator[dict[str, Any]]:
    """Yield the refusals that have an effect: one of a request that is live has none."""
    table = layout.outcomes(catalogue)
    if tables.version(table) is None:
        return
    for rows in tables.batches(table, OUTCOMES.names):
        waits = pc.is_in(rows.column("state"), pa.array(list(WORD_OF)))
        kept = rows.filter(pc.and_(waits, pa.array(~live.holds(digests(rows, "slot_id", "request_key")))))
        yield from kept.to_pylist()


def _newest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one refusal a slot: those of older prompts stay in the table, and nobody waits for them."""
    found: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        known = found.get(row["slot_id"])
        if known is None or known["decided_at"] < row["decided_at"]:
            found[row["slot_id"]] = row
    return list(found.values())


def _prompt(row: Mapping[str, Any], measured: Measured, found: Redecided) -> Verdict | None:
    (verdict,) = measured.prompts(pa.Table.from_pylist([dict(row)], schema=OUTCOMES))
    found.to_make += verdict is not None and verdict.word == "PASS"
    return verdict


def _picture(row: Mapping[str, Any], measured: Measured, found: Redecided, policies: Container[str]) -> Verdict | None:
    """Return the word on the attempt that would stand for the slot: as a refresh picks it.

    One that passed by itself and was not published is too like another; not so where an applied policy withdrew it.
    """
    columns = {
        "request_key": [row["request_key"]] * row["attempts"],
        "finish_digest": [row["finish_digest"]] * row["attempts"],
        "attempt": range(row["attempts"]),
    }
    answers = measured.attempts(pa.table(columns))
    there = [answer for answer in answers if answer is not None]
    if not there:
        return None
    ordered = [answer for word in ("PASS", "REVIEW") for answer in there if answer.verdict.word == word]
    answer = ordered[0] if ordered else there[-1]
    if answer.verdict.word == answer.before == "PASS" and row["run_id"] not in policies:
        found.alike += 1
        reasons = tuple(reason for reason in row["reasons"] if reason != EXPIRED)
        return Verdict("REVIEW" if asks_a_person(row) else "BLOCK", reasons)
    return answer.verdict
