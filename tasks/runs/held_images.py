"""Held images: what a held batch would publish, a page at a time, each beside the image that it would replace.

Inputs: a held run's decisions, the live release. Outputs: `HeldImage`s in the order of SKUs. The decisions stay in
Arrow, and only a page's rows become Python objects; the live rows are found for one page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.answers.answer import ImageTarget
from catalogs.runs.job import Run
from catalogs.slot_states import SlotState
from infra.interfaces import ObjectStore, TableStore
from tasks.runs.held_decisions import read_decisions

_COLUMNS = ("slot_id", "sku", "view", "variant", "index", "kind", "request_key", "image_key", "finish_digest",
            "finished_sha", "file_sha", "live_file_sha", "width", "height")  # fmt: skip
_LIVE_COLUMNS = ("slot_id", "object", "file_sha")


@dataclass(frozen=True)
class HeldImage:
    """One slot's image in a held batch. `live_key` and `live_sha` are of the image that it would replace."""

    slot: str
    """The slot's id, as hex."""
    sku: str
    view: str
    variant: str
    index: int
    target: ImageTarget
    """What an answer about it is bound to."""
    key: str
    file_sha: bytes
    width: int
    height: int
    live_key: str = ""
    live_sha: bytes = b""

    def source(self, which: str) -> tuple[str, bytes]:
        """Return key and file sha of the `new` or the `live` picture; an empty key for any other word."""
        return {"new": (self.key, self.file_sha), "live": (self.live_key, self.live_sha)}.get(which, ("", b""))


class HeldImages:
    """The images that one held batch would publish."""

    def __init__(self, store: ObjectStore, tables: TableStore, run: Run) -> None:
        decisions = read_decisions(store, run)
        rows = decisions.filter(pc.equal(decisions["state"], SlotState.PUBLISH)).select(_COLUMNS)
        self._rows = rows.sort_by([(name, "ascending") for name in ("sku", "view", "variant", "index")])
        self._tables, self._table = tables, layout.manifest_table(run.catalogue)

    def __len__(self) -> int:
        """Return how many slots it would publish."""
        return int(self._rows.num_rows)

    @property
    def replacing(self) -> int:
        """Return how many of them show another image now."""
        return int(pc.sum(pc.is_valid(self._rows["live_file_sha"])).as_py() or 0)

    @property
    def rows(self) -> pa.Table:
        """Return the columns that answers are looked up by."""
        return self._rows

    def page(self, start: int, count: int) -> list[HeldImage]:
        """Return some images from a position on."""
        return self._build(self._rows.slice(start, count))

    def find(self, slots: Iterable[bytes]) -> list[HeldImage]:
        """Return the images of some slots; slots that the batch does not publish are left out."""
        return self._build(self._rows.filter(pc.is_in(self._rows["slot_id"], pa.array(list(slots), pa.binary()))))

    def _build(self, rows: pa.Table) -> list[HeldImage]:
        live = self._find_live(rows)
        return [_held_image(row, live.get(row["slot_id"])) for row in rows.to_pylist()]

    def _find_live(self, rows: pa.Table) -> dict[bytes, Mapping[str, Any]]:
        slots = rows.filter(pc.is_valid(rows["live_file_sha"]))["slot_id"].to_pylist()
        if not slots or self._tables.version(self._table) is None:
            return {}
        found = self._tables.find_rows(self._table, _LIVE_COLUMNS, ("slot_id", slots))
        return {row["slot_id"]: row for row in found.to_pylist()}


def _held_image(row: Mapping[str, Any], live: Mapping[str, Any] | None) -> HeldImage:
    name = (row["sku"], row["view"], row["variant"], row["index"])
    image = (row["request_key"], row["image_key"], row["finish_digest"], row["finished_sha"])
    return HeldImage(
        row["slot_id"].hex(),
        *name,
        ImageTarget(*image, state=SlotState.PUBLISH.value, sku=name[0], view=name[1], variant=name[2], index=name[3]),
        layout.finished_image(row["image_key"].hex(), row["finish_digest"]),
        row["file_sha"],
        row["width"],
        row["height"],
        live["object"] if live else "",
        live["file_sha"] if live else b"",
    )
