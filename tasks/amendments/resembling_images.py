"""Resembling images: what a rollback would show again although another SKU shows the like by now.

Inputs: the diff of a rollback, and the policy in force. Outputs: the images that its duplicate rules refuse beside what
stays live, as rows of WITHDRAWALS. A slot whose image is left out keeps what it shows, which may resemble another one:
the comparison is repeated until none is found. Nothing is written. How far an old fingerprint of the frame can be
trusted is not stored: those of the product, and equal pixels, count.
"""

from typing import Any

import pyarrow as pa

from catalogs.policy.duplicates import DuplicateCandidate, judge_duplicates
from catalogs.policy.schema import DuplicateRules, Policy
from catalogs.runs.manifest_diff import ManifestDiff
from catalogs.table_schemas import WITHDRAWALS
from infra.interfaces import ObjectStore, TableStore
from tasks.gates.missing_fingerprints import find_fingerprints
from tasks.gates.near_duplicates import PublishedFingerprints, find_near_duplicates

QUALITY_UNKNOWN = 0.0
"""Below every floor: the code of the frame is not compared."""


def find_resembling_images(
    store: ObjectStore, tables: TableStore, catalogue: str, diff: ManifestDiff, policy: Policy | None
) -> pa.Table:
    """Return the rows that `diff` would restore beside an image like theirs; none where there is no policy."""
    found = WITHDRAWALS.empty_table()
    if policy is None or not diff.restored.num_rows:
        return found
    # Views of one SKU are not weighed: not all of them are here.
    rules = policy.duplicates.model_copy(update={"view_colour": None, "view_extent": None})
    codes = {row["slot_id"]: row for row in find_fingerprints(store, diff.restored.to_pylist())}
    while True:
        remaining = diff.leaving_out(found)
        further = _compare(store, tables, catalogue, remaining, codes, rules)
        if not further:
            return found
        found = pa.concat_tables([found, pa.Table.from_pylist(further, schema=WITHDRAWALS)])


def _compare(
    store: ObjectStore,
    tables: TableStore,
    catalogue: str,
    diff: ManifestDiff,
    codes: dict[bytes, dict[str, Any]],
    rules: DuplicateRules,
) -> list[dict[str, Any]]:
    """Return the rows to restore that resemble what stays live, each with the verdict."""
    rows = diff.restored.to_pylist()
    moving = pa.concat_tables([diff.restored.select(["slot_id"]), diff.lost.select(["slot_id"])])["slot_id"]
    published = PublishedFingerprints(store, tables, catalogue, moving.combine_chunks())
    candidates = [_candidate(row, codes[row["slot_id"]]) for row in rows]
    if not candidates:
        return []
    _, images, against = find_near_duplicates(candidates, published, rules)
    verdicts = [judged.verdict for judged in judge_duplicates(candidates, images, (), against, rules)]
    return [
        row | {"verdict": verdict.decision, "reasons": list(verdict.reasons), "again": False}
        for row, verdict in zip(rows, verdicts, strict=True)
        if verdict.decision != "PASS"
    ]


def _candidate(row: dict[str, Any], code: dict[str, Any]) -> DuplicateCandidate:
    return DuplicateCandidate(
        request_key=row["request_key"],
        skus=(row["sku"],),
        fingerprint=code["fingerprint"] or b"",
        quality=QUALITY_UNKNOWN,
        pixel_sha=row["pixel_sha"],
        crop=code["crop"] or b"",
        looks=code["looks"],
        photo_sha=row["photo_sha"] or b"",
    )
