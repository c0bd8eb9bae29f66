"""Channel approvals: read the answers that people have recorded, and apply them to an image's eligibility.

Inputs: a catalogue's recorded answers, and where an image may be used according to the channels' rules. Outputs: the
answers by pixel digest, and the eligibility with them. An answer belongs to pixels: another image in the same slot
needs an answer of its own. Both publishing and `tasks.amendments.approve` read the answers when they commit, so that no
lease is needed between them.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.policy.channels import ChannelEligibility, is_judged_for, needs_approval, with_approval_answer
from catalogs.table_rows import ManifestRow
from infra.interfaces import ObjectStore
from infra.stores.json_objects import read_json

Approvals = Mapping[str, Mapping[str, bool]]
"""Pixel sha (hex) -> channel -> whether the image is approved there; the newest answer counts."""


def read_approvals(store: ObjectStore, catalogue: str) -> Approvals:
    """Return every answer recorded for a catalogue's images; later answers replace earlier ones."""
    approvals: dict[str, dict[str, bool]] = {}
    suffix = f"-{layout.CHANNEL_APPROVAL}.json"
    for key in sorted(info.key for info in store.list(layout.person_decisions_prefix(catalogue))):
        if key.endswith(suffix):
            document = read_json(store, key)
            for sha in document["pixel_shas"]:
                approvals.setdefault(sha, {})[document["channel"]] = document["given"]
    return approvals


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
