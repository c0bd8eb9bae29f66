"""Validate the column names of a source's files: each column once, and the same columns in every file.

Inputs: the files and their headers. Outputs: none, or `UnreadableSource` with the file and the column.
"""

from collections import Counter
from collections.abc import Sequence

from infra.errors import UnreadableSource
from infra.sources.source_files import SourceFiles

MAX_COLUMNS = 2_000
"""Columns of a source. Exports of shop systems have up to a few hundred; Arrow keeps several kilobytes for each."""


def check_headers(source_files: SourceFiles, headers: Sequence[Sequence[str]]) -> None:
    """Compare the files' column names (in the order of `source_files.files`); the columns' order may differ.

    Raises `UnreadableSource` with the file and the column.
    """
    first_name, first = source_files.display_name(source_files.files[0]), headers[0]
    for file, header in zip(source_files.files, headers, strict=True):
        file_name = source_files.display_name(file)
        duplicates = sorted(name for name, count in Counter(header).items() if count > 1)
        if duplicates:
            raise UnreadableSource(f"{file_name} has more than one column {duplicates[0]!r}; keep one.")
        for name in sorted(set(header) ^ set(first)):
            has, lacks = (file_name, first_name) if name in header else (first_name, file_name)
            raise UnreadableSource(
                f"The files of a folder must have the same columns: {has} has {name!r} and {lacks} has not."
            )
