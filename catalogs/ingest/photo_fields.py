"""Photo fields: which fields of a catalogue name a row's photos, and the columns that they are read from.

Inputs: a recipe, a source's columns, a field's raw text. Outputs: the choices of columns with the photos' own; clean
references. `photo` is the row's photo, or several; `reference_image` is another name for it; `photo_<view>` is a
view's.

A column of exactly such a name is read although the recipe does not map it, unless its `photo` has the mode `ignore`:
then none of them is read. A reference names a file, so its text stays as it is but for spaces round it: another Unicode
form would be another file.
"""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.values.placeholder_words import without_placeholders
from catalogs.recipe.photo_rule import IGNORE
from catalogs.recipe.row_settings import ColumnChoice
from catalogs.recipe.schema import Recipe

PHOTO, PHOTO_ALIAS = "photo", "reference_image"
LIST_BREAK = "\x1e"
"""What stands between the entries of a list column's cell: ASCII's record separator, which no reference may hold."""
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1d\x1f\x7f]"


def photo_field(view: str) -> str:
    """Return the field that names a view's photos."""
    return f"{PHOTO}_{view.replace('-', '_')}"


def fields_of_view(view: str) -> tuple[str, str, str]:
    """Return the fields that a view's photos may be named in: the first that is filled counts."""
    return photo_field(view), PHOTO, PHOTO_ALIAS


def photo_fields(recipe: Recipe) -> tuple[str, ...]:
    """Return the fields that name photos, of the row and of each view; none where the recipe ignores photos."""
    return () if _ignores(recipe) else _names(recipe)


def column_choices(recipe: Recipe, available: Collection[str]) -> dict[str, ColumnChoice]:
    """Return what each field is read from: the recipe's columns, and the source's own columns of photos."""
    if _ignores(recipe):
        return {field: choice for field, choice in recipe.columns.items() if field not in _names(recipe)}
    choices = dict(recipe.columns)
    for field, column in ((PHOTO, PHOTO), (PHOTO_ALIAS, PHOTO_ALIAS), *_columns_of_views(recipe)):
        if field not in choices and column in available:
            choices[field] = column
    return choices


def clean_references(array: pa.Array) -> pa.Array:
    """Return the references of cells as they are, without spaces round them; words for no value are empty."""
    array = pc.utf8_trim_whitespace(pc.fill_null(array, ""))
    if pc.any(pc.match_substring_regex(array, _CONTROLS)).as_py():
        array = pc.replace_substring_regex(array, _CONTROLS, "\ufffd")  # no file is named so
    return without_placeholders(array)


def _ignores(recipe: Recipe) -> bool:
    return recipe.photo is not None and recipe.photo.mode == IGNORE


def _names(recipe: Recipe) -> tuple[str, ...]:
    return tuple(dict.fromkeys((PHOTO, PHOTO_ALIAS, *map(photo_field, recipe.views))))


def _columns_of_views(recipe: Recipe) -> list[tuple[str, str]]:
    """Return field and column of each view: `photo_three_quarter`, or `photo_three-quarter`."""
    fields = [(photo_field(view), view) for view in recipe.views]
    return [pair for field, view in fields for pair in ((field, field), (field, f"{PHOTO}_{view}"))]
