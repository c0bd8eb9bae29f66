"""Late duplicates: images of a batch that resemble what was published after the batch was planned.

Inputs: a decided batch, the live rows of its slots at the version that the commit builds on, and the images withdrawn
by then. Outputs: the slots whose image is not to be published, as withdrawal keys; they end as superseded, leave no
outcome, and are decided again by the next run. Two runs that decide before either commits are compared here alone.

What is compared: each image of the batch with the images that commits since the plan have put, and with the live images
of slots that the batch planned to replace and does not. Where there was no commit since the plan, nothing is read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.policy.duplicates import DuplicateCandidate, PublishedImage, judge_duplicates
from catalogs.policy.schema import DuplicateRules, Policy
from catalogs.runs.release_batch import NO_WITHDRAWALS, ReleaseBatch, WithdrawalKey, withdrawal_key
from catalogs.table_rows import ManifestRow
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.missing_fingerprints import FINGERPRINTED_COLUMNS, find_fingerprints
from tasks.gates.near_duplicates import find_pairs_against

_SHOWN = ("slot_id", "pixel_sha")
_ImageId = tuple[bytes, str, int]
"""Request key, finish digest and attempt."""


def find_late_duplicates(
    store: ObjectStore,
    tables: TableStore,
    batch: ReleaseBatch,
    base: int,
    live_rows: Mapping[bytes, ManifestRow],
    withdrawn: frozenset[WithdrawalKey],
) -> frozenset[WithdrawalKey]:
    """Return the images of the batch that resemble one that came, or stayed, since it was planned."""
    versions = _find_versions_since(tables, batch, base)
    if not versions or not next(batch.published_decisions(), None):
        return NO_WITHDRAWALS
    arrivals = _read_arrivals(tables, batch.catalogue, versions, base)
    arrived, images = {row["slot_id"] for row in arrivals}, _read_images(store, batch)
    rules = Policy.model_validate(read_json(store, layout.RunFiles(batch.run_id).policy)).duplicates
    late: frozenset[WithdrawalKey] = NO_WITHDRAWALS
    while True:
        staying = _find_staying(images, live_rows, withdrawn | late)
        shown = find_fingerprints(store, [*arrivals, *(row for row in staying if row["slot_id"] not in arrived)])
        further = late | _find_refused(images, [PublishedImage(**row) for row in shown], rules, withdrawn | late)
        if further == late:
            return late
        late = further


@dataclass(frozen=True)
class _Image:
    """An image of the batch, with the decisions of the slots that are to show it."""

    decisions: list[dict[str, Any]]
    quality: float

    def candidate(self, refused: frozenset[WithdrawalKey]) -> DuplicateCandidate | None:
        """Return the image as it is compared; None where no slot is to show it any more."""
        rows = [row for row in self.decisions if withdrawal_key(row) not in refused]  # type: ignore[arg-type]
        if not rows:
            return None
        first = rows[0]
        return DuplicateCandidate(
            request_key=first["request_key"],
            skus=tuple(sorted({row["sku"] for row in rows})),
            fingerprint=first["fingerprint"] or b"",
            quality=self.quality,
            pixel_sha=first["finished_sha"],
            crop=first["crop"] or b"",
            looks=first["looks"],
            replaces=frozenset(row["slot_id"] for row in rows if row["live_file_sha"] is not None),
        )


def _find_versions_since(tables: TableStore, batch: ReleaseBatch, base: int) -> list[int]:
    table, planned = layout.manifest_table(batch.catalogue), batch.base_version or 0
    commits = tables.history(table, after=planned)
    return sorted(commit.version for commit in commits if planned < commit.version <= base and commit.changes_data)


def _read_arrivals(tables: TableStore, catalogue: str, versions: Sequence[int], base: int) -> list[dict[str, Any]]:
    """Return the live rows at `base` whose image came by one of these versions."""
    table = layout.manifest_table(catalogue)
    came: set[tuple[bytes, bytes]] = set()
    for version in versions:
        changes = tables.changes(table, version)
        was = _shown_by(changes, ("delete", "update_preimage"))
        came |= _shown_by(changes, ("insert", "update_postimage")) - was
    if not came:
        return []
    slot_ids = pa.array(sorted({slot for slot, _ in came}), pa.binary())
    return [
        row
        for rows in tables.batches(table, FINGERPRINTED_COLUMNS, version=base)
        for row in rows.filter(pc.is_in(rows.column("slot_id"), slot_ids)).to_pylist()
        if (row["slot_id"], row["pixel_sha"]) in came
    ]


def _shown_by(changes: pa.Table, change_types: Sequence[str]) -> set[tuple[bytes, bytes]]:
    rows = changes.filter(pc.is_in(changes["_change_type"], pa.array(change_types)))
    return set(zip(*(rows[name].to_pylist() for name in _SHOWN), strict=True))


def _read_images(store: ObjectStore, batch: ReleaseBatch) -> list[_Image]:
    """Return the batch's images to publish; how far a fingerprint can be trusted stands in the run's records."""
    decisions: dict[_ImageId, list[dict[str, Any]]] = defaultdict(list)
    for rows in batch.published_decisions():
        for row in rows:
            decisions[row["request_key"], row["finish_digest"], row["attempt"]].append(dict(row))
    quality: dict[_ImageId, float] = {}
    for record in read_row_groups(store, layout.RunFiles(batch.run_id).records_prefix):
        columns = ("request_key", "finish_digest", "attempt", "fingerprint_quality")
        for key, finish, attempt, value in zip(*(record[name].to_pylist() for name in columns), strict=True):
            quality[key, finish, attempt] = value
    return [_Image(rows, quality.get(image, 0.0)) for image, rows in decisions.items()]


def _find_staying(
    images: Iterable[_Image], live_rows: Mapping[bytes, ManifestRow], refused: frozenset[WithdrawalKey]
) -> list[dict[str, Any]]:
    """Return the live rows of slots that the batch does not replace after all: refused, or moved by another run."""
    planned = ((row, live_rows.get(row["slot_id"])) for image in images for row in image.decisions)
    return [
        dict(live)
        for row, live in planned
        if live is not None and (withdrawal_key(row) in refused or live["file_sha"] != row["live_file_sha"])  # type: ignore[arg-type]
    ]


def _find_refused(
    images: Sequence[_Image],
    shown: Sequence[PublishedImage],
    rules: DuplicateRules,
    refused: frozenset[WithdrawalKey],
) -> frozenset[WithdrawalKey]:
    """Return the images that resemble one that is shown. Views of one SKU are not weighed: not all of them are here."""
    rules = rules.model_copy(update={"view_colour": None, "view_extent": None})
    compared = [(image, candidate) for image in images if (candidate := image.candidate(refused)) is not None]
    candidates = [candidate for _, candidate in compared]
    against = find_pairs_against(candidates, shown, rules)
    verdicts = judge_duplicates(candidates, shown, (), against, rules)
    return frozenset(
        withdrawal_key(row)  # type: ignore[arg-type]
        for (image, _), verdict in zip(compared, verdicts, strict=True)
        if verdict.verdict.decision != "PASS"
        for row in image.decisions
    )
