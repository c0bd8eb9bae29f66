"""Row selection: which rows of a source are products, and what they take from the row above.

Inputs: the text columns of a batch, in the source's order. Outputs: the same columns with values filled down, and a
mask of the rows to read. Rows that are not read are ignored and counted, never rejected: rows that only add an image,
drafts, other store views, and rows in which every column that the recipe reads is empty.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.column_mapping import field_values, usable_alternatives
from catalogs.ingest.row_warnings import RowWarnings
from catalogs.ingest.values.text_cleaning import clean_text
from catalogs.recipe.row_settings import alternatives
from catalogs.recipe.schema import Recipe

MAX_SKUS_A_CELL = 500
"""SKUs of one cell; a listing of a product in all of its sizes and colours has a few dozen."""

Mask = npt.NDArray[np.bool_]


class FillDown:
    """Fills rows that belong to the row above; it keeps the last row of one batch for the next."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._last = dict.fromkeys(columns, "")

    def fill(self, text: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """Return the columns with the empty cells of dependent rows filled. A blank row depends on none."""
        if not self._columns:
            return text
        length = len(text[self._columns[0]])
        if not length:
            return text
        blank = is_blank(text, length)
        starts = np.append(True, is_filled(text[self._columns[0]]))
        filled = dict(text)
        for name in self._columns:
            cells = pa.concat_arrays([pa.array([self._last[name]], pa.string()), pc.fill_null(text[name], "")])
            source = np.append(True, is_filled(text[name])) | starts
            above = np.maximum.accumulate(np.where(source, np.arange(length + 1), 0))
            taken = cells.take(pa.array(above))
            self._last[name] = taken[length].as_py()
            filled[name] = pc.if_else(pa.array(blank), text[name], taken[1:])
        return filled


def product_rows(
    recipe: Recipe, text: Mapping[str, pa.Array], parents: Mapping[str, pa.Array], rows: pa.Array, left_out: RowWarnings
) -> Mask:
    """Return which rows to read. `parents` holds what a row's parent has in the columns of `only`, where it has one.

    `left_out` learns the values for which `only` leaves rows out, by their columns.
    """
    length = len(rows)
    chosen = ~is_blank(text, length)
    if recipe.ignore_when_empty:
        filled = np.zeros(length, bool)
        for choice in recipe.ignore_when_empty:
            for name in usable_alternatives(choice, text):
                filled |= is_filled(field_values(name, text))
        chosen &= filled
    for name, values in recipe.only.items():
        if name in text:
            cells = clean_text(text[name])
            if name in parents:
                cells = pc.if_else(pc.equal(cells, ""), parents[name], cells)
            known = pa.array([value.strip().lower() for value in values], pa.string())
            folded = pc.utf8_lower(cells)
            kept = np.asarray(pc.is_in(folded, known))
            odd = pa.array(chosen & ~kept)
            left_out.add(name, zip(cells.filter(odd).to_pylist(), rows.filter(odd).to_pylist(), strict=True))
            chosen &= kept
    return chosen


def cells_of_several(recipe: Recipe, text: Mapping[str, pa.Array], skus: pa.Array) -> Mask:
    """Return the cells that may hold several SKUs: those of the first column that a recipe reads SKUs from.

    Where it falls back on the title (`[SKU, Title]`), a title with a comma is one name.
    """
    first = alternatives(recipe.columns["sku"])[0]
    if first not in usable_alternatives(recipe.columns["sku"], text):
        return np.zeros(len(skus), bool)
    return np.asarray(pc.equal(pc.fill_null(skus, ""), pc.fill_null(field_values(first, text), "")))


def split_skus(skus: pa.Array, separator: str, several: Mask | None = None) -> tuple[pa.Array, pa.Array]:
    """Return each SKU of cells that hold several (any may by default), once a cell, and the positions of their rows.

    A cell of more than `MAX_SKUS_A_CELL` stays whole, and is rejected for its length.
    """
    names: list[str] = []
    places: list[int] = []
    for place, cell in enumerate(pc.fill_null(skus, "").to_pylist()):
        splits = separator in cell and (several is None or several[place])
        parts = list(dict.fromkeys(part.strip() for part in cell.split(separator))) if splits else [cell]
        if len(parts) > MAX_SKUS_A_CELL:
            parts = [cell]
        parts = [part for part in parts if part] or [""]
        names += parts
        places += [place] * len(parts)
    return pa.array(names, pa.string()), pa.array(places, pa.int64())


def is_blank(text: Mapping[str, pa.Array], length: int) -> Mask:
    """Tell for each row whether all of these columns are empty."""
    blank = np.ones(length, bool)
    for array in text.values():
        if not blank.any():
            break
        blank &= ~is_filled(array)
    return blank


def is_filled(array: pa.Array) -> Mask:
    """Tell for each cell whether it holds more than spaces."""
    return np.asarray(pc.not_equal(pc.utf8_trim_whitespace(pc.fill_null(array, "")), ""))
