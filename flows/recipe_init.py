"""Recipe init: a recipe for a source that was never seen, with the prompts that it gives for the first rows.

Inputs: a source, and how to read it. Outputs: a `NewRecipe`: the recipe's text, why each column was chosen, and a dry
run of it over the first rows. It writes no recipe: the command does, once this has succeeded.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalogs.errors import CatalogueError
from catalogs.ingest.column_mapping import placeholders
from catalogs.ingest.photo_fields import column_choices
from catalogs.planning.plan import MAX_REPORTED_REJECTS
from catalogs.recipe.built_in import built_in_recipe_names, newest_number
from catalogs.recipe.loading import built_in_recipe, load_recipe
from catalogs.recipe.row_settings import alternatives
from catalogs.recipe.schema import Recipe
from catalogs.recipe.source_settings import SourceSettings, parse_read_as
from catalogs.recognition.export_kinds import recognise
from catalogs.recognition.proposal import RecipeProposal, present_columns, propose
from catalogs.recognition.recipe_text import recipe_text
from flows.recipe_preview import RecipePreview, preview_recipe
from infra.errors import UnreadableSource
from infra.settings import Settings
from infra.sources import Source, open_source
from infra.sources.source_options import SourceOptions
from tasks.recipes.source_sample import ReadSample, found_languages, read_sample

_PATH = re.compile(r"[.\[]")
"""Where a path into a nested column begins."""
HEADER_ROWS = range(2, 7)
"""Rows of a file in which a vendor's header is looked for where the first one is none: Amazon's stands in row 3."""


@dataclass(frozen=True)
class NewRecipe:
    """A recipe that was made for a source: its text, the proposal behind it, and a dry run over the first rows."""

    text: str
    extends: str
    recipe: Recipe
    proposal: RecipeProposal
    sample: ReadSample
    notes: tuple[str, ...]
    preview: RecipePreview

    def document(self) -> dict[str, Any]:
        """Return what `packshot recipe init --json` prints."""
        kind = self.proposal.kind
        return {
            "recipe": self.text,
            "extends": self.extends,
            "export": None
            if kind is None
            else {"name": kind.name, "format": kind.source, "marks": self.proposal.marks},
            "source": self.notes,
            "fields": self._fields(),
            "not_found": self.proposal.not_found,
            "not_read": self._unread_columns(),
            "doubts": self.proposal.doubts,
            "whole": self.sample.is_whole,
            "rows": asdict(self.preview.plan.rows) | {"damaged": len(self.sample.damaged)},
            "rejects": self._rejects(),
            "warnings": self.preview.plan.warnings,
            "images": self.preview.plan.images,
            "prompts": self.preview.prompts,
        }

    def _rejects(self) -> list[dict[str, Any]]:
        damaged = [{"row": row.number, "sku": None, "column": "", "reason": row.reason} for row in self.sample.damaged]
        return [*damaged, *map(asdict, self.preview.plan.rejects)][:MAX_REPORTED_REJECTS]

    def _fields(self) -> list[dict[str, Any]]:
        """Return each field that has a column here, with its columns and why they were chosen."""
        reasons = {choice.field: choice.why for choice in self.proposal.choices}
        fields = []
        for name in self.recipe.columns:
            columns = present_columns(self.recipe, name, self.sample.sample.columns)
            if columns:
                why = reasons.get(name, "" if self.proposal.kind else f"{self.extends} reads it")
                example = self._first_sku() if name == "sku" else self._example(columns)
                fields.append({"field": name, "columns": list(columns), "example": example, "why": why})
        return fields

    def _first_sku(self) -> str:
        return str(self.preview.prompts[0]["sku"]) if self.preview.prompts else ""

    def _example(self, columns: Sequence[str]) -> str:
        """Return the first filled value of a field's columns, as the source has it."""
        values = self.sample.sample.values
        texts = (text.strip() for column in columns for text in values.get(column, ()))
        return next(filter(None, texts), "")

    def _unread_columns(self) -> list[str]:
        named = {part for field in self._fields() for column in field["columns"] for part in placeholders(column)}
        choices = column_choices(self.recipe, self.sample.sample.columns)
        named |= {part for choice in choices.values() for one in alternatives(choice) for part in placeholders(one)}
        inherit = self.recipe.inherit
        by = (*alternatives(inherit.by), *inherit.parent) if inherit else ()
        read = {*named, *(_PATH.split(name)[0] for name in named), *self.recipe.only, *self.recipe.fill_down, *by}
        return [column for column in self.sample.sample.columns if column not in read]


def make_recipe(path: str, read_as: Sequence[str], settings: Settings, prompts: int) -> NewRecipe:
    """Return a recipe for a source, with `prompts` of the prompts that it gives.

    Raises `infra.errors.UnreadableSource` or `CatalogueError` where the source or its first rows cannot be used.
    """
    options = parse_read_as(read_as) or SourceSettings()
    source, options = _open(path, options)
    sample = read_sample(source)
    newest = {name: newest_number(name) for name in built_in_recipe_names()}
    base = {name: built_in_recipe(str(number)) for name, number in newest.items()}
    proposal = propose(sample.sample, base)
    texts = _prompt_texts(proposal, base[proposal.extends], sample)
    proposal = propose(sample.sample, base, found_languages(texts))
    extends, name = str(newest[proposal.extends]), Path(path).name
    preview = preview_recipe(recipe_text(proposal, extends, name), sample.table, settings, prompts)
    if options.chosen:
        proposal.content = {"source": options.chosen, **proposal.content}
    text = recipe_text(proposal, extends, name)
    recipe = load_recipe(text, "the new recipe")
    return NewRecipe(text, extends, recipe, proposal, sample, source.notes, preview)


def _open(path: str, options: SourceSettings) -> tuple[Source, SourceSettings]:
    """Return the source with the settings that it is read by: a vendor's header may stand below other rows."""
    source = open_source(path, SourceOptions(**options.chosen))
    if recognise(source.columns) or options.header_row is not None or not _is_local_text(source, path):
        return source, options
    for row in HEADER_ROWS:
        below = options.model_copy(update={"header_row": row})
        try:
            other = open_source(path, SourceOptions(**below.chosen))
        except (UnreadableSource, CatalogueError):
            continue
        if recognise(other.columns):
            return other, below
    return source, options


def _is_local_text(source: Source, path: str) -> bool:
    """Tell whether a source is a text table on this machine: another one would be downloaded for each try."""
    return "://" not in path and source.row_count() is None


def _prompt_texts(proposal: RecipeProposal, base: Recipe, sample: ReadSample) -> list[str]:
    """Return the texts that reach prompts, by which the catalogue's languages are known."""
    chosen = {choice.field: choice.columns for choice in proposal.choices}
    names = [
        name
        for field in ("title", "description", "prompt")
        for name in chosen.get(field) or present_columns(base, field, sample.sample.columns)
    ]
    return [text for name in names for text in sample.sample.values.get(name, ())]
