"""Source settings: how a catalogue's files are read where their content alone would not say it, or say it wrongly.

Inputs: the `source:` block of a recipe, and `name=value` texts of `--read-as`, which go before it. Outputs: checked
settings. None means "find it out from the files". They change how a file becomes rows, and never a pixel by themselves.
"""

import codecs
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from catalogs.recipe.render_settings import RecipeModel
from catalogs.rule_files import first_field_error

SEPARATOR_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "bar": "|"}
NO_CATALOGUES_ENCODINGS = {
    "idna",
    "mbcs",
    "oem",
    "punycode",
    "raw-unicode-escape",
    "undefined",
    "unicode-escape",
    "utf-7",
}
"""Text encodings of Python in which no file is written, or in which ASCII characters mean something else."""


class SourceSettings(RecipeModel):
    """How the catalogue's files are read. What is left out is found out from the files, and said in the report."""

    format: Literal["csv", "jsonl", "json", "xml", "parquet", "delta"] | None = Field(
        None, description="The files' format, whatever their names say; csv is every text table"
    )
    separator: str | None = Field(
        None, description="The character between values: one character, or comma, semicolon, tab, pipe"
    )
    encoding: str | None = Field(None, description="The text's encoding: utf-8, utf-16, cp1252, shift_jis …")
    header_row: int | None = Field(
        None, ge=1, le=10_000, description="The row of the file, from 1, that names the columns"
    )
    records: str | None = Field(
        None, min_length=1, max_length=200, description="The path of the list of rows in a JSON or XML document"
    )
    version: int | None = Field(None, ge=0, description="The version of a Delta table")

    @field_validator("separator")
    @classmethod
    def _separator_is_one_character(cls, value: str | None) -> str | None:
        if value is None:
            return None
        character = SEPARATOR_NAMES.get(value.lower(), value)
        if len(character) != 1 or not character.isascii() or character.isalnum() or character in "\"'\r\n\0":
            raise ValueError(f"{value!r} cannot separate values; give one character, or {', '.join(SEPARATOR_NAMES)}")
        return character

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            known = codecs.lookup(value)
        except (LookupError, ValueError):
            known = None
        if known is None or not known._is_text_encoding or known.name.replace("_", "-") in NO_CATALOGUES_ENCODINGS:
            raise ValueError(
                f"{value!r} is no encoding of text; give utf-8, utf-16, cp1252 or another that Python knows"
            )
        return known.name

    def overridden_by(self, other: "SourceSettings | None") -> "SourceSettings":
        """Return the settings, with those of `other` where it has any."""
        return self if other is None else self.model_copy(update=other.chosen)

    @property
    def chosen(self) -> dict[str, Any]:
        """Return what is not left to be found out."""
        return self.model_dump(exclude_none=True)


def parse_read_as(texts: Sequence[str]) -> SourceSettings | None:
    """Return the settings in `name=value` texts; None where there are none. Raises `ValueError` with what to write."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in SourceSettings.model_fields:
            raise ValueError(f"{text!r} is no NAME=VALUE; the names are {', '.join(SourceSettings.model_fields)}")
        if name in values:
            raise ValueError(f"{name} is given twice")
        values[name] = value if name == "separator" else value.strip()
    try:
        return SourceSettings.model_validate(values) if values else None
    except ValidationError as error:
        field_error = first_field_error(error)
        raise ValueError(f"{'.'.join(map(str, field_error.path))}: {field_error.message}") from None
