"""Kinds of export: what the product export of one shop system looks like, and which of its columns a recipe reads.

Inputs: the files of `catalogs/data/exports`, one a vendor, each with the documentation it was taken from; then a
source's columns. Outputs: the kind that the columns belong to, and its names as this source spells them. A new vendor
is a new file. Names are compared by `catalogs.recognition.column_names.folded`; `{locale}` and `{scope}` stand for any.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from pydantic import Field

from catalogs.recognition.column_names import LOCALE, folded, language_of
from catalogs.rule_files import StrictModel, parse_rule_file

_PLACEHOLDER = re.compile(r"\{(locale|scope)\}")
_PATH = re.compile(r"\[\w|\w\.[a-z]")
_SCOPE = r"[A-Za-z][A-Za-z0-9_]*"


class RowRule(StrictModel):
    """Which rows of an export are products: those with one of `values` in the first of `columns` that is there."""

    columns: tuple[str, ...] = Field(description="Names of the column")
    values: tuple[str, ...] = Field(description="Values of the rows that are kept")
    left_out: str = Field(description="What the other rows are")


class ParentRule(StrictModel):
    """How a row finds the row that it inherits from: what `by` names stands in one of the columns `from` there."""

    by: tuple[str, ...] = Field(description="Names of the column that names the parent")
    origin: tuple[str, ...] = Field((), alias="from", description="Columns of the parent that are named there")
    fields: tuple[str, ...] = Field(description="Fields that an empty row takes from its parent")


class ExportKind(StrictModel):
    """One vendor's product export."""

    name: str = Field(description="The vendor, as a person calls it")
    source: str = Field(description="The vendor's documentation of the format")
    header: "HeaderRule" = Field(description="The columns by which it is recognised")
    extends: str = Field(description="The built-in recipe that it starts from")
    columns: dict[str, tuple[str, ...]] = Field(description="Field -> names of its column, the best first")
    only: tuple[RowRule, ...] = Field((), description="Which rows are products")
    inherit: ParentRule | None = Field(None, description="Where variants take what they leave empty")
    fill_down: tuple[str, ...] = Field((), description="Columns of rows that belong to the row above")
    remarks: tuple[str, ...] = Field((), description="What a person should know about such an export")
    split: dict[str, str] = Field(default_factory=dict, description="Field -> separator of cells with several values")


class HeaderRule(StrictModel):
    """Every group of `all` has a name that is there, and so has `any`."""

    all: tuple[tuple[str, ...], ...] = Field(description="Groups of names, one of each group is needed")
    any: tuple[str, ...] = Field(description="Names of which one is needed; each raises the certainty")


@dataclass(frozen=True)
class RecognisedExport:
    """A source's kind, and how many of the names that mark it were found there."""

    kind: ExportKind
    marks: tuple[str, ...]


class ColumnFinder:
    """Finds the columns of one source by a vendor's names."""

    def __init__(self, columns: Sequence[str], preferred_locales: Sequence[str] = ("en",)) -> None:
        """Take the source's columns in their order, and the languages that come first where a name has several."""
        self._by_name: dict[str, str] = {}
        for column in columns:
            self._by_name.setdefault(folded(column), column)
        self._columns = tuple(columns)
        self._preferred = tuple(preferred_locales)

    def find(self, name: str) -> str | None:
        """Return the column of this name; of several languages the preferred one, else the first."""
        if "{{" in name:
            return self._expression(name)
        if not _PLACEHOLDER.search(name):
            return self._by_name.get(folded(name))
        found = self._matches(name)
        ranked = sorted(found, key=lambda pair: self._preference(pair[1]))
        return ranked[0][0] if ranked else None

    def find_all(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the columns of these names that are there, in the order of the names, each once."""
        found = (self.find(name) for name in names)
        return tuple(dict.fromkeys(column for column in found if column is not None))

    def locale(self, column: str, names: Sequence[str]) -> str | None:
        """Return the language in a column's name, where one of `names` has a place for it."""
        return next((locale for name in names for found, locale in self._matches(name) if found == column), None)

    def _expression(self, name: str) -> str | None:
        parts = re.findall(r"\{\{\s*(.+?)\s*\}\}", name)
        columns = {part: self.find(part) for part in parts}
        if None in columns.values():
            return None
        for part, column in columns.items():
            name = name.replace(f"{{{{ {part} }}}}", f"{{{{ {column} }}}}")
        return name

    def _matches(self, name: str) -> list[tuple[str, str]]:
        pattern = re.compile(_PLACEHOLDER.sub(_as_group, _escaped(name)), re.IGNORECASE)
        matches = ((column, pattern.fullmatch(column.strip())) for column in self._columns)
        return [(column, match.groupdict().get("locale") or "") for column, match in matches if match]

    def _preference(self, locale: str) -> int:
        language = language_of(locale)
        return self._preferred.index(language) if language in self._preferred else len(self._preferred)


def recognise(columns: Sequence[str]) -> tuple[RecognisedExport, ...]:
    """Return the kinds of export that these columns belong to, the surest first; none where none does."""
    finder, found = ColumnFinder(columns), []
    for kind in export_kinds():
        groups = [finder.find_all(group) for group in kind.header.all]
        marks = finder.find_all(kind.header.any)
        if all(groups) and marks:
            found.append(RecognisedExport(kind, tuple(dict.fromkeys([*(group[0] for group in groups), *marks]))))
    return tuple(sorted(found, key=lambda one: -len(one.marks)))


def nested_paths() -> tuple[str, ...]:
    """Return every path into a nested column (`item_name[0].value`) that a vendor's file names."""
    names = (name for kind in export_kinds() for names in kind.columns.values() for name in names)
    return tuple(dict.fromkeys(name for name in names if _PATH.search(name) and "{" not in name))


@lru_cache(maxsize=1)
def export_kinds() -> tuple[ExportKind, ...]:
    """Return every vendor's export, by the name of its file."""
    folder = resources.files("catalogs") / "data" / "exports"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return tuple(parse_rule_file(file.read_text("utf-8"), file.name, ExportKind) for file in files)


def _escaped(name: str) -> str:
    return re.escape(name).replace(r"\{", "{").replace(r"\}", "}")


def _as_group(found: re.Match[str]) -> str:
    return rf"(?P<locale>{LOCALE})" if found[1] == "locale" else _SCOPE
