"""Takedowns: images that a rollback would show again although a policy refuses them.

Inputs: the rows to show again, and the release that they were last shown by. Outputs: the refused ones, as rows of
WITHDRAWALS. An image is refused where the policy in force refuses its stored scores; where none are stored, where an
applied policy has taken it away since that release. An image of which neither is known is not refused: it was published
under a policy, as live images without stored scores are that `policy apply` leaves alone. Nor is one that a person has
accepted.
"""

from collections.abc import Sequence

import pyarrow as pa

from catalogs import layout
from catalogs.indexes.digest_set import DigestMap, table_row_digests
from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.commit_kinds import POLICY_KIND
from catalogs.runs.manifest_diff import COMPARED_COLUMNS
from catalogs.table_schemas import WITHDRAWALS
from catalogs.verdict import Verdict
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.stores.parquet_objects import read_table
from tasks.answers.accepted_images import accepted_mask
from tasks.answers.answer_log import read_answer_index
from tasks.gates.prompt_gate import PolicyPromptGate
from tasks.policies.stored_scores import StoredScores
from tasks.runs.policy_in_force import read_newest_policy
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.shop_brand_records import ShopBrandRecords
from tasks.runs.shown_changes import read_changed_rows

TAKEN_BY_POLICY = "taken-by-policy"
"""The reason of an image that an applied policy took away, where the policy's own reasons are no longer stored."""


def find_refused_images(
    store: ObjectStore, tables: TableStore, catalogue: str, restored: pa.Table, since: int, history: Sequence[Commit]
) -> pa.Table:
    """Return the MANIFEST rows of `restored` that may not be shown again, as rows of WITHDRAWALS.

    `since` is the release that last showed them; `history` the manifest's, newest first.
    """
    if not restored.num_rows:
        return WITHDRAWALS.empty_table()
    taken: DigestMap[Verdict] = DigestMap()
    for commit in history:
        if commit.metadata.get("kind") == POLICY_KIND and commit.version > since:
            _add_taken(taken, store, tables, catalogue, commit)
    by_policy = taken.find(table_row_digests(restored, *COMPARED_COLUMNS))
    in_force = _judge_by_policy_in_force(store, catalogue, restored, history)
    refused = []
    accepted = accepted_mask(restored, read_answer_index(store, catalogue))
    for position, verdicts in enumerate(zip(in_force, by_policy, strict=True)):
        verdict = next((each for each in verdicts if each is not None), None)
        if verdict is not None and verdict.decision != "PASS" and not accepted[position]:
            refused.append((position, verdict))
    rows = restored.take(pa.array([position for position, _ in refused], pa.int64())).to_pylist()
    return pa.Table.from_pylist(
        [
            row | {"verdict": verdict.decision, "reasons": list(verdict.reasons), "again": False}
            for row, (_, verdict) in zip(rows, refused, strict=True)
        ],
        schema=WITHDRAWALS,
    )


def _add_taken(
    taken: DigestMap[Verdict], store: ObjectStore, tables: TableStore, catalogue: str, commit: Commit
) -> None:
    """Add what an applied policy took away, with its reasons as long as they are stored."""
    rows = read_table(store, layout.RunFiles(commit.run_id).withdrawals, WITHDRAWALS)
    decisions, reasons = rows["verdict"].to_pylist(), rows["reasons"].to_pylist()
    verdicts = [Verdict(decision, tuple(codes)) for decision, codes in zip(decisions, reasons, strict=True)]
    if not verdicts:
        rows, _ = read_changed_rows(tables, catalogue, commit.version)
        verdicts = [Verdict("BLOCK", (TAKEN_BY_POLICY,))] * rows.num_rows
    taken.add(table_row_digests(rows, *COMPARED_COLUMNS), verdicts)


def _judge_by_policy_in_force(
    store: ObjectStore, catalogue: str, restored: pa.Table, history: Sequence[Commit]
) -> list[Verdict | None]:
    """Return the verdict of the policy in force on each row; None where its scores are not stored."""
    policy = find_policy_in_force(store, catalogue, history)
    if policy is None:
        return [None] * restored.num_rows
    brands = ShopBrandRecords(store, catalogue).newest() or NO_SHOP_BRANDS
    gate = PolicyPromptGate(policy, _read_languages(store, history), shop_brands=brands.names)
    scores = StoredScores(store, policy, gate.evaluate_stored_prompt)
    scores.load(set(restored["run_id"].to_pylist()))
    return [None if attempt is None else attempt.verdict for attempt in scores.find_attempts(restored)]


def find_policy_in_force(store: ObjectStore, catalogue: str, history: Sequence[Commit]) -> Policy | None:
    """Return the policy in force; in a store without records the newest one that a run kept, or None."""
    record = PolicyRecords(store, catalogue).in_force()
    kept = None if record else read_newest_policy(store, [commit for commit in history if commit.version > 0])
    return record.policy if record else kept[0] if kept else None


def _read_languages(store: ObjectStore, history: Sequence[Commit]) -> Sequence[str]:
    """Return the languages of the newest recipe that is still stored."""
    for commit in history:
        data = store.find(layout.RunFiles(commit.run_id).recipe) if commit.run_id else None
        try:
            if data is not None:
                return Recipe.model_validate_json(data).languages
        except ValueError:
            continue  # another version wrote it
    languages: Sequence[str] = Recipe.model_fields["languages"].default
    return languages
