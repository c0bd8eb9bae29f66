"""The rule about headers that holds for every kind of file: each column once, and the same ones in every file."""

from collections import Counter
from collections.abc import Sequence

from infra.errors import UnreadableSource
from infra.sources.source_files import SourceFiles


def check_headers(source_files: SourceFiles, headers: Sequence[Sequence[str]]) -> None:
    """Compare the files' column names (in the order of `place.files`); the columns' order may differ.

    Raises `UnreadableSource` with the file and the column.
    """
    first_said, first = source_files.display_name(source_files.files[0]), headers[0]
    for file, header in zip(source_files.files, headers, strict=True):
        said = source_files.display_name(file)
        twice = sorted(name for name, count in Counter(header).items() if count > 1)
        if twice:
            raise UnreadableSource(f"{said} has more than one column {twice[0]!r}; keep one.")
        for name in sorted(set(header) ^ set(first)):
            has, lacks = (said, first_said) if name in header else (first_said, said)
            raise UnreadableSource(
                f"The files of a folder must have the same columns: {has} has {name!r} and {lacks} has not."
            )
