"""Channel approvals: read the answers that people have recorded, and apply them to an image's eligibility.

Inputs: a catalogue's recorded answers, and where an image may be used according to the channels' rules. Outputs: the
answers by pixel digest, and the eligibility with them. An answer belongs to pixels: another image in the same slot
needs an answer of its own. Both publishing and `tasks.amendments.approve` read the answers when they commit, so that no
lease is needed between them.

Answers are read from the log (`tasks.answers.answer_log`), and those of earlier versions also from the snapshots that
they made of approvals alone. An answer that is in both counts once, since the later time counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from catalogs.policy.channels import ChannelEligibility, is_judged_for, needs_approval, with_approval_answer
from catalogs.table_rows import ManifestRow
from infra.interfaces import ObjectStore
from infra.stores.json_objects import parse_json_object
from infra.stores.sequence import ObjectSequence
from infra.stores.stored_documents import reading
from tasks.answers.answer_log import read_answers

Approvals = Mapping[str, Mapping[str, bool]]
"""Pixel sha (hex) -> channel -> whether the image is approved there; the newest answer counts."""


@dataclass
class RecordedApprovals:
    """All approvals of a catalogue. An answer's token names it: its time to the microsecond, and random digits."""

    answers: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    """Pixel sha (hex) -> channel -> (token of the newest answer, whether it approves)."""

    def add(self, sha: str, channel: str, token: str, given: bool) -> None:
        """Add an answer about one image, unless a later one is known. Raises ValueError where `sha` is no hex."""
        bytes.fromhex(sha)
        known = self.answers.setdefault(sha, {}).get(channel)
        if known is None or known[0] <= token:
            self.answers[sha][channel] = (token, given)

    @property
    def newest_token(self) -> str:
        """Return the token of the newest answer; empty where there is none."""
        return max((token for channels in self.answers.values() for token, _ in channels.values()), default="")

    @property
    def approvals(self) -> Approvals:
        """Return the answer that counts for each image and channel."""
        return {
            sha: {channel: given for channel, (_, given) in channels.items()} for sha, channels in self.answers.items()
        }


def read_approvals(store: ObjectStore, catalogue: str) -> Approvals:
    """Return the answer that counts for each of a catalogue's images; later answers replace earlier ones."""
    return read_recorded_approvals(store, catalogue).approvals


def read_recorded_approvals(store: ObjectStore, catalogue: str) -> RecordedApprovals:
    """Return every approval recorded for a catalogue's images."""
    recorded = RecordedApprovals()
    for answer in read_answers(store, catalogue, kinds={AnswerKind.CHANNEL}):
        details = answer.details or {}
        for sha in details["pixel_shas"]:
            recorded.add(sha, details["channel"], answer.token, details["given"])
    snapshot = _read_earlier_snapshot(store, catalogue)
    with reading(layout.approval_snapshots_prefix(catalogue), "a snapshot of answers"):
        for sha, channels in snapshot["answers"].items() if snapshot else ():
            for channel, (token, given) in channels.items():
                recorded.add(sha, channel, token, given)
    return recorded


def _read_earlier_snapshot(store: ObjectStore, catalogue: str) -> Mapping[str, Any] | None:
    """Return the newest snapshot of an earlier version; none is made any more, so it stays the newest."""
    prefix = layout.approval_snapshots_prefix(catalogue)
    snapshots = ObjectSequence(store, prefix, lambda number: layout.approval_snapshot(catalogue, number))
    number = snapshots.latest()
    return parse_json_object(snapshots.read(number), layout.approval_snapshot(catalogue, number)) if number else None


def apply_approvals_to_rows(rows: pa.Table, approvals: Approvals) -> pa.Table:
    """Return MANIFEST rows of an earlier time with the answers that stand now for their pixels.

    An answer counts where the row was evaluated for its channel; an approval that was taken back ends.
    """
    answered = pa.array([bytes.fromhex(sha) for sha in approvals], pa.binary())
    is_answered = pc.is_in(rows["pixel_sha"], answered)
    if not pc.any(is_answered).as_py():
        return rows
    changed: list[ManifestRow] = rows.filter(is_answered).to_pylist()
    for row in changed:
        eligibility = ChannelEligibility.from_row(row)
        for channel, given in approvals[row["pixel_sha"].hex()].items():
            if is_judged_for(eligibility, channel):
                eligibility = with_approval_answer(eligibility, channel, given)
        row.update(eligibility.row_columns)  # type: ignore[typeddict-item]
    rest = rows.filter(pc.invert(is_answered))
    return pa.concat_tables([rest, pa.Table.from_pylist(changed, schema=rows.schema)])


def apply_approvals(eligibility: ChannelEligibility, pixel_sha: bytes, approvals: Approvals) -> ChannelEligibility:
    """Return the eligibility that the rules gave an image, with the recorded approvals of its pixels added."""
    for channel, given in approvals.get(pixel_sha.hex(), {}).items():
        if given and needs_approval(eligibility, channel):
            eligibility = with_approval_answer(eligibility, channel, given)
    return eligibility
