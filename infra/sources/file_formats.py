"""Detect a source's file format, by its name and by its first bytes.

Inputs: a source's files. Outputs: the one format that all of them have. A file whose content contradicts its name is
the most common broken export, so an error says what the content looks like.
"""

import os
import re
from typing import Literal

from infra.errors import UnreadableSource
from infra.sources.source_files import SourceFile, SourceFiles

FileFormat = Literal["parquet", "csv", "jsonl", "json", "xml"]

FORMAT_BY_EXTENSION: dict[str, FileFormat] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".xml": "xml",
    ".rss": "xml",
    ".atom": "xml",
}
FORMAT_NAMES = {"parquet": "Parquet", "csv": "a text table", "jsonl": "JSON lines", "json": "JSON", "xml": "XML"}
PARQUET_MAGIC = b"PAR1"

BINARY_SIGNATURES = (
    (PARQUET_MAGIC, "Parquet"),
    (b"PARE", "encrypted Parquet, which is not read"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "gzip, which has to be decompressed first"),
    (b"\x28\xb5\x2f\xfd", "zstd, which has to be decompressed first"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1", "Arrow IPC (Feather)"),
    (b"SQLite format 3", "a SQLite database"),
    (b"%PDF", "a PDF document"),
)
"""First bytes of common export formats, as their specifications give them."""

_MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*(<(!doctype|html|\?xml|rss|feed)\b|(\[\s*)?\{\s*\")", re.IGNORECASE)
"""The beginning of HTML, XML or JSON, which no table of text has."""

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_TEXT_FORMATS: dict[str, FileFormat] = {"JSON": "json", "XML": "xml"}
"""Formats that a file without a known extension is read as, by what its content looks like: feeds come from URLs."""


def detect_format(source_files: SourceFiles) -> FileFormat:
    """Return the format of all files; raise `UnreadableSource` where it is unknown, or where they differ."""
    formats = [_file_format(source_files, file) for file in source_files.files]
    for file, file_format in zip(source_files.files, formats, strict=True):
        if file_format != formats[0]:
            raise UnreadableSource(
                f"{source_files.display_name(file)} is {FORMAT_NAMES[file_format]} and "
                f"{source_files.display_name(source_files.files[0])} is {FORMAT_NAMES[formats[0]]}; "
                "keep one format in a folder."
            )
        _check_first_bytes(source_files, file, file_format)
    return formats[0]


def describe_content(head: bytes) -> str:
    """Return a description of what a file's first bytes look like."""
    for magic, description in BINARY_SIGNATURES:
        if head.startswith(magic):
            return description
    if head.startswith(UTF_16_MARKS):
        return "UTF-16 text, which has to be saved as UTF-8"
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # otherwise only the last character is cut
            return "binary data"
        text = head[: error.start].decode("utf-8-sig")
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        return "JSON"
    if start == "<":
        return "HTML (an error page?)" if _HTML.match(text.lstrip()) else "XML"
    return "CSV" if "," in text.split("\n", 1)[0] else "plain text"


def read_head(source_files: SourceFiles, file: SourceFile, size: int = 1024) -> bytes:
    """Return the first bytes of a file."""
    with source_files.open(file) as stream:
        return stream.read(size)


def _file_format(source_files: SourceFiles, file: SourceFile) -> FileFormat:
    extension = os.path.splitext(file.content_name)[1].lower()  # noqa: PTH122 - a URL's path
    if extension in FORMAT_BY_EXTENSION:
        return FORMAT_BY_EXTENSION[extension]
    head = read_head(source_files, file)
    if head.startswith(PARQUET_MAGIC):
        return "parquet"  # Spark and other engines write parts without an extension
    if describe_content(head) in _TEXT_FORMATS:
        return _TEXT_FORMATS[describe_content(head)]
    raise UnreadableSource(
        f"{source_files.display_name(file)} is not a format that Packshot reads (it looks like "
        f"{describe_content(head)}); "
        "give .parquet, .csv, .tsv, .txt, .jsonl, .json or .xml."
    )


def _check_first_bytes(source_files: SourceFiles, file: SourceFile, file_format: FileFormat) -> None:
    head = read_head(source_files, file)
    if _contradicts(head, file_format):
        raise UnreadableSource(
            f"{source_files.display_name(file)} is not {FORMAT_NAMES[file_format]}: it looks like "
            f"{describe_content(head)}; "
            f"export it again as {FORMAT_NAMES[file_format]}, or give it the extension of its content."
        )


def _contradicts(head: bytes, file_format: FileFormat) -> bool:
    """Tell whether a file's first bytes are of another format."""
    if file_format == "parquet":
        return not head.startswith(PARQUET_MAGIC)
    if head.startswith(tuple(magic for magic, _ in BINARY_SIGNATURES)):
        return True
    if file_format == "csv":
        return _MARKUP.match(head) is not None
    if file_format == "xml":  # which says its encoding itself
        return not head.startswith(UTF_16_MARKS) and describe_content(head) not in {"XML", "binary data"}
    return False
