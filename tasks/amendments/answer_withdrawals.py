"""Answer withdrawals: take published images out of sight that people took back, by one manifest commit.

Inputs: a catalogue with its answers. Outputs: a `ManifestChange`, or None where there is nothing to take. A full run
does this before it plans, under the catalogue's lease, so that its plan finds the images gone; so does `packshot review
apply`. A killed change is completed, or given up and begun again, as every manifest change is.

An answer is looked at until it is an hour old, and then never again: what later commits show is checked at their own
commit (`tasks.gates.later_answers`), and a rollback that shows an image again is a later word than the refusal. So a
night without new answers costs one small object more than reading the answers, and scans no release.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_verdicts import TOKEN_TIME, was_given_after
from catalogs.answers.standing_answers import StandingAnswers
from catalogs.answers.taken_back import TakenBack, find_taken_back
from catalogs.keys import image_key
from catalogs.runs.commit_kinds import ANSWERS_KIND, ROLLBACK_KIND
from catalogs.table_schemas import MANIFEST, WITHDRAWALS
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.json_objects import find_json, write_json
from infra.stores.parquet_objects import write_table
from tasks.amendments.change_operation import EVALUATED_BASE
from tasks.amendments.manifest_change import ManifestChange, begin_change, complete_change, new_change_run
from tasks.answers.answer_log import read_answer_index
from tasks.runs.shown_changes import read_changed_rows

LOOKED_AT_FOR = timedelta(hours=1)
"""How long an answer is looked at again: a commit that was under way when it was given is done by then."""
_SCANNED = pa.schema([*(field for field in WITHDRAWALS if field.name in MANIFEST.names), MANIFEST.field("pixel_sha")])


def withdraw_taken_back(
    store: ObjectStore, tables: TableStore, catalogue: str, review_days: int
) -> ManifestChange | None:
    """Withdraw the live images that people took back. The caller holds the catalogue's lease."""
    version = tables.version(layout.manifest_table(catalogue))
    answers = read_answer_index(store, catalogue)
    if version is None or not answers.newest_token:
        return None
    key = layout.taken_answers(catalogue)
    looked_at = str((find_json(store, key) or {}).get("until", ""))
    withdrawals = _find_withdrawals(tables, catalogue, version, answers, looked_at)
    change = None
    if withdrawals.num_rows:
        run = new_change_run(catalogue, store.now())
        write_table(store, layout.RunFiles(run.run_id).withdrawals, withdrawals)
        details = {"review_days": review_days, "policy_digest": "", EVALUATED_BASE: version}
        change = complete_change(store, tables, begin_change(store, tables, run, ANSWERS_KIND, details))
    until = min(answers.newest_token, f"{store.now() - LOOKED_AT_FOR:{TOKEN_TIME}}")
    if until > looked_at:
        write_json(store, key, {"until": until})
    return change


def _find_withdrawals(
    tables: TableStore, catalogue: str, version: int, answers: AnswerIndex, looked_at: str
) -> pa.Table:
    """Return the live images that answers since `looked_at` take back, as rows of WITHDRAWALS."""
    requests = answers.requests_since(looked_at)
    if not len(requests):
        return WITHDRAWALS.empty_table()
    about = answers.answers_about(requests)
    taken = _TakenImages.of(find_taken_back(about), StandingAnswers(about))
    rows = list(taken.find_live(tables, catalogue, version))
    if rows:
        shown_again = _find_shown_again(tables, catalogue, min(row["since"] for row in rows))
        rows = [row for row in rows if shown_again.get((row["slot_id"], row["file_sha"]), "") < row["since"]]
    return pa.Table.from_pylist([{name: row[name] for name in WITHDRAWALS.names} for row in rows], WITHDRAWALS)


@dataclass(frozen=True)
class _TakenImages:
    """What was taken back, by image and by prompt."""

    images: Mapping[tuple[bytes, str, bytes], TakenBack]
    prompts: Mapping[bytes, TakenBack]
    standing: StandingAnswers

    @classmethod
    def of(cls, taken: Iterator[TakenBack], standing: StandingAnswers) -> "_TakenImages":
        every = list(taken)
        images = {each.target.key: each for each in every if not each.target.is_prompt}
        return cls(images, {each.target.request_key: each for each in every if each.target.is_prompt}, standing)

    def find_live(self, tables: TableStore, catalogue: str, version: int) -> Iterator[dict[str, Any]]:
        """Yield the live rows that show what was taken back, with the columns of WITHDRAWALS and `since`."""
        if not self.images and not self.prompts:
            return
        requests = {each.target.request_key for each in (*self.images.values(), *self.prompts.values())}
        wanted = pa.array(sorted(requests), pa.binary())
        for batch in tables.batches(layout.manifest_table(catalogue), _SCANNED, version=version):
            for row in batch.filter(pc.is_in(batch.column("request_key"), wanted)).to_pylist():
                taken = self._find(row)
                if taken is not None:
                    verdict = {"verdict": taken.verdict.decision, "reasons": list(taken.verdict.reasons)}
                    yield row | verdict | {"again": False, "answer": taken.answer, "since": taken.since}

    def _find(self, row: Mapping[str, Any]) -> TakenBack | None:
        key = bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
        bound = (key, row["finish_digest"], row["pixel_sha"])
        standing = self.standing.of_image(*bound)
        if standing is not None and self.standing.is_lifted(standing, row["sku"]):
            return None
        return self.images.get(bound) or self.prompts.get(row["request_key"])


def _find_shown_again(tables: TableStore, catalogue: str, since: str) -> dict[tuple[bytes, bytes], str]:
    """Return what rollbacks after a token have shown again, by slot and file, with the time of the last of them."""
    shown: dict[tuple[bytes, bytes], str] = {}
    for commit in tables.history(layout.manifest_table(catalogue)):
        if not was_given_after(since, commit.timestamp) and commit.metadata.get("kind") == ROLLBACK_KIND:
            _, added = read_changed_rows(tables, catalogue, commit.version)
            for image in zip(added["slot_id"].to_pylist(), added["file_sha"].to_pylist(), strict=True):
                shown[image] = max(shown.get(image, ""), _token_of(commit))
    return shown


def _token_of(commit: Commit) -> str:
    return f"{commit.timestamp:{TOKEN_TIME}}"
