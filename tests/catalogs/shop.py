"""A small shop to try recipes on: a recipe changed by dotted names, and raw rows as a source would give them."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pyarrow as pa

from catalogs.ingest.row_validation import Reject, RowValidator, collect_inherited_values
from catalogs.recipe.schema import Recipe

FIELDS = (
    "sku", "title", "category", "color", "description", "prompt", "negative_prompt", "seed", "width", "height", "model",
    "quality", "priority", "views", "num_images", "created_at", "deadline", "reference_image",
)  # fmt: skip

CONTENT: Mapping[str, Any] = {
    "columns": {name: name for name in FIELDS},
    "optional": list(FIELDS[2:]),
    "html": ["description"],
    "engine": "stub",
    "models": {"stub": {"family": "stub", "precision": "fp32"}, "other": {"family": "stub", "precision": "bf16"}},
    "tiers": {"standard": {"width": 512, "height": 512}, "high": {"width": 1024, "height": 1024, "attempts": 4}},
    "views": {"front": "front view", "side": "seen from the side"},
    "defaults": {
        "views": ["front"],
        "template": "Photo of {{ title }}{% if color %}, {{ color }}{% endif %}, {{ phrase }}",
    },
    "categories": {
        "mugs": {"template": "Photo of a mug, {{ title }}"},
        "boots": {"views": ["front", "side"], "template": "Pair of {{ title }}, {{ phrase }}"},
    },
}

GONE = object()


def content_with(changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the shop's recipe with some fields changed, by dotted name; `GONE` takes one out."""
    content: dict[str, Any] = deepcopy(dict(CONTENT))
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return content


def recipe_with(changes: Mapping[str, object] | None = None) -> Recipe:
    return Recipe.model_validate(content_with(changes or {}))


RECIPE = recipe_with()


def raw(rows: Sequence[Mapping[str, object]], columns: Iterable[str] | None = None) -> pa.RecordBatch:
    """Return rows as text columns, null where a row says nothing."""
    names = list(columns) if columns is not None else list(dict.fromkeys(name for row in rows for name in row))
    arrays = [pa.array([row.get(name) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def ingested(
    batch: pa.RecordBatch, recipe: Recipe = RECIPE, rows_a_batch: int | None = None
) -> tuple[pa.Table, list[Reject], RowValidator]:
    """Return the accepted rows, the rejects and the ingest of one source, read in batches of so many rows."""
    step = rows_a_batch or max(batch.num_rows, 1)
    parts = [(start + 1, batch.slice(start, step)) for start in range(0, batch.num_rows, step)]
    ingest = RowValidator(recipe, batch.schema.names)
    ingest.inherited = collect_inherited_values(recipe, batch.schema.names, (part for _, part in parts))
    found = [ingest.validate_batch(first, part.select(ingest.needed_columns)) for first, part in parts]
    tables = [one.table for one in found]
    rejects = [reject for one in found for reject in one.rejects]
    return pa.concat_tables(tables) if tables else pa.table({}), rejects, ingest


def accepted(rows: Sequence[Mapping[str, object]], recipe: Recipe = RECIPE) -> pa.Table:
    """Return rows that must all be accepted."""
    names = dict.fromkeys(["sku", "title", *(name for row in rows for name in row)])
    table, rejects, _ = ingested(raw(rows, names), recipe)
    assert rejects == []
    return table
