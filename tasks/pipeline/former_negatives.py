"""Former negatives: the negative prompts of the recipes that made what is live.

Inputs: the store, the manifest at the plan's version. Outputs: template texts, each once. Versions before this one put
a negative prompt into a request's key at guidance 0, where the model never sees it; a recipe that drops its negative,
as the plan advises, must not make the catalogue again. The runs that made the live rows have their recipe in their
folders, as long as a sweep keeps these.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from catalogs import layout
from infra.errors import DocumentUnreadable, ObjectMissing
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json

MAX_RUNS = 50
"""The newest runs that made live rows are asked: one small document each, and only where a request may have moved."""


def read_former_negatives(store: ObjectStore, tables: TableStore, manifest: str, version: int | None) -> Sequence[str]:
    """Return the distinct negative templates, those of the newest run first."""
    runs: set[str] = set()
    if version is not None:
        for rows in tables.batches(manifest, ("run_id",), version=version):
            runs.update(pc.unique(rows.column("run_id")).to_pylist())
    texts: dict[str, None] = {}
    for run_id in sorted(runs, reverse=True)[:MAX_RUNS]:
        try:
            recipe = read_json(store, layout.RunFiles(run_id).recipe)
        except (ObjectMissing, DocumentUnreadable):
            continue  # swept, or damaged: its rows are compared by what is known elsewhere
        texts.update(dict.fromkeys(_negatives(recipe)))
    return list(texts)


def _negatives(recipe: Mapping[str, Any]) -> list[str]:
    """Return the negative templates of a stored recipe: of its defaults, its categories and its variants."""
    groups = [recipe.get("defaults"), *_values(recipe.get("categories")), *_values(recipe.get("variants"))]
    found = (rules.get("negative") for rules in groups if isinstance(rules, Mapping))
    return [text for text in found if isinstance(text, str) and text]


def _values(part: object) -> list[Any]:
    return list(part.values()) if isinstance(part, Mapping) else []
