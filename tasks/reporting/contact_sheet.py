"""Contact sheet: the slots of a batch that a report shows, each with a thumbnail, refused ones first.

Inputs: the batch (`catalogs.table_schemas.DECISIONS`), the prompts, the staged images, the shop's photos. Outputs:
tiles. An image or a photo that cannot be read becomes a tile without it, and no failure here stops a release.
"""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.photos.kept_summary import summarize_kept
from catalogs.slot_states import SlotState
from catalogs.table_rows import ReportedDecisionRow
from infra.errors import InvalidImage, StoreError
from infra.imaging.thumbnails import make_thumbnail
from infra.interfaces import ObjectStore
from tasks.reporting.photo_copies import PhotoCopies

THUMBNAIL_SIDE = 256

CANDIDATES_PER_TILE = 8
"""Slots considered for each tile, so that a product in eight sizes does not fill the sheet with one image."""

READ_THREADS = 8
"""Images read at once: enough to hide a bucket's latency."""

SHEET_SECTIONS = {
    SlotState.REVIEW: ("Review", "These wait for a person."),
    SlotState.BLOCKED: ("Blocked", "The gates refused these; another seed did not help, or would not."),
    SlotState.FAILED: ("Failed", "No image could be made; the next run tries again while attempts are left."),
    SlotState.PUBLISH: ("Pass", "Every required gate has passed these."),
}
"""The contact sheet's groups, refused slots first: a title and a sentence each."""

SHEET_STATES = tuple(SHEET_SECTIONS)


@dataclass(frozen=True)
class Tile:
    """One slot on the contact sheet. `jpeg` is its thumbnail, empty where there is none; `attempt` counts from 0.

    `link` is the published image's public address, where there is one.
    """

    sku: str
    category: str
    view: str
    variant: str
    index: int
    state: str
    verdict: str
    reasons: tuple[str, ...]
    prompt: str
    attempt: int | None
    jpeg: bytes
    link: str = ""
    mode: str = ""
    """How a shop's product was kept; empty where a model made the whole image."""
    photo: bytes = b""
    """A small copy of the shop's photo whose product it keeps; empty where there is none to show."""


def build_contact_sheet(
    store: ObjectStore,
    decisions: pa.Table,
    prompts: Mapping[bytes, str],
    limit: int = 96,
    links: Mapping[bytes, str] | None = None,
) -> list[Tile]:
    """Return at most `limit` tiles, refused slots first; the order of the batch's rows does not matter.

    Every state gets an equal share of the tiles, and what one does not need goes to the others. Within a state the
    reasons take turns (categories, for published slots), and slots that share an image come last. `prompts` maps
    request keys to texts, and `links` slots to the public address of what they show now.
    """
    positions = {state: pc.indices_nonzero(pc.equal(decisions["state"], state)) for state in SHEET_STATES}
    parts = _allot_tiles({state: len(indices) for state, indices in positions.items()}, limit)
    rows: list[ReportedDecisionRow] = []
    for state in SHEET_STATES:
        rows += _interleave_rows(
            decisions.take(positions[state]), "category" if state == SlotState.PUBLISH else "reasons", parts[state]
        )
    with ThreadPoolExecutor(READ_THREADS, "thumbnails") as threads:
        thumbnails = threads.map(partial(_read_thumbnail, store), rows)
        photos = threads.map(partial(_read_photo, PhotoCopies(store)), rows)
        return [
            _build_tile(row, prompts, jpeg, (links or {}).get(row["slot_id"], ""), photo)
            for row, jpeg, photo in zip(rows, thumbnails, photos, strict=True)
        ]


def _allot_tiles(available: Mapping[str, int], limit: int) -> dict[str, int]:
    parts, left = dict.fromkeys(available, 0), max(0, limit)
    for waiting, state in zip(
        range(len(available), 0, -1), sorted(available, key=lambda name: available[name]), strict=True
    ):
        parts[state] = min(available[state], -(-left // waiting))
        left -= parts[state]
    return parts


def _interleave_rows(rows: pa.Table, column: str, count: int) -> list[ReportedDecisionRow]:
    """Return `count` rows in which the column's values take turns: common values first, then by slot id."""
    if count == 0:
        return []
    values = pc.fill_null(pc.binary_join(rows[column], ", ") if column == "reasons" else rows[column], "")
    counted = {entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()}
    turns: list[tuple[int, int, int, ReportedDecisionRow]] = []
    for position, value in enumerate(sorted(counted, key=lambda name: (-counted[name], name))[:count]):
        group = rows.filter(pc.equal(values, value)).select(list(ReportedDecisionRow.__annotations__))
        first = group.take(pc.sort_indices(group["slot_id"])[: count * CANDIDATES_PER_TILE]).to_pylist()
        seen: Counter[bytes] = Counter()
        for turn, row in enumerate(first):
            seen[row["request_key"]] += 1
            turns.append((seen[row["request_key"]], turn, position, row))
    turns.sort(key=lambda item: item[:3])
    chosen = [row for *_, row in turns[:count]]
    return sorted(chosen, key=lambda row: (row["sku"], row["view"], row["variant"], row["index"]))


def _read_thumbnail(store: ObjectStore, row: ReportedDecisionRow) -> bytes:
    if not row["image_key"] or not row["finish_digest"]:
        return b""
    try:
        data = store.read(layout.finished_image(row["image_key"].hex(), row["finish_digest"]))
        return make_thumbnail(data, THUMBNAIL_SIDE) if sha256(data).digest() == row["file_sha"] else b""
    except (StoreError, InvalidImage):
        return b""


def _read_photo(photos: PhotoCopies, row: ReportedDecisionRow) -> bytes:
    kept = summarize_kept(row["kept"])
    copy = photos.find(kept.photo).jpeg if kept is not None else b""
    return make_thumbnail(copy, THUMBNAIL_SIDE) if copy else b""


def _build_tile(
    row: ReportedDecisionRow, prompts: Mapping[bytes, str], jpeg: bytes, link: str, photo: bytes = b""
) -> Tile:
    kept = summarize_kept(row["kept"])
    return Tile(
        sku=row["sku"] or "",
        category=row["category"] or "",
        view=row["view"] or "",
        variant=row["variant"] or "",
        index=row["index"] or 0,
        state=row["state"] or "",
        verdict=row["verdict"] or "",
        reasons=tuple(row["reasons"] or ()),
        prompt=prompts.get(row["request_key"], ""),
        attempt=row["attempt"],
        jpeg=jpeg,
        link=link if row["state"] == SlotState.PUBLISH else "",
        mode=kept.mode_words if kept is not None else "",
        photo=photo,
    )
