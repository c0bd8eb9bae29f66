"""A person's word that a picture may be used on a channel: given, kept, taken back.

Comes in: SKUs whose live pictures somebody has compared with the product, a channel, who and why. Goes out: the word in
the store, and one manifest commit in which it shows. The word binds the pixels: another picture in the same place needs
another word. Written down before the commit, it is not lost by a kill in between; the command given again commits it.
No lease is taken: a run that is under way reads the words when it commits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.channels import ChannelEligibility, is_judged_for, needs_approval, with_approval_answer
from catalogs.runs.job import new_run_id
from catalogs.runs.release_batch import MANIFEST_CHANGE_SCHEMA
from catalogs.table_schemas import MANIFEST
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json, write_json
from infra.tables.idempotent_commit import commit_once

APPROVAL_KIND = "approval"

Row = Mapping[str, Any]
Approvals = Mapping[str, Mapping[str, bool]]
"""Pixel sha (hex) -> channel -> whether a person says yes; the newest word stands."""


@dataclass(frozen=True)
class ApprovalAnswer:
    """What somebody says of the pictures of some SKUs; `given` False takes an earlier word back."""

    channel: str
    skus: Sequence[str]
    reason: str
    person: str
    view: str | None = None
    given: bool = True


@dataclass(frozen=True)
class ApprovalResult:
    """What became of it: the pictures that were meant, as manifest rows that say it, and the release that shows it."""

    version: int
    previous: int
    rows: Sequence[Row]

    def document(self, answer: ApprovalAnswer) -> dict[str, Any]:
        """Return plain values for `--json`."""
        return {
            "channel": answer.channel,
            "given": answer.given,
            "release": {"version": self.version, "previous": self.previous},
            "pictures": [
                {name: row[name] for name in ("sku", "view", "variant", "index", "object")}
                | {"usable": answer.channel in row["channels"]}
                | {"reasons": [each for each in row["channel_reasons"] if each.startswith(f"{answer.channel}:")]}
                for row in self.rows
            ],
        }


def approve(store: ObjectStore, tables: TableStore, catalogue: str, answer: ApprovalAnswer) -> ApprovalResult:
    """Keep a person's word and show it in the manifest. The catalogue has one.

    Raises `OptionError`, and does nothing, where no reason is given, a SKU has no such picture, or a picture was not
    judged for the channel or needs no word there.
    """
    if not answer.reason.strip():
        raise OptionError("--reason: say how you know; the answer is kept with the pictures")
    token = new_run_id(datetime.now(UTC), microseconds=True)
    table = layout.manifest_table(catalogue)
    meant = _read_matching_rows(tables, table, answer, None)
    _require_approvable(meant, answer, read_approvals(store, catalogue))
    shas = sorted({row["pixel_sha"].hex() for row in meant})
    document = {"channel": answer.channel, "given": answer.given, "pixel_shas": shas, "skus": sorted(set(answer.skus))}
    document |= {"by": answer.person, "at": datetime.now(UTC).isoformat(), "reason": answer.reason}
    write_json(store, layout.person_decision(catalogue, token, layout.CHANNEL_APPROVAL), document)

    def build(base: int) -> tuple[tuple[int, list[dict[str, Any]]], pa.Table]:
        live = [row for row in _read_matching_rows(tables, table, answer, base) if row["pixel_sha"].hex() in shas]
        said = [
            row | with_approval_answer(ChannelEligibility.from_row(row), answer.channel, answer.given).row_columns
            for row in live
        ]
        moved = [row | {"_op": "put"} for row, before in zip(said, live, strict=True) if row != before]
        return (base, said), pa.Table.from_pylist(moved, schema=MANIFEST_CHANGE_SCHEMA)

    words = {"run_id": token, "kind": APPROVAL_KIND}
    (base, rows), version = commit_once(tables, table, token, build, on=["slot_id"], metadata=words)
    return ApprovalResult(version, base, rows)


def read_approvals(store: ObjectStore, catalogue: str) -> Approvals:
    """Return every word that people have given on a catalogue's pictures; later ones stand for earlier ones."""
    found: dict[str, dict[str, bool]] = {}
    ending = f"-{layout.CHANNEL_APPROVAL}.json"
    for key in sorted(info.key for info in store.list(layout.person_decisions_prefix(catalogue))):
        if key.endswith(ending):
            document = read_json(store, key)
            for sha in document["pixel_shas"]:
                found.setdefault(sha, {})[document["channel"]] = document["given"]
    return found


def apply_approvals(usable: ChannelEligibility, pixel_sha: bytes, approvals: Approvals) -> ChannelEligibility:
    """Return where a picture, as it was judged just now, may be used with what people have said of it."""
    for channel, given in approvals.get(pixel_sha.hex(), {}).items():
        if given and needs_approval(usable, channel):
            usable = with_approval_answer(usable, channel, given)
    return usable


def _read_matching_rows(
    tables: TableStore, table: str, answer: ApprovalAnswer, version: int | None
) -> list[dict[str, Any]]:
    """Return the live rows of the word's SKUs, in its view where it names one."""
    wanted, found = pa.array(sorted(set(answer.skus)), pa.string()), []
    for rows in tables.batches(table, MANIFEST.names, version=version):
        found += rows.filter(pc.is_in(rows.column("sku"), wanted)).to_pylist()
    return [row for row in found if answer.view in (None, row["view"])]


def _require_approvable(rows: Iterable[Row], answer: ApprovalAnswer, approvals: Approvals) -> None:
    found = list(rows)
    unknown = sorted(set(answer.skus) - {row["sku"] for row in found})
    if unknown:
        where = "" if answer.view is None else f" in the view {answer.view!r}"
        raise OptionError(f"The SKU {unknown[0]!r} has no live picture{where}; nothing was written down")
    for row in found:
        said = answer.channel in approvals.get(row["pixel_sha"].hex(), {}) and is_judged_for(
            ChannelEligibility.from_row(row), answer.channel
        )
        if not said and not needs_approval(ChannelEligibility.from_row(row), answer.channel):
            raise OptionError(
                f"--channel: the picture of {row['sku']!r} ({row['view']}) waits for nobody's word on "
                f"{answer.channel!r};"
                " either the recipe does not ask for that channel, or the channel needs none"
            )
