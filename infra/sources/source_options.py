"""Options of reading a source: what a person says about its files, in place of what is found out from their content.

Inputs: none. Outputs: plain values. None means "find it out". A recipe's `source:` block and `--read-as` become these.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source's files."""

    format: str | None = None
    """One of the names of `infra.sources.file_formats`, in place of what the files' names say."""
    separator: str | None = None
    """The character between the values of a text table."""
    encoding: str | None = None
    """The character encoding of text, by a name that Python knows."""
    header_row: int | None = None
    """The row of the file, from 1, that names a text table's columns; those above are no part of the table."""
    records: str | None = None
    """The path of the list of rows in a JSON or XML document."""
    version: int | None = None
    """The version of a Delta table."""
