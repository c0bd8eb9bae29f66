"""Column choice: which column of a source nobody knows holds the SKU, the title and what a prompt can use.

Inputs: the columns with their first values. Outputs: a choice for each field that was found, with its reason and what
is doubtful. Names propose and values decide: a column called `sku` whose values repeat is no SKU, a title has words, a
column with one value for all rows distinguishes nothing, and links and prices are never taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogs.recognition.column_names import NamedField, meanings
from catalogs.recognition.column_profiles import ColumnProfile

FIELDS = ("sku", "title", "category", "color", "material", "brand", "description")
"""The fields that are looked for, in the order in which columns are given away."""
_MAX_SKU_WORDS, _MAX_SKU_CHARACTERS = 3.0, 64
_MIN_TITLE_CHARACTERS, _MAX_TITLE_CHARACTERS = 3, 200
_MIN_DISTINCT, _MIN_FILLED = 0.7, 0.5
"""Shares of different values and of filled cells from which a column called SKU is taken for one, with a doubt."""
_DESCRIPTION_CHARACTERS = 60
"""Mean length from which a text that no name explains is a description."""


@dataclass(frozen=True)
class FieldChoice:
    """The columns, or texts with columns in them, that a field is read from; `doubt` is for a person to look at.

    `why` is empty where the vendor's format says it. `languages` are those that the names are certain to be in.
    """

    field: str
    columns: tuple[str, ...]
    why: str
    doubt: str | None = None
    languages: tuple[str, ...] = ()


def choose_columns(profiles: Mapping[str, ColumnProfile], values: Mapping[str, Sequence[str]]) -> list[FieldChoice]:
    """Return the choices in the order of `FIELDS`, without the fields for which nothing fits."""
    chosen: list[FieldChoice] = []
    for field in FIELDS:
        taken = {column for choice in chosen for column in choice.columns}
        free = {name: one for name, one in profiles.items() if name not in taken}
        choice = _choose_sku(free, values) if field == "sku" else _choose(field, free)
        if choice is not None:
            chosen.append(choice)
    return chosen


def _choose_sku(profiles: Mapping[str, ColumnProfile], values: Mapping[str, Sequence[str]]) -> FieldChoice | None:
    named = _named("sku", profiles) + _named("barcode", profiles)
    usable = [(name, known) for name, known in named if _may_name_products(profiles[name])]
    for name, known in usable:
        if profiles[name].is_unique and profiles[name].filled == 1 and not _is_counter(values[name]):
            why = f"its name; none of its values repeats in {profiles[name].rows} rows"
            return FieldChoice("sku", (name,), why, languages=_certain(known))
    for name, known in usable:
        choice = _with_distinction(name, profiles, values) or _with_another(name, known, usable, profiles)
        if choice is not None:
            return choice
    likely = [(name, known) for name, known in usable if profiles[name].distinct >= _MIN_DISTINCT]
    unnamed = [] if likely else _unnamed_skus(profiles, values)
    if unnamed:
        doubt = "no column has a name that means SKU"
        return FieldChoice("sku", (unnamed[0],), "its values: filled in every row, and none repeats", doubt)
    for name, known in likely or usable:
        return FieldChoice("sku", (name,), "its name", _sku_doubt(profiles[name], values[name]), _certain(known))
    return None


def _unnamed_skus(profiles: Mapping[str, ColumnProfile], values: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns that name every row, though nothing says that they are SKUs; counters come last."""
    unique = [name for name, one in profiles.items() if one.is_unique and one.filled == 1 and _may_name_products(one)]
    free = [name for name in unique if name.strip() and not meanings(name)]
    return [name for name in free if not _is_counter(values[name]) and profiles[name].words <= 1]


def _sku_doubt(one: ColumnProfile, values: Sequence[str]) -> str | None:
    repeats = f"{1 - one.distinct:.0%} of its values repeat another: such rows are rejected" if one.distinct < 1 else ""
    empty = f"it is empty in {1 - one.filled:.0%} of the rows: these are rejected" if one.filled < 1 else ""
    counter = "it counts the rows, and would name other products after one is added" if _is_counter(values) else ""
    return "; ".join(filter(None, (repeats, empty, counter))) or None


def _with_another(
    name: str, known: NamedField, usable: Sequence[tuple[str, NamedField]], profiles: Mapping[str, ColumnProfile]
) -> FieldChoice | None:
    """Return a name that is empty in some rows, with another one that names those."""
    one = profiles[name]
    if not one.is_unique or one.filled < _MIN_FILLED:
        return None
    others = [other for other, _ in usable if other != name and profiles[other].is_unique]
    if not others:
        return None
    doubt = f"{name!r} is empty in {1 - one.filled:.0%} of the rows; {others[0]!r} names those"
    return FieldChoice("sku", (name, others[0]), "its name", doubt, _certain(known))


def _with_distinction(
    name: str, profiles: Mapping[str, ColumnProfile], values: Mapping[str, Sequence[str]]
) -> FieldChoice | None:
    """Return a name that repeats, joined with colour and size where the two together do not repeat."""
    if profiles[name].is_unique or profiles[name].filled < 1:
        return None
    found = [named[0][0] for field in ("color", "size") if (named := _named(field, profiles))]
    for count in range(1, len(found) + 1):
        columns = [name, *found[:count]]
        rows = list(zip(*(values[column] for column in columns), strict=True))
        if len(set(rows)) == len(rows):
            expression = "-".join(f"{{{{ {column} }}}}" for column in columns)
            why = f"{name!r} repeats; together with {' and '.join(map(repr, columns[1:]))} no value does"
            return FieldChoice("sku", (expression,), why)
    return None


def _choose(field: str, profiles: Mapping[str, ColumnProfile]) -> FieldChoice | None:
    for name, known in _named(field, profiles):
        if _fits(field, profiles[name], named=True):
            return FieldChoice(field, (name,), "its name", languages=_certain(known))
    if field == "title":
        free = {name: one for name, one in profiles.items() if name.strip() and not meanings(name)}
        fitting = [name for name, one in free.items() if _fits("title", one, named=False)]
        if fitting:
            best = max(fitting, key=lambda name: profiles[name].distinct)
            return FieldChoice("title", (best,), "its values: a few words, and few repeat", "no column is called title")
    if field == "description":
        free = {name: one for name, one in profiles.items() if not meanings(name)}
        fitting = [name for name, one in free.items() if _fits("description", one, named=False)]
        if fitting:
            best = max(fitting, key=lambda name: profiles[name].characters)
            return FieldChoice("description", (best,), "its values: the longest texts")
    return None


def _named(field: str, profiles: Mapping[str, ColumnProfile]) -> list[tuple[str, NamedField]]:
    """Return the columns whose names mean a field, the likeliest first."""
    found = [(name, known) for name in profiles for known in meanings(name) if known.field == field]
    return sorted(found, key=lambda pair: (pair[1].rank, pair[1].locale not in (None, "en", "en_US", "en_GB")))


def _fits(field: str, one: ColumnProfile, *, named: bool) -> bool:
    if not one.filled or one.links > 0.5:
        return False
    if field == "title":
        letters = one.numbers < 0.5 and _MIN_TITLE_CHARACTERS <= one.characters <= _MAX_TITLE_CHARACTERS
        return letters and not one.is_constant and (named or (one.words > 1.2 and one.distinct > 0.5))
    if field == "description":
        return one.numbers < 0.5 and (named or (one.characters >= _DESCRIPTION_CHARACTERS and one.words > 5))
    return one.numbers < 0.5 and one.characters < 80  # a category, colour, material or brand is a short text


def _certain(known: NamedField) -> tuple[str, ...]:
    """Return the language of a column's name where it is only one: `nome` is Italian and Portuguese."""
    return known.languages if len(known.languages) == 1 else ()


def _may_name_products(one: ColumnProfile) -> bool:
    prose = one.words > _MAX_SKU_WORDS or one.characters > _MAX_SKU_CHARACTERS
    return one.filled > 0 and not prose and one.links < 0.5 and not one.is_constant


def _is_counter(values: Sequence[str]) -> bool:
    """Tell whether values count the rows (0, 1, 2 …): they move when a row is added, and so name no product."""
    return all(value.isdigit() for value in values) and [int(value) for value in values] in (
        list(range(len(values))),
        list(range(1, len(values) + 1)),
    )
