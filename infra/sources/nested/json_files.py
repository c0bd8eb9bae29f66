"""Open JSON: lines, a list of records, or an object with such a list in it (`{"products": [...]}`).

Inputs: a source's files; the path of the list, where the recipe gives it. Outputs: a reader of rows, and what was found
out. Where a document has several lists of objects, the largest is read, and that is said.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, cast

from infra.errors import UnreadableSource
from infra.sources.jsonl_files import JsonlReader, PiecesOf, SeveralTypes, line_pieces, require_harmless
from infra.sources.nested.json_elements import list_elements, objects_in_a_row
from infra.sources.nested.json_outline import CHUNK_BYTES, BrokenDocument, RecordList, find_record_lists
from infra.sources.nested.record_reader import RecordReader
from infra.sources.source_files import SourceFile, SourceFiles

WHOLE_DOCUMENT = "."
"""The path of the document itself."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ADVICE = "export it again"
_HEAD_BYTES = 1024
_LIKELY_SHARE = 10
"""A list with a tenth of the largest one's bytes may be the one that is meant."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)
_SPACES = re.compile(r"[ \t\r\n]*")

JsonReader = JsonlReader | RecordReader


def open_json_lines(source_files: SourceFiles, encoding: str | None = None) -> JsonReader:
    """Open files with an object on each line."""
    if any(_encoding_of(source_files, file, encoding) for file in source_files.files):
        return open_json_documents(source_files, WHOLE_DOCUMENT, encoding)
    return _open(source_files, partial(line_pieces, source_files), (), ())


def open_json_documents(source_files: SourceFiles, records: str | None, encoding: str | None = None) -> JsonReader:
    """Open files of whole documents, or of objects in a row; `records` is the path of the list of records.

    Raises `UnreadableSource` where the list of records cannot be found.
    """
    lists: dict[SourceFile, RecordList | None] = {}
    notes: list[str] = []
    doubts: list[str] = []
    for file in source_files.files:
        name = source_files.display_name(file)
        with _open_text(source_files, file, encoding) as stream:
            skipped = _or_unreadable(partial(_skip_byte_order_mark, stream), name)
            found = _or_unreadable(partial(find_record_lists, stream), name)
            _go_to(stream, skipped)
            if found == [] and stream.read(_HEAD_BYTES).lstrip().startswith(b"["):
                raise UnreadableSource(f"{name} holds a list without objects; {_ADVICE} as a list of objects.")
        chosen, others = _choose(found, records, name)
        lists[file] = None if chosen is None else RecordList(chosen.path, chosen.start + skipped, chosen.size)
        notes.append(_note(found, chosen))
        doubts += [_doubt(name, chosen, others)] if chosen and others else []
    pieces_of = partial(_document_pieces, source_files, lists, encoding)
    reader = _open(source_files, pieces_of, tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(doubts)))
    if reader.row_count == 1 and len(reader.columns) > 1 and not {*reader.readable} & {*reader.columns}:
        names = ", ".join(map(repr, reader.columns[:3]))
        raise UnreadableSource(
            f"{source_files.url!r} is one object of objects ({names} …), which is no list of records; "
            f"{_ADVICE} as a list."
        )
    return reader


def _open(
    source_files: SourceFiles, pieces_of: PiecesOf, notes: tuple[str, ...], doubts: tuple[str, ...]
) -> JsonReader:
    def checked(file: SourceFile) -> Iterator[bytes]:
        return require_harmless(pieces_of(file), source_files.display_name(file))

    try:
        return JsonlReader(source_files, checked, notes, doubts)
    except SeveralTypes:
        records_of = partial(_records, source_files, checked)
        return RecordReader(source_files, records_of, objects_are_text=False, notes=notes, warnings=doubts)


def _choose(
    found: list[RecordList] | None, records: str | None, name: str
) -> tuple[RecordList | None, list[RecordList]]:
    """Return the list of records (None for objects in a row), and others that may be meant."""
    wanted = _plain_path(records)
    if found is None or wanted == WHOLE_DOCUMENT:
        return next((each for each in found or () if each.path == WHOLE_DOCUMENT), None), []
    by_size = sorted(found, key=lambda each: -each.size)
    if wanted:
        chosen = next((each for each in by_size if each.path == wanted), None)
        if chosen is None:
            known = ", ".join(repr(each.path) for each in by_size[:5]) or "none"
            raise UnreadableSource(f"{name} has no list of objects at {records!r}; it has {known}: correct 'records'.")
        return chosen, []
    if not by_size:
        return None, []
    chosen, *others = by_size
    return chosen, [each for each in others if each.size * _LIKELY_SHARE >= chosen.size]


def _note(found: list[RecordList] | None, chosen: RecordList | None) -> str:
    if chosen is None:
        return "JSON, one object after another" if found is None else "JSON, one object"
    return "JSON, a list of objects" if chosen.path == WHOLE_DOCUMENT else f"JSON, the list {chosen.path!r}"


def _doubt(name: str, chosen: RecordList, others: list[RecordList]) -> str:
    paths = ", ".join(repr(each.path) for each in others[:5])
    return f"{name} is read as its largest list, {chosen.path!r}; if {paths} is meant, say so as 'records'"


def _plain_path(records: str | None) -> str:
    """Return a path without the marks that other tools give it: `$.data.products[*]` is `data.products`."""
    path = (records or "").strip()
    if path in {"", WHOLE_DOCUMENT}:
        return path
    return re.sub(r"\[\*?\]$", "", path.removeprefix("$").removeprefix(".")) or WHOLE_DOCUMENT


def _document_pieces(
    source_files: SourceFiles,
    lists: dict[SourceFile, RecordList | None],
    encoding: str | None,
    file: SourceFile,
) -> Iterator[bytes]:
    name, chosen = source_files.display_name(file), lists[file]
    with _open_text(source_files, file, encoding) as stream:
        if chosen is None:
            _skip_byte_order_mark(stream)
        else:
            _go_to(stream, chosen.start)
        pieces = objects_in_a_row(stream) if chosen is None else list_elements(stream)
        while True:
            piece = _or_unreadable(partial(next, pieces, None), name)
            if piece is None:
                return
            if piece.strip():
                yield piece


def _skip_byte_order_mark(stream: IO[bytes]) -> int:
    """Leave a stream behind its byte order mark; return how many bytes that has."""
    if stream.read(len(_BYTE_ORDER_MARK)) == _BYTE_ORDER_MARK:
        return len(_BYTE_ORDER_MARK)
    stream.seek(0)
    return 0


@contextmanager
def _open_text(source_files: SourceFiles, file: SourceFile, named: str | None) -> Iterator[IO[bytes]]:
    """Open a file as UTF-8, whatever its encoding is."""
    encoding = _encoding_of(source_files, file, named)
    with source_files.open(file) as stream:
        yield cast("IO[bytes]", _Utf8Stream(stream, encoding)) if encoding else stream


class _Utf8Stream:
    """Reads a file of another encoding as UTF-8, in order and from the start again."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._text = codecs.EncodedFile(stream, "utf-8", encoding)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return as many bytes; fewer only at the end."""
        while len(self._rest) < size and (more := self._text.read(CHUNK_BYTES)):
            self._rest += more
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def seek(self, place: int) -> None:
        """Go to the start, which is the only place to go to."""
        self._text.seek(place)
        self._rest = b""


def _encoding_of(source_files: SourceFiles, file: SourceFile, named: str | None) -> str | None:
    """Return a file's encoding where it is not UTF-8: as it is named, or by the mark that PowerShell writes."""
    if named is not None:
        return None if codecs.lookup(named).name in {"utf-8", "utf-8-sig"} else named
    with source_files.open(file) as stream:
        return "utf-16" if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else None


def _go_to(stream: IO[bytes], place: int) -> None:
    """Read a stream up to a place: a compressed one can only begin again."""
    stream.seek(0)
    while place:
        place -= len(stream.read(min(place, CHUNK_BYTES))) or place


def _or_unreadable(action: Callable[[], Any], name: str) -> Any:
    try:
        return action()
    except BrokenDocument as error:
        raise UnreadableSource(f"{name} {error}; {_ADVICE}.") from None
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"{name} is not {error.encoding} text; {_ADVICE}, or name its encoding.") from None


def _records(source_files: SourceFiles, pieces_of: PiecesOf, file: SourceFile) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file. Raises `UnreadableSource` with the row for what is no JSON."""
    row = 0
    for piece in pieces_of(file):
        try:
            for value in _values(piece):
                if value is not None and not isinstance(value, dict):
                    raise ValueError(f"it is no object but {type(value).__name__}")
                yield value or {}
                row += 1
        except (ValueError, RecursionError, MemoryError) as error:
            name = source_files.display_name(file)
            raise UnreadableSource(f"{name} cannot be read as JSON: row {row + 1}: {error}; {_ADVICE}.") from None


def _values(piece: bytes) -> Iterator[Any]:
    text = piece.decode()
    may_be_half = _SURROGATE.search(piece) is not None
    position = _end_of_spaces(text, 0)
    while position < len(text):
        value, position = _DECODER.raw_decode(text, position)
        if may_be_half:
            _require_whole_characters(value)
        yield value
        position = _end_of_spaces(text, position)


def _require_whole_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair is no character") from None


def _end_of_spaces(text: str, position: int) -> int:
    match = _SPACES.match(text, position)
    return match.end() if match else position
