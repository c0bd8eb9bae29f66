"""Open XML feeds: Google Merchant's RSS 2.0 and Atom, and any XML with a repeated element.

Inputs: a source's files; the path of the record's element, where the recipe gives it. Outputs: a reader of rows, which
says what was found out.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from infra.errors import UnreadableSource, one_line
from infra.sources.nested.record_reader import RecordReader
from infra.sources.nested.xml_events import BrokenXml
from infra.sources.nested.xml_outline import Path, find_record_element, spell_element
from infra.sources.nested.xml_records import xml_records
from infra.sources.source_files import SourceFile, SourceFiles

_ADVICE = "correct or export it again"


def open_xml(source_files: SourceFiles, records: str | None) -> RecordReader:
    """Open XML files; `records` is the path of the record's element. Raises `UnreadableSource`."""
    paths: dict[SourceFile, Path] = {}
    notes: dict[str, None] = {}
    doubts: dict[str, None] = {}
    for file in source_files.files:
        name = source_files.display_name(file)
        try:
            with source_files.open(file) as stream:
                found = find_record_element(stream, records)
        except BrokenXml as error:
            raise _unreadable(source_files, file, error) from None
        paths[file] = found.path
        chosen = spell_element(found.path)
        notes[f"XML, the elements {chosen!r}"] = None
        if found.others:
            others = ", ".join(repr(spell_element(path)) for path in found.others[:5])
            doubts[f"{name} is read as its elements {chosen!r}; if {others} is meant, say so as 'records'"] = None
    records_of = partial(_records, source_files, paths)
    return RecordReader(source_files, records_of, objects_are_text=True, notes=(*notes,), warnings=(*doubts,))


def _records(source_files: SourceFiles, paths: dict[SourceFile, Path], file: SourceFile) -> Iterator[dict[str, Any]]:
    with source_files.open(file) as stream:
        records = xml_records(stream, paths[file])
        while True:
            try:
                record = next(records, None)
            except BrokenXml as error:
                raise _unreadable(source_files, file, error) from None
            if record is None:
                return
            yield record


def _unreadable(source_files: SourceFiles, file: SourceFile, error: Exception) -> UnreadableSource:
    return UnreadableSource(f"{source_files.display_name(file)} {one_line(error)}; {_ADVICE}.")
