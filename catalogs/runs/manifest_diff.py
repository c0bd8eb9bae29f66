"""One release against an older one: which rows must be put back or dropped, and what is withdrawn by that.

Comes in: rows of the manifest that differ between the two, and the outcomes of their slots. Goes out: the changes of
one manifest commit and of the outcomes' commit that closes it. Rows are the same where the shop sees the same file for
the same request; a source digest that has moved since stays as it is, or the next night would only move it again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.indexes.digest_set import DigestSet, table_row_digests
from catalogs.keys import image_key
from catalogs.policy.review_expiry import apply_review_expiry
from catalogs.slot_states import SlotState
from catalogs.table_rows import ManifestRow, OutcomeDecision, OutcomeRow
from catalogs.table_schemas import MANIFEST, OUTCOMES
from catalogs.verdict import DECISION_STATES

COMPARED_COLUMNS = ("slot_id", "object", "file_sha", "request_key", "finish_digest")
"""What makes two manifest rows the same picture in the same place."""
WITHDRAWAL_KEY_COLUMNS = ("slot_id", "request_key", "finish_digest")
"""What a withdrawal binds: one request's picture, so finished, in one slot."""
ROLLBACK_REASON = "rolled-back"

OutcomeFactory = Callable[[ManifestRow], OutcomeDecision]
"""From a lost manifest row to what its outcome says: state, reasons, policy, times."""

_OPERATION = pa.field("_op", pa.string())
_CHUNK = 8192


@dataclass(frozen=True)
class ManifestDiff:
    """How the live release differs from the one to go back to: the rows, of MANIFEST, that only one of them has."""

    restored: pa.Table
    lost: pa.Table

    @property
    def dropped(self) -> pa.Table:
        """The lost rows whose slot is empty afterwards."""
        refilled = DigestSet()
        refilled.add(table_row_digests(self.restored, "slot_id"))
        return _filter_rows(self.lost, ~refilled.contains(table_row_digests(self.lost, "slot_id")))

    def manifest_changes(self) -> pa.Table:
        """Return the rows of the one commit that makes the older release live again."""
        return pa.concat_tables([_with_operation(self.restored, "put"), _with_operation(self.dropped, "drop")])


def rollback_outcomes(now: datetime) -> OutcomeFactory:
    """Return what a rollback says of every picture that it takes back: no policy brings it again."""
    outcome: OutcomeDecision = {
        "state": SlotState.WITHDRAWN,
        "reasons": [ROLLBACK_REASON],
        "policy_digest": "",
        "decided_at": now,
        "expires_at": None,
    }
    return lambda _: outcome


def policy_outcomes(listed: pa.Table, policy_digest: str, review_days: int, now: datetime) -> OutcomeFactory:
    """Return what a policy says of the pictures that it refuses, rows of WITHDRAWALS: as a night would have said it.

    Where another seed may help, no policy is named, so that the next refresh decides the slot anew and may try one.
    """
    columns = (listed[name].to_pylist() for name in ("slot_id", "verdict", "reasons", "again"))
    found = {slot: rest for slot, *rest in zip(*columns, strict=True)}

    def refuse(row: ManifestRow) -> OutcomeDecision:
        verdict, reasons, again = found[row["slot_id"]]
        outcome: OutcomeDecision = {
            "state": DECISION_STATES[verdict],
            "reasons": reasons,
            "policy_digest": "" if again else policy_digest,
            "decided_at": now,
            "expires_at": None,
        }
        return apply_review_expiry(outcome, review_days, now) if verdict == "REVIEW" else outcome

    return refuse


def withdrawal_changes(
    lost: pa.Table, outcomes: pa.Table, live: DigestSet, run_id: str, make_outcome: OutcomeFactory
) -> pa.Table:
    """Return the outcomes' changes: lost pictures that are not live are withdrawn, live ones are so no more.

    `refused` holds the outcomes of the lost slots and every withdrawn one; `live` the `PICTURE` digests of what is live
    in all of these slots.
    """
    gone = _filter_rows(lost, ~live.contains(table_row_digests(lost, *WITHDRAWAL_KEY_COLUMNS)))
    again = _filter_rows(outcomes, live.contains(table_row_digests(outcomes, *WITHDRAWAL_KEY_COLUMNS)))
    still = _filter_rows(outcomes, ~live.contains(table_row_digests(outcomes, *WITHDRAWAL_KEY_COLUMNS)))
    known = {(row["slot_id"], row["request_key"]): row for row in still.to_pylist()}
    parts = [
        pa.Table.from_pylist(list(_withdrawn_outcomes(chunk, known, run_id, make_outcome)), schema=OUTCOMES)
        for chunk in (gone.slice(start, _CHUNK) for start in range(0, gone.num_rows, _CHUNK))
    ]
    put = pa.concat_tables([OUTCOMES.empty_table(), *parts])
    written = DigestSet()
    written.add(table_row_digests(put, "slot_id", "request_key"))
    over = again.filter(pc.equal(again["state"], SlotState.WITHDRAWN))
    over = _filter_rows(over, ~written.contains(table_row_digests(over, "slot_id", "request_key")))
    return pa.concat_tables([_with_operation(put, "put"), _with_operation(over, "drop")])


def _withdrawn_outcomes(
    rows: pa.Table, known: Mapping[tuple[bytes, bytes], OutcomeRow], run_id: str, make_outcome: OutcomeFactory
) -> Iterator[OutcomeRow]:
    for row in rows.select([name for name in MANIFEST.names if name in _NEEDED_COLUMNS]).to_pylist():
        before = known.get((row["slot_id"], row["request_key"]))
        if before is not None and _earlier_withdrawal_stands(before, row):
            continue
        spent = row["attempt"] + 1
        yield {
            "slot_id": row["slot_id"],
            "request_key": row["request_key"],
            "sku": row["sku"],
            "attempts": spent if before is None else max(spent, before["attempts"]),
            "source_digest": row["source_digest"],
            "finish_digest": row["finish_digest"],
            "image_key": bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"])),
            "run_id": run_id,
            **make_outcome(row),
        }


_NEEDED_COLUMNS = {"slot_id", "request_key", "sku", "attempt", "source_digest", "finish_digest", "released_at"}


def _earlier_withdrawal_stands(before: OutcomeRow, row: ManifestRow) -> bool:
    """Tell whether an earlier withdrawal of the request, in another finish, matters more than this one.

    There is one outcome a (slot, request). Going back twice in a row withdraws the newer finish first, and that is the
    one which the recipe in force will ask for.
    """
    other = before["state"] == SlotState.WITHDRAWN and before["finish_digest"] != row["finish_digest"]
    return bool(other and before["decided_at"] > row["released_at"])


def _filter_rows(rows: pa.Table, chosen: npt.NDArray[np.bool_]) -> pa.Table:
    return rows.filter(pa.array(chosen))


def _with_operation(rows: pa.Table, operation: str) -> pa.Table:
    return rows.append_column(_OPERATION, pa.array([operation] * rows.num_rows, pa.string()))
