"""Manifest diff: the difference between two releases, and the withdrawals that go with it.

Inputs: rows of the manifest that differ between the releases, and the outcomes of their slots. Outputs: the changes of
one manifest commit, and of the outcomes' commit that completes it. Two rows are equal where the shop sees the same file
for the same request. A source digest that has changed since stays as it is, or the next run would only change it again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
from catalogs.table_schemas import MANIFEST, OUTCOME_KEY, OUTCOMES
from catalogs.verdict import DECISION_STATES

COMPARED_COLUMNS = ("slot_id", "object", "file_sha", "request_key", "finish_digest")
"""Two manifest rows that are equal in these columns show the same image in the same slot."""
WITHDRAWAL_KEY_COLUMNS = OUTCOME_KEY
"""What a withdrawal binds: the image of one request, in one finish, in one slot."""
ROLLBACK_REASON = "rolled-back"
SLOT_NAME_COLUMNS = ("sku", "view", "variant", "index")
MAX_SLOTS_NAMED = 100
"""Slots of each kind that a result names."""

OutcomeFactory = Callable[[ManifestRow], OutcomeDecision]
"""Maps a manifest row that is taken away to its outcome: state, reasons, policy, times."""

_OPERATION = pa.field("_op", pa.string())
_CHUNK = 8192


@dataclass(frozen=True)
class ManifestDiff:
    """How the live release differs from the one to restore: the MANIFEST rows that only one of them has.

    `restored` rows become live and `lost` rows stop being live; all other tables hold rows that stay as they are.
    """

    restored: pa.Table
    lost: pa.Table
    kept_new: pa.Table = field(default_factory=MANIFEST.empty_table)
    """Live rows of slots that the restored release does not have."""
    changed_since: pa.Table = field(default_factory=MANIFEST.empty_table)
    """Rows of slots that a later commit has changed again: the live row, or the one that is gone."""
    left_out: pa.Table = field(default_factory=MANIFEST.empty_table)
    """Rows of the restored release that may not be shown again."""

    @property
    def dropped(self) -> pa.Table:
        """The lost rows whose slot is empty afterwards."""
        refilled = _digest_set(self.restored, "slot_id")
        return _filter_rows(self.lost, ~refilled.contains(table_row_digests(self.lost, "slot_id")))

    def only_skus(self, skus: Collection[str]) -> "ManifestDiff":
        """Return the part of the diff that concerns these SKUs."""
        named = pa.array(sorted(skus), pa.string())
        tables = {name: rows.filter(pc.is_in(rows["sku"], named)) for name, rows in vars(self).items()}
        return ManifestDiff(**tables)

    def keeping_new_slots(self) -> "ManifestDiff":
        """Return the diff without the slots that would be empty afterwards: they stay live."""
        dropped = self.dropped
        slots = _digest_set(dropped, "slot_id")
        lost = _filter_rows(self.lost, ~slots.contains(table_row_digests(self.lost, "slot_id")))
        return replace(self, lost=lost, kept_new=pa.concat_tables([self.kept_new, dropped]))

    def leaving_out(self, withheld: pa.Table) -> "ManifestDiff":
        """Return the diff without restoring these images: their slots stay as they are. Other columns are ignored."""
        images, restored = _digest_set(withheld, *COMPARED_COLUMNS), self.restored
        is_withheld = images.contains(table_row_digests(restored, *COMPARED_COLUMNS))
        left_out = _filter_rows(restored, is_withheld)
        slots = _digest_set(left_out, "slot_id")
        return replace(
            self,
            restored=_filter_rows(restored, ~is_withheld),
            lost=_filter_rows(self.lost, ~slots.contains(table_row_digests(self.lost, "slot_id"))),
            left_out=pa.concat_tables([self.left_out, left_out]),
        )

    def __add__(self, other: "ManifestDiff") -> "ManifestDiff":
        """Return two diffs of different slots as one."""
        ours, theirs = vars(self), vars(other)
        return ManifestDiff(**{name: pa.concat_tables([ours[name], theirs[name]]) for name in ours})

    def manifest_changes(self) -> pa.Table:
        """Return the rows of the one commit that makes the older release live again."""
        return pa.concat_tables([_with_operation(self.restored, "put"), _with_operation(self.dropped, "drop")])


def name_slots(diff: ManifestDiff, withheld: pa.Table) -> dict[str, list[dict[str, object]]]:
    """Return the first slots of each kind by name, as plain values; `withheld` (WITHDRAWALS) says why some stay."""
    kinds = {"dropped": diff.dropped, **{name: rows for name, rows in vars(diff).items() if name != "lost"}}
    reasons = dict(zip(withheld["slot_id"].to_pylist(), withheld["reasons"].to_pylist(), strict=True))
    named: dict[str, list[dict[str, object]]] = {}
    for kind, rows in kinds.items():
        named[kind] = [
            {name: row[name] for name in SLOT_NAME_COLUMNS}
            | ({"reasons": reasons.get(row["slot_id"], [])} if kind == "left_out" else {})
            for row in _first_by_name(rows).to_pylist()
        ]
    return named


def _first_by_name(rows: pa.Table) -> pa.Table:
    named = rows.select(["slot_id", *SLOT_NAME_COLUMNS])
    return named.sort_by([(name, "ascending") for name in SLOT_NAME_COLUMNS]).slice(0, MAX_SLOTS_NAMED)


def diff_taking_back(removed: pa.Table, added: pa.Table, live: pa.Table) -> ManifestDiff:
    """Return the diff that undoes one commit, which took `removed` rows of MANIFEST away and put the `added` ones.

    `live` holds the rows of these slots as they are now. A slot that no longer is as the commit left it stays, and a
    row that shows the same image as before the commit (only its digest or its channels moved) is not taken back.
    """
    same = _digest_set(removed, *COMPARED_COLUMNS)
    shown = _filter_rows(added, ~same.contains(table_row_digests(added, *COMPARED_COLUMNS)))
    same = _digest_set(added, *COMPARED_COLUMNS)
    hidden = _filter_rows(removed, ~same.contains(table_row_digests(removed, *COMPARED_COLUMNS)))
    is_as_left = _digest_set(shown, *COMPARED_COLUMNS).contains(table_row_digests(live, *COMPARED_COLUMNS))
    touched = pa.concat_tables([shown, hidden])
    is_touched = _digest_set(touched, "slot_id").contains(table_row_digests(live, "slot_id"))
    lost, changed = _filter_rows(live, is_as_left), _filter_rows(live, is_touched & ~is_as_left)
    live_slots = _digest_set(live, "slot_id")
    gone = _filter_rows(shown, ~live_slots.contains(table_row_digests(shown, "slot_id")))
    emptied = _filter_rows(hidden, ~_digest_set(shown, "slot_id").contains(table_row_digests(hidden, "slot_id")))
    free = _filter_rows(emptied, ~live_slots.contains(table_row_digests(emptied, "slot_id")))
    refilled = _filter_rows(hidden, _digest_set(lost, "slot_id").contains(table_row_digests(hidden, "slot_id")))
    return ManifestDiff(pa.concat_tables([refilled, free]), lost, changed_since=pa.concat_tables([changed, gone]))


def rollback_outcomes(now: datetime) -> OutcomeFactory:
    """Return the outcome of every image that a rollback takes away: no policy publishes it again."""
    outcome: OutcomeDecision = {
        "state": SlotState.WITHDRAWN,
        "reasons": [ROLLBACK_REASON],
        "policy_digest": "",
        "decided_at": now,
        "expires_at": None,
        "answer": None,
    }
    return lambda _: outcome


def refused_outcomes(listed: pa.Table, policy_digest: str, review_days: int, now: datetime) -> OutcomeFactory:
    """Return the outcomes of images that a policy or a person refuses (`listed`, rows of WITHDRAWALS), as a run would.

    Where another seed may help, no policy is named, so that the next refresh decides the slot again and may try one.
    """
    columns = (listed[name].to_pylist() for name in ("slot_id", "verdict", "reasons", "again", "answer"))
    listed_by_slot = {slot: rest for slot, *rest in zip(*columns, strict=True)}

    def refuse(row: ManifestRow) -> OutcomeDecision:
        verdict, reasons, again, answer = listed_by_slot[row["slot_id"]]
        outcome: OutcomeDecision = {
            "state": DECISION_STATES[verdict],
            "reasons": reasons,
            "policy_digest": "" if again else policy_digest,
            "decided_at": now,
            "expires_at": None,
            "answer": answer,
        }
        return apply_review_expiry(outcome, review_days, now) if verdict == "REVIEW" else outcome

    return refuse


def withdrawal_changes(
    lost: pa.Table, outcomes: pa.Table, live: DigestSet, run_id: str, make_outcome: OutcomeFactory
) -> pa.Table:
    """Return the changes of the outcomes: lost images that are not live are withdrawn, live ones no longer are.

    `outcomes` holds the outcomes of the lost slots and every withdrawn one; `live` the digests, over
    `WITHDRAWAL_KEY_COLUMNS`, of what is live in all of these slots.
    """
    gone = _filter_rows(lost, ~live.contains(table_row_digests(lost, *WITHDRAWAL_KEY_COLUMNS)))
    again = _filter_rows(outcomes, live.contains(table_row_digests(outcomes, *WITHDRAWAL_KEY_COLUMNS)))
    still = _filter_rows(outcomes, ~live.contains(table_row_digests(outcomes, *WITHDRAWAL_KEY_COLUMNS)))
    known: dict[tuple[bytes, bytes], list[OutcomeRow]] = defaultdict(list)
    for row in still.to_pylist():
        known[row["slot_id"], row["request_key"]].append(row)
    parts = [
        pa.Table.from_pylist(list(_withdrawn_outcomes(chunk, known, run_id, make_outcome)), schema=OUTCOMES)
        for chunk in (gone.slice(start, _CHUNK) for start in range(0, gone.num_rows, _CHUNK))
    ]
    put = pa.concat_tables([OUTCOMES.empty_table(), *parts])
    over = pa.concat_tables(
        [again.filter(pc.equal(again["state"], SlotState.WITHDRAWN)), _find_replaced_refusals(still, put)]
    )
    return pa.concat_tables([_with_operation(put, "put"), _with_operation(over, "drop")])


def _find_replaced_refusals(outcomes: pa.Table, put: pa.Table) -> pa.Table:
    """Return the refusals that a new one replaces, in another finish: a slot has one refusal of a request."""
    refused = put.filter(pc.not_equal(put["state"], SlotState.WITHDRAWN))
    pairs = _digest_set(refused, "slot_id", "request_key")
    before = outcomes.filter(pc.not_equal(outcomes["state"], SlotState.WITHDRAWN))
    before = _filter_rows(before, pairs.contains(table_row_digests(before, "slot_id", "request_key")))
    return _filter_rows(before, ~_digest_set(refused, *OUTCOME_KEY).contains(table_row_digests(before, *OUTCOME_KEY)))


def _withdrawn_outcomes(
    rows: pa.Table, known: Mapping[tuple[bytes, bytes], list[OutcomeRow]], run_id: str, make_outcome: OutcomeFactory
) -> Iterator[OutcomeRow]:
    for row in rows.select([name for name in MANIFEST.names if name in _NEEDED_COLUMNS]).to_pylist():
        before = known.get((row["slot_id"], row["request_key"]), [])
        yield {
            "slot_id": row["slot_id"],
            "request_key": row["request_key"],
            "sku": row["sku"],
            "attempts": max([row["attempt"] + 1, *(one["attempts"] for one in before)]),
            "source_digest": row["source_digest"],
            "finish_digest": row["finish_digest"],
            "image_key": bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"])),
            "run_id": run_id,
            "tries": None,
            "retry_at": None,
            "collides_with": None,
            "sentence": None,
            "pixel_sha": row["pixel_sha"],
            **make_outcome(row),
        }


_NEEDED_COLUMNS = {"slot_id", "request_key", "sku", "attempt", "source_digest", "finish_digest", "pixel_sha"}


def _digest_set(rows: pa.Table, *columns: str) -> DigestSet:
    digests = DigestSet()
    digests.add(table_row_digests(rows, *columns))
    return digests


def _filter_rows(rows: pa.Table, chosen: npt.NDArray[np.bool_]) -> pa.Table:
    return rows.filter(pa.array(chosen))


def _with_operation(rows: pa.Table, operation: str) -> pa.Table:
    return rows.append_column(_OPERATION, pa.array([operation] * rows.num_rows, pa.string()))
