"""Late duplicates: images of a batch that resemble what was published after the batch was planned.

Inputs: a decided batch, the live rows of its slots at the version that the commit builds on, and the images withdrawn
by then. Outputs: the slots whose image is not to be published, as withdrawal keys; they end as superseded, leave no
outcome, and are decided again by the next run. Two runs that decide before either commits are compared here alone.

What is compared: each image of the batch with the images that commits since the plan have put, and with the live images
of slots that the batch planned to replace and does not. Where there was no commit since the plan, nothing is read. A
batch that was held for longer than releases are kept outlives the versions that say what came since: it is compared
with all that stays live.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.photos.kept_request import kept_photo_sha
from catalogs.policy.duplicates import DuplicateCandidate, DuplicateVerdict, PublishedImage, judge_duplicates
from catalogs.policy.schema import DuplicateRules, Policy
from catalogs.runs.release_batch import NO_WITHDRAWALS, ReleaseBatch, WithdrawalKey, withdrawal_key
from catalogs.table_rows import ManifestRow
from infra.errors import TableError
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.parquet_objects import read_row_groups
from tasks.gates.missing_fingerprints import FINGERPRINTED_COLUMNS, find_fingerprints, open_published
from tasks.gates.near_duplicates import find_near_duplicates, find_pairs_against

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
    if base == (batch.base_version or 0) or not next(batch.published_decisions(), None):
        return NO_WITHDRAWALS
    arrivals = _find_arrivals(tables, batch, base)
    if arrivals == []:
        return NO_WITHDRAWALS
    comparison = _Comparison.read(store, tables, batch, live_rows, arrivals)
    moved = _find_moved(comparison.images, live_rows)
    late: frozenset[WithdrawalKey] = NO_WITHDRAWALS
    while True:
        further = late | comparison.find_refused(withdrawn | moved | late)
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
            is_accepted=first["answer"] is not None,
            accepted_likeness=first["collides_with"] or b"",
            photo_sha=kept_photo_sha(first["kept"]),
        )


@dataclass(frozen=True)
class _Comparison:
    """A batch's images, and what they are compared with: `arrivals`, or all that stays live where that is None."""

    store: ObjectStore
    tables: TableStore
    batch: ReleaseBatch
    live_rows: Mapping[bytes, ManifestRow]
    arrivals: Sequence[dict[str, Any]] | None
    images: Sequence[_Image]
    replaced: Mapping[bytes, Sequence[bytes]]
    """Slot to publish -> the live slots whose image goes with that."""
    rules: DuplicateRules

    @classmethod
    def read(
        cls,
        store: ObjectStore,
        tables: TableStore,
        batch: ReleaseBatch,
        live_rows: Mapping[bytes, ManifestRow],
        arrivals: Sequence[dict[str, Any]] | None,
    ) -> "_Comparison":
        """Read the batch's images, and the duplicate rules of its frozen policy."""
        images = _read_images(store, batch)
        rules = Policy.model_validate(read_json(store, layout.RunFiles(batch.run_id).policy)).duplicates
        # Views of one SKU are not weighed: not all of them are here.
        rules = rules.model_copy(update={"view_colour": None, "view_extent": None})
        return cls(store, tables, batch, live_rows, arrivals, images, _find_replaced(batch, images), rules)

    def find_refused(self, refused: frozenset[WithdrawalKey]) -> frozenset[WithdrawalKey]:
        """Return the images that resemble one that is shown, where `refused` ones are not published."""
        compared = [(image, candidate) for image in self.images if (candidate := image.candidate(refused)) is not None]
        candidates, staying = [candidate for _, candidate in compared], self._find_staying(refused)
        if self.arrivals is None:
            verdicts = self._compare_with_all(candidates, staying)
        else:
            verdicts = self._compare_with_arrivals(candidates, self.arrivals, staying)
        return frozenset(
            withdrawal_key(row)  # type: ignore[arg-type]
            for (image, _), verdict in zip(compared, verdicts, strict=True)
            if verdict.verdict.decision != "PASS"
            for row in image.decisions
        )

    def _find_staying(self, refused: frozenset[WithdrawalKey]) -> list[dict[str, Any]]:
        """Return the live rows that the batch does not replace after all."""
        rows = (row for image in self.images for row in image.decisions if withdrawal_key(row) in refused)  # type: ignore[arg-type]
        slots = (slot for row in rows for slot in self.replaced[row["slot_id"]])
        return [dict(self.live_rows[slot]) for slot in slots if slot in self.live_rows]

    def _compare_with_arrivals(
        self,
        candidates: Sequence[DuplicateCandidate],
        arrivals: Sequence[dict[str, Any]],
        staying: Sequence[dict[str, Any]],
    ) -> list[DuplicateVerdict]:
        arrived = {row["slot_id"] for row in arrivals}
        rows = [*arrivals, *(row for row in staying if row["slot_id"] not in arrived)]
        photos = {row["slot_id"]: kept_photo_sha(row["kept"]) for row in rows}
        codes = find_fingerprints(self.store, rows)
        shown = [PublishedImage(**row, photo_sha=photos[row["slot_id"]]) for row in codes]
        return judge_duplicates(candidates, shown, (), find_pairs_against(candidates, shown, self.rules), self.rules)

    def _compare_with_all(
        self, candidates: Sequence[DuplicateCandidate], staying: Sequence[dict[str, Any]]
    ) -> list[DuplicateVerdict]:
        going = {slot for slots in self.replaced.values() for slot in slots} - {row["slot_id"] for row in staying}
        going |= {
            row["slot_id"]
            for row in self.batch.retired.to_pylist()
            if _shows(self.live_rows, row["slot_id"], row["live_file_sha"])
        }
        slots = pa.array(sorted(going), pa.binary())
        fingerprints, _ = open_published(self.store, self.tables, self.batch.catalogue, slots)
        _, shown, against = find_near_duplicates(candidates, fingerprints, self.rules)
        return judge_duplicates(candidates, shown, (), against, self.rules)


def _find_arrivals(tables: TableStore, batch: ReleaseBatch, base: int) -> list[dict[str, Any]] | None:
    """Return the live rows at `base` whose image came since the plan; None where that is no longer stored."""
    table, planned = layout.manifest_table(batch.catalogue), batch.base_version or 0
    commits = [commit for commit in tables.history(table, after=planned) if planned < commit.version <= base]
    if len(commits) < base - planned:
        return None  # a sweep has cleaned the log
    came: set[tuple[bytes, bytes]] = set()
    try:
        for version in sorted(commit.version for commit in commits if commit.changes_data):
            changes = tables.changes(table, version)
            was = _shown_by(changes, ("delete", "update_preimage"))
            came |= _shown_by(changes, ("insert", "update_postimage")) - was
    except TableError:
        return None  # a sweep has deleted a version's files
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


def _find_moved(images: Iterable[_Image], live_rows: Mapping[bytes, ManifestRow]) -> frozenset[WithdrawalKey]:
    """Return what is not published in any case: its slot shows another image than the one it was planned against."""
    return frozenset(
        withdrawal_key(row)  # type: ignore[arg-type]
        for image in images
        for row in image.decisions
        if not _shows(live_rows, row["slot_id"], row["live_file_sha"])
    )


def _find_replaced(batch: ReleaseBatch, images: Iterable[_Image]) -> dict[bytes, list[bytes]]:
    """Return slot to publish -> the live slots that go with that: itself, another variant's, one under another SKU."""
    replaced = {row["slot_id"]: [row["slot_id"]] for image in images for row in image.decisions}
    for row in [*batch.replaced.to_pylist(), *batch.renamed.to_pylist()]:
        if row["slot_id"] in replaced:
            replaced[row["slot_id"]].append(row["live_slot_id"])
    return replaced


def _shows(live_rows: Mapping[bytes, ManifestRow], slot_id: bytes, file_sha: bytes | None) -> bool:
    return (live_rows[slot_id]["file_sha"] if slot_id in live_rows else None) == file_sha
