"""Approve live images for a channel, or revoke an approval: record the answer, then show it in one manifest commit.

Inputs: SKUs whose live images a person has compared with the product, a channel, the person and the reason. Outputs:
the answer in the store, and a release whose manifest rows show it. An answer belongs to the images' pixels. It is
recorded before the commit, so a kill in between does not lose it; the same command given again commits it. No lease is
taken: a run in progress reads the answers when it commits (`tasks.gates.approvals`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from catalogs.errors import OptionError
from catalogs.policy.channels import ChannelEligibility, is_judged_for, needs_approval, with_approval_answer
from catalogs.runs.commit_kinds import APPROVAL_KIND
from catalogs.runs.release_batch import MANIFEST_CHANGE_SCHEMA
from catalogs.table_rows import ManifestRow
from catalogs.table_schemas import MANIFEST
from infra.interfaces import ObjectStore, TableStore
from infra.tables.data_versions import newest_data_version
from infra.tables.idempotent_commit import commit_once
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import write_answer
from tasks.gates.approvals import Approvals, read_recorded_approvals


@dataclass(frozen=True)
class ApprovalAnswer:
    """A person's answer about the images of some SKUs; `given` False revokes an earlier approval."""

    channel: str
    skus: Sequence[str]
    reason: str
    person: str
    view: str | None = None
    given: bool = True

    def recorded(self, now: datetime, pixel_shas: Sequence[str]) -> Answer:
        """Return the answer as it is kept: bound to the pixels that the SKUs show now."""
        details: dict[str, Any] = {"channel": self.channel, "given": self.given}
        details |= {"pixel_shas": list(pixel_shas), "skus": sorted(set(self.skus))}
        return Answer(AnswerKind.CHANNEL, self.person, now, self.reason, details=details)


@dataclass(frozen=True)
class ApprovalResult:
    """The release that shows an answer, and the manifest rows of its images as they are in that release."""

    version: int
    previous: int
    rows: Sequence[ManifestRow]

    def document(self, answer: ApprovalAnswer) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "channel": answer.channel,
            "given": answer.given,
            "release": {"version": self.version, "previous": self.previous},
            "pictures": [
                {name: row[name] for name in ("sku", "view", "variant", "index", "object")}
                | {"usable": answer.channel in (row["channels"] or ())}
                | {"reasons": [text for text in row["channel_reasons"] or () if text.startswith(f"{answer.channel}:")]}
                for row in self.rows
            ],
        }


def approve(store: ObjectStore, tables: TableStore, catalogue: str, answer: ApprovalAnswer) -> ApprovalResult:
    """Record an answer and commit it to the manifest, which must exist.

    Raises `OptionError`, and writes nothing, where no reason is given, a SKU has no such image, or an image was not
    evaluated for the channel or needs no approval there.
    """
    if not answer.reason.strip():
        raise OptionError("--reason is empty: say how you know; the answer is kept with the images")
    table = layout.manifest_table(catalogue)
    newest = tables.version(table)
    rows = _read_matching_rows(tables, table, answer, newest)
    recorded = read_recorded_approvals(store, catalogue)
    _require_approvable(rows, answer, recorded.approvals)
    shas = sorted({row["pixel_sha"].hex() for row in rows})
    token = write_answer(store, catalogue, answer.recorded(store.now(), shas), after=recorded.newest_token).token

    def build(base: int) -> tuple[tuple[int, list[ManifestRow]], pa.Table]:
        live = [row for row in _read_matching_rows(tables, table, answer, base) if row["pixel_sha"].hex() in shas]
        answered: list[ManifestRow] = []
        for row in live:
            eligibility = with_approval_answer(ChannelEligibility.from_row(row), answer.channel, answer.given)
            answered.append({**row, **eligibility.row_columns})
        changed = [{**row, "_op": "put"} for row, before in zip(answered, live, strict=True) if row != before]
        return (base, answered), pa.Table.from_pylist(changed, schema=MANIFEST_CHANGE_SCHEMA)

    metadata = {"run_id": token, "kind": APPROVAL_KIND}
    (base, answered), version = commit_once(
        tables, table, token, build, on=["slot_id"], metadata=metadata, after=newest
    )
    fold_answers(store, catalogue)
    previous = newest_data_version(tables, table, at=base) or 0
    return ApprovalResult(version if version > base else previous, previous, answered)


def _read_matching_rows(
    tables: TableStore, table: str, answer: ApprovalAnswer, version: int | None
) -> list[ManifestRow]:
    """Return the live rows of the answer's SKUs, only of its view where it names one."""
    skus, rows = pa.array(sorted(set(answer.skus)), pa.string()), []
    for batch in tables.batches(table, MANIFEST, version=version):
        rows += batch.filter(pc.is_in(batch.column("sku"), skus)).to_pylist()
    return [row for row in rows if answer.view in (None, row["view"])]


def _require_approvable(rows: Iterable[ManifestRow], answer: ApprovalAnswer, approvals: Approvals) -> None:
    rows = list(rows)
    unknown = sorted(set(answer.skus) - {row["sku"] for row in rows})
    if unknown:
        where = "" if answer.view is None else f" in the view {answer.view!r}"
        raise OptionError(f"The SKU {unknown[0]!r} has no live image{where}; nothing was recorded")
    for row in rows:
        eligibility = ChannelEligibility.from_row(row)
        answered = answer.channel in approvals.get(row["pixel_sha"].hex(), {})
        if needs_approval(eligibility, answer.channel) or (answered and is_judged_for(eligibility, answer.channel)):
            continue
        raise OptionError(
            f"--channel: the image of {row['sku']!r} ({row['view']}) needs no approval on {answer.channel!r};"
            " either the recipe does not ask for that channel, or the channel's rules ask for no person"
        )
