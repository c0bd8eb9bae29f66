"""Channel approvals: read the answers that people have recorded, and apply them to an image's eligibility.

Inputs: a catalogue's recorded answers, and where an image may be used according to the channels' rules. Outputs: the
answers by pixel digest, and the eligibility with them. An answer belongs to pixels: another image in the same slot
needs an answer of its own. Both publishing and `tasks.amendments.approve` read the answers when they commit, so that no
lease is needed between them.

An answer is one object, named by its time. `tasks.gates.approval_folding` puts many of them into one snapshot, so that
reading costs the same after any number of answers. Objects are listed before the snapshot is read: one that is gone by
then is in the snapshot. An answer that is in both counts once, since the later time counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.policy.channels import ChannelEligibility, is_judged_for, needs_approval, with_approval_answer
from catalogs.table_rows import ManifestRow
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.json_objects import find_json, parse_json_object
from infra.stores.sequence import ObjectSequence
from infra.stores.stored_documents import reading

Approvals = Mapping[str, Mapping[str, bool]]
"""Pixel sha (hex) -> channel -> whether the image is approved there; the newest answer counts."""


@dataclass
class RecordedAnswers:
    """All answers of a catalogue, and the documents of those that are not in a snapshot.

    An answer's token names it: its time to the microsecond, and random digits.
    """

    answers: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict)
    """Pixel sha (hex) -> channel -> (token of the newest answer, whether it approves)."""
    documents: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def add_answer(self, token: str, document: Mapping[str, Any]) -> None:
        """Add a single answer's document. Raises ValueError, KeyError or TypeError for one of a wrong shape."""
        shas, channel, given = document["pixel_shas"], document["channel"], document["given"]
        if not isinstance(shas, list) or not isinstance(channel, str) or not isinstance(given, bool):
            raise TypeError("an answer is about a list of images, a channel, and is yes or no")
        self.documents[token] = document
        for sha in shas:
            self.add(sha, channel, token, given)

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
    return read_answers(store, catalogue).approvals


def read_answers(store: ObjectStore, catalogue: str) -> RecordedAnswers:
    """Return every answer recorded for a catalogue's images."""
    recorded, suffix = RecordedAnswers(), f"-{layout.CHANNEL_APPROVAL}.json"
    listed = [info.key for info in store.list(layout.person_decisions_prefix(catalogue)) if info.key.endswith(suffix)]
    for key, document in zip(listed, concurrent_map(store, partial(find_json, store), listed), strict=True):
        if document is not None:  # otherwise folded since it was listed
            token = key.rsplit("/", 1)[1].removesuffix(suffix)
            with reading(key, "an answer"):
                recorded.add_answer(token, document)
    snapshot = read_newest_snapshot(store, catalogue)
    with reading(layout.approval_snapshots_prefix(catalogue), "a snapshot of answers"):
        for sha, channels in snapshot["answers"].items() if snapshot else ():
            for channel, (token, given) in channels.items():
                recorded.add(sha, channel, token, given)
    return recorded


def snapshots_of(store: ObjectStore, catalogue: str) -> ObjectSequence:
    """Return the numbered snapshots of a catalogue's answers."""
    prefix = layout.approval_snapshots_prefix(catalogue)
    return ObjectSequence(store, prefix, lambda number: layout.approval_snapshot(catalogue, number))


def read_newest_snapshot(store: ObjectStore, catalogue: str) -> Mapping[str, Any] | None:
    """Return the newest snapshot: its `answers`, and the `documents` that it was the first to hold."""
    snapshots = snapshots_of(store, catalogue)
    while number := snapshots.latest():
        try:
            return parse_json_object(snapshots.read(number), layout.approval_snapshot(catalogue, number))
        except ObjectMissing:
            continue  # newer ones replaced it between the listing and the read
    return None


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
