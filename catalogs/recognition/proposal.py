"""Recipe proposal: what a recipe for a source should say, taken from its header and its first rows.

Inputs: the source's columns, the texts of its first rows, and the languages found in them. Outputs: a `RecipeProposal`:
the recipe's fields, why each column was chosen, and what was not found or is doubtful. A vendor's export is recognised
by its header (`export_kinds`); any other table is judged column by column (`column_choice`). It reads no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalogs.errors import CatalogueError
from catalogs.ingest.column_mapping import placeholders
from catalogs.recipe.row_settings import alternatives
from catalogs.recipe.schema import Recipe
from catalogs.recognition.column_choice import FIELDS, FieldChoice, choose_columns
from catalogs.recognition.column_names import language_of, split_locale
from catalogs.recognition.column_profiles import ColumnProfile, profile
from catalogs.recognition.export_kinds import ColumnFinder, ExportKind, RecognisedExport, recognise
from catalogs.recognition.unfit_overrides import unfit_overrides

Values = Mapping[str, Sequence[str]]
_ALTERNATIVES = frozenset({"sku", "title"})
"""Fields that are read from the first filled of several columns: each row needs one. Others take the best column."""


@dataclass(frozen=True)
class SourceSample:
    """A source's columns in their order with the texts of its first rows, wholly empty rows left out.

    Columns of lists and records are in `header` alone; a path into one is a column.
    """

    columns: tuple[str, ...]
    values: Values
    header: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        """Return the number of rows."""
        return len(self.values[self.columns[0]]) if self.columns else 0

    def profiles(self) -> dict[str, ColumnProfile]:
        """Return the profile of each column."""
        return {column: profile(self.values[column]) for column in self.columns}


@dataclass
class RecipeProposal:
    """A recipe's fields with the reasons: `content` is what the file will hold, in its order."""

    extends: str
    kind: ExportKind | None = None
    marks: tuple[str, ...] = ()
    choices: list[FieldChoice] = field(default_factory=list)
    content: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """Dotted field of the recipe -> why it is there: a comment of the file."""
    doubts: list[str] = field(default_factory=list)
    not_found: tuple[str, ...] = ()


def propose(sample: SourceSample, base: Mapping[str, Recipe], languages: Sequence[str] = ()) -> RecipeProposal:
    """Return the proposal for a source; `base` holds the built-in recipes by name, each the newest of its name.

    `languages` are those of the titles. Raises `CatalogueError` where no column can be a SKU or a title.
    """
    found = recognise(sample.header or sample.columns)
    recognised = found[0] if found else None
    proposal = _of_kind(sample, recognised) if recognised else _of_columns(sample)
    recipe = base[proposal.extends]
    _say_choices(proposal, recipe, sample)
    _add_rows(proposal, sample, recognised.kind if recognised else None, recipe)
    _leave_out_overrides(proposal, sample, recipe)
    _add_languages(proposal, languages, recipe)
    if len(found) > 1 and len(found[1].marks) == len(found[0].marks):
        proposal.doubts.append(f"it may also be an export of {found[1].kind.name}")
    proposal.doubts += recognised.kind.remarks if recognised else ()
    return proposal


def _of_kind(sample: SourceSample, recognised: RecognisedExport) -> RecipeProposal:
    kind, profiles = recognised.kind, sample.profiles()
    finder = ColumnFinder(sample.columns, _locales(kind, sample, profiles))
    proposal = RecipeProposal(kind.extends, kind, recognised.marks)
    for name, names in kind.columns.items():
        columns = finder.find_all(names)
        if name not in _ALTERNATIVES:
            columns = tuple(sorted(columns, key=lambda one: -_filled(one, profiles)))[:1]
        filled = [column for column in columns if _filled(column, profiles)]
        languages = tuple(language_of(locale) for one in filled if (locale := finder.locale(one, names)))
        if columns:
            proposal.choices.append(FieldChoice(name, columns, "", languages=languages))
    return proposal


def _of_columns(sample: SourceSample) -> RecipeProposal:
    proposal = RecipeProposal("default", choices=choose_columns(sample.profiles(), sample.values))
    found = {choice.field for choice in proposal.choices}
    missing = [name for name in ("sku", "title") if name not in found]
    if missing:
        raise CatalogueError(
            f"No column looks like a {' or a '.join(missing)}; the source has"
            f" {', '.join(map(repr, sample.columns))}. Write `extends: default@1` and the columns into a recipe"
        )
    proposal.not_found = tuple(name for name in FIELDS if name not in found)
    return proposal


def _locales(kind: ExportKind, sample: SourceSample, profiles: Mapping[str, ColumnProfile]) -> tuple[str, ...]:
    """Return the languages in the order in which a column with a language in its name is taken.

    English comes first, since templates are English, unless another language fills twice as many titles.
    """
    filled: dict[str, float] = {}
    for column in sample.columns:
        locale = split_locale(column)[1] or next((locale for locale in _prefix_locale(kind, column)), None)
        if locale:
            language = language_of(locale)
            filled[language] = max(filled.get(language, 0.0), profiles[column].filled)
    best = sorted(filled, key=lambda language: -filled[language])
    if best and filled.get("en", 0.0) * 2 >= filled[best[0]]:
        return ("en", *(language for language in best if language != "en"))
    return tuple(best) or ("en",)


def _prefix_locale(kind: ExportKind, column: str) -> list[str]:
    names = [name for name in kind.columns.get("title", ()) if name.startswith("{locale}")]
    locale = ColumnFinder((column,)).locale(column, names)
    return [locale] if locale else []


def _filled(column: str, profiles: Mapping[str, ColumnProfile]) -> float:
    return profiles[column].filled if column in profiles else 0.5  # a path, or a text with columns in it


def present_columns(recipe: Recipe, field: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return what a recipe reads a field from in a source with these columns, the first choice first."""
    choice = recipe.columns.get(field, ())
    return tuple(one for one in alternatives(choice) if all(name in columns for name in placeholders(one)))


def _say_choices(proposal: RecipeProposal, recipe: Recipe, sample: SourceSample) -> None:
    """Write the columns that the built-in recipe does not read by itself."""
    columns: dict[str, Any] = {}
    for choice in proposal.choices:
        value = choice.columns[0] if len(choice.columns) == 1 else list(choice.columns)
        if present_columns(recipe, choice.field, sample.columns) != choice.columns:
            columns[choice.field] = value
            if len(choice.columns) > 1:
                proposal.reasons[f"columns.{choice.field}"] = "the first that is filled"
        if choice.doubt:
            proposal.doubts.append(f"{choice.field} is read from {' or '.join(choice.columns)}: {choice.doubt}")
    if columns:
        proposal.content["columns"] = columns
    if options := [name for name in columns if name.startswith("option")]:
        proposal.content["optional"] = options
        proposal.reasons["optional"] = "the export has these columns only while a product has so many options"


def _add_rows(proposal: RecipeProposal, sample: SourceSample, kind: ExportKind | None, recipe: Recipe) -> None:
    """Write which rows are products, and where variants take what they leave empty."""
    if kind is None:
        return
    finder = ColumnFinder(sample.columns)
    known = {*recipe.columns, *(choice.field for choice in proposal.choices)}
    only = {}
    for rule in kind.only:
        column = next(iter(finder.find_all(rule.columns)), None)
        if column is None:
            continue
        seen = {value.strip().casefold() for value in sample.values[column]}
        if seen.isdisjoint(value.casefold() for value in rule.values):
            doubt = f"{column} has none of {', '.join(rule.values)} in the first rows, so every row is read"
            proposal.doubts.append(doubt)
            continue
        only[column] = list(rule.values)
        proposal.reasons[f"only.{column}"] = f"leaves out {rule.left_out}"
    if only:
        proposal.content["only"] = only
    if kind.inherit and (by := next(iter(finder.find_all(kind.inherit.by)), None)):
        inherit: dict[str, Any] = {"by": by}
        if parents := finder.find_all(kind.inherit.origin):
            inherit["from"] = list(parents)
        proposal.content["inherit"] = inherit | {"fields": [name for name in kind.inherit.fields if name in known]}
        proposal.reasons["inherit"] = "variants take from their parent what they leave empty"
    if columns := finder.find_all(kind.fill_down):
        proposal.content["fill_down"] = list(columns)
        proposal.reasons["fill_down"] = "rows without these belong to the row above"
    if kind.split:
        proposal.content["split"] = dict(kind.split)
        proposal.reasons["split"] = "one cell holds the SKUs of several variants"


def _leave_out_overrides(proposal: RecipeProposal, sample: SourceSample, recipe: Recipe) -> None:
    """Take out the overrides of the built-in recipe that mean something else in this source: a width in centimetres."""
    for name, (column, example) in unfit_overrides(recipe, sample.values).items():
        proposal.content.setdefault("columns", {})[name] = None
        proposal.reasons[f"columns.{name}"] = f"{column!r} holds {example!r} here, which is not meant for the picture"


def _add_languages(proposal: RecipeProposal, languages: Sequence[str], recipe: Recipe) -> None:
    named = [language for choice in proposal.choices if choice.field == "title" for language in choice.languages]
    wanted = tuple(dict.fromkeys([*recipe.languages, *named, *languages]))
    if wanted != recipe.languages:
        proposal.content["languages"] = list(wanted)
        proposal.reasons["languages"] = "prompts in others wait for a person"
