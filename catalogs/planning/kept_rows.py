"""Kept rows: the rows of a batch that name photos, and what each of their views may use.

Inputs: a recipe, a `PhotoResolver`, the rows of a batch. Outputs: the rows by the shape of their slots, with a column
of tokens for each view, from which source digests and requests are made; counts and warnings of the whole plan.

The photos of all rows are resolved, unchanged ones too, since a file may change under its name.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from catalogs.ingest.overrides import parse_whole_number
from catalogs.ingest.photo_fields import PHOTO, PHOTO_ALIAS, photo_field, photo_fields
from catalogs.ingest.row_warnings import RowWarnings
from catalogs.ingest.rows import BatchRows
from catalogs.ingest.source_rows import select_source_rows
from catalogs.planning.resolved_photos import (
    MAX_PHOTOS_A_CELL,
    PhotoResolver,
    refusals,
    resolve_cells,
    share_candidates,
    usable_photos,
)
from catalogs.planning.slot_shapes import SlotShape, group_rows_by_shape
from catalogs.recipe.effective_recipe import photos_column
from catalogs.recipe.schema import Recipe

_WITHOUT_EFFECT = {
    "prompt": "prompt has no effect in a row with a photo, whose product is kept and not generated",
    "seed": "seed has no effect in a row with a photo, whose product is kept and not generated",
}
_ONE_IMAGE = "num_images counts as 1 in a row with a photo: further images of a view would be the same"
_SURPLUS = f"a photo cell names more than {MAX_PHOTOS_A_CELL} photos; the first {MAX_PHOTOS_A_CELL} are looked at"


@dataclass
class UnusableReason:
    """Slots of which a photo cannot be used for this reason; `waiting` have no other photo. The first of them."""

    slots: int
    waiting: int
    row: int
    sku: str


@dataclass
class KeptRows:
    """The rows with photos of one plan; `slots` counts what they ask for, by mode, planned anew or not."""

    recipe: Recipe
    resolver: PhotoResolver
    slots: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, UnusableReason] = field(default_factory=dict)
    row_warnings: RowWarnings = field(default_factory=RowWarnings)

    def group_rows(self, rows: BatchRows) -> dict[SlotShape, list[int]]:
        """Return the positions of a batch's rows by shape; rows with photos have their views' tokens from now on."""
        shapes = group_rows_by_shape(self.recipe, rows)
        kept = {shape: positions for shape, positions in shapes.items() if shape.mode}
        if kept:
            self._add_candidates(rows, kept)
            for shape, positions in kept.items():
                self._warn(rows, shape, positions)
        return shapes

    def select_source_rows(self, table: pa.Table, positions: Collection[int]) -> pa.Table:
        """Return these rows of a batch as they were read, without what may be secret in a photo's address."""
        return select_source_rows(table, positions, photo_fields(self.recipe))

    def document(self) -> dict[str, Any]:
        """Return the counts as plain values; nothing for a catalogue without photos."""
        if not self.slots:
            return {}
        reasons = {reason: vars(found) for reason, found in sorted(self.reasons.items())}
        return {"slots": dict(self.slots), "reasons": reasons}

    def warnings(self) -> list[str]:
        """Return what is doubtful in rows with photos, and the cutters that the recipe names and nobody has."""
        return [*self.row_warnings.sentences(), *self._cutter_warnings()]

    def _add_candidates(self, rows: BatchRows, kept: Mapping[SlotShape, Sequence[int]]) -> None:
        tokens = self._resolve(rows)
        nothing = [""] * rows.table.num_rows
        own, shared, other = tokens.get, tokens.get(PHOTO, nothing), tokens.get(PHOTO_ALIAS, nothing)
        by_view: dict[str, list[str]] = {view: [*nothing] for shape in kept for view in shape.views}
        for shape, positions in kept.items():
            columns = [own(photo_field(view), nothing) for view in shape.views]
            targets = [by_view[view] for view in shape.views]
            self.slots[shape.mode] += len(positions) * len(targets)
            for position in positions:
                found = share_candidates(shared[position] or other[position], [column[position] for column in columns])
                for target, text in zip(targets, found, strict=True):
                    target[position] = text
                    if "!" in text:
                        self._count(rows, position, text)
        for view, texts in by_view.items():
            rows.add_column(photos_column(view), texts)

    def _resolve(self, rows: BatchRows) -> dict[str, list[str]]:
        settings, tokens = self.recipe.photo, {}
        for name in photo_fields(self.recipe):
            if name in rows.table.column_names:
                separator = settings.separator if settings is not None else None
                tokens[name], surplus = resolve_cells(rows.table[name], self.resolver, separator)
                if surplus:  # named by its SKU: a photo's address may hold a secret
                    skus = rows.column("sku")
                    self.row_warnings.add(_SURPLUS, [(skus[at], rows.row_number(at)) for at in surplus])
        return tokens

    def _count(self, rows: BatchRows, position: int, tokens: str) -> None:
        waits = not usable_photos(tokens)
        for reason in refusals(tokens):
            found = self.reasons.get(reason)
            if found is None:
                sku = rows.column("sku")[position]
                found = self.reasons[reason] = UnusableReason(0, 0, rows.row_number(position), sku)
            found.slots += 1
            found.waiting += waits

    def _warn(self, rows: BatchRows, shape: SlotShape, positions: Sequence[int]) -> None:
        """Warn of what these rows ask for and do not get."""
        for name, sentence in _WITHOUT_EFFECT.items():
            if name in rows.table.column_names:
                column = rows.column(name)
                found = [(column[at], rows.row_number(at)) for at in positions if column[at]]
                self.row_warnings.add(sentence, found)
        of_recipe = self.recipe.resolve_rule("num_images", shape.category, shape.variant) or 1
        column = rows.column("num_images")
        if of_recipe > 1 or "num_images" in rows.table.column_names:
            asked = ((at, parse_whole_number(column[at]) or of_recipe) for at in positions)
            self.row_warnings.add(_ONE_IMAGE, [(str(count), rows.row_number(at)) for at, count in asked if count > 1])

    def _cutter_warnings(self) -> list[str]:
        missing: dict[str, None] = {}
        for mode in self.slots:
            rules = (self.recipe.photo_rule(category, variant) for category, variant in self._rule_places())
            named = (name for rule in rules if rule.mode == mode for name in rule.cutters)
            missing |= dict.fromkeys(name for name in named if name not in self.resolver.cutters)
        if not missing or not self.resolver.cutters:
            return []
        return [
            f"The recipe's photo.cutters name {', '.join(missing)}, which this machine does not have: what"
            f" {', '.join(self.resolver.cutters)} finds alone waits for a person. Install it, or take it out"
        ]

    def _rule_places(self) -> list[tuple[str, str]]:
        return [(category, variant) for category in ("", *self.recipe.categories) for variant in self.recipe.variants]
