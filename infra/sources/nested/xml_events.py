"""Parse XML as a stream of starts, texts and ends, with nothing that reaches out or grows.

Inputs: a binary stream, and what is called for each event. Outputs: control after each piece of the stream.
Invariants: no entity that the document declares is ever expanded and nothing external is opened, since a document that
declares entities is refused; nesting, the longest token and the names are bounded. Names keep their prefixes, since a
parser that writes a namespace's address before every name turns 10 MB into terabytes.
The parser is the standard library's expat, used directly: defusedxml guards the same parser but builds trees with such
names, and lxml would be a second parser of 5 MB for the same bytes.
"""

import codecs
import html.entities
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from xml.parsers import expat

CHUNK_BYTES = 64 << 10
MAX_TOKEN_BYTES = 8 << 20
"""The longest tag, comment or text that the parser holds at once."""

MAX_DEPTH = 32
"""Elements inside each other. Feeds have four to eight."""

MAX_NAME_CHARACTERS = 300
_EXPAT_ENCODINGS = {"utf-8", "utf-16", "iso8859-1", "ascii"}
_DECLARED_ENCODING = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")


class BrokenXml(Exception):
    """The text is no XML, or more than is read; the message goes on after the file's name."""


@dataclass(frozen=True)
class XmlHandlers:
    """What is called: at the start of an element with its name and attributes, for text, at the end of an element."""

    start: Callable[[str, Mapping[str, str]], None]
    text: Callable[[str], None]
    end: Callable[[str], None]


def parse_xml(stream: IO[bytes], handlers: XmlHandlers) -> Iterator[int]:
    """Call the handlers for a whole document, and yield the bytes that were read after each piece.

    Raises `BrokenXml`.
    """
    parser, read = _open_parser(stream, handlers)
    fed = 0
    try:
        while chunk := read(CHUNK_BYTES):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > MAX_TOKEN_BYTES:
                raise BrokenXml(f"has a tag or comment of more than {MAX_TOKEN_BYTES >> 20} MB")
            yield fed
        parser.Parse(b"", True)
        yield fed
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code) or "no XML"
        raise BrokenXml(f"is no well-formed XML: {reason} in line {error.lineno}, column {error.offset + 1}") from None
    except LookupError:  # of a name longer than the one that was looked up here, or of what is no encoding of text
        raise BrokenXml("says that it has an encoding which is unknown") from None
    except UnicodeDecodeError as error:
        raise BrokenXml(f"has bytes that are not {error.encoding}, which it says is its encoding") from None


def _open_parser(stream: IO[bytes], handlers: XmlHandlers) -> tuple[Any, Callable[[int], Any]]:
    """Return a parser, and how the stream is read for it: as text where expat does not know its encoding."""
    head = stream.read(CHUNK_BYTES)
    stream.seek(0)
    declared = _DECLARED_ENCODING.match(head.removeprefix(codecs.BOM_UTF8))
    read: Callable[[int], Any] = stream.read
    if declared and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = declared[1].decode("ascii")
        encoding = _text_encoding(name)
        if encoding is None:
            raise BrokenXml(f"says that its encoding is {name!r}, which is unknown")
        if encoding.name not in _EXPAT_ENCODINGS:
            read = encoding.streamreader(stream).read
    parser = expat.ParserCreate()
    parser.buffer_text = True
    _Guard(parser, handlers)
    return parser, read


def _text_encoding(name: str) -> codecs.CodecInfo | None:
    try:
        found = codecs.lookup(name)
    except LookupError:
        return None
    return found if found._is_text_encoding else None


class _Guard:
    """Passes events on, and refuses what a feed has no use for."""

    def __init__(self, parser: Any, handlers: XmlHandlers) -> None:
        self._handlers = handlers
        self._depth = 0
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = handlers.text
        for kind in ("EntityDecl", "UnparsedEntityDecl", "NotationDecl"):
            setattr(parser, f"{kind}Handler", _refuse_entities)
        # With these, a name of HTML such as &nbsp; is told to us and is no error; nothing external is opened.
        parser.UseForeignDTD(True)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_ALWAYS)
        parser.ExternalEntityRefHandler = partial(_read_nothing, parser)
        parser.SkippedEntityHandler = self._skipped

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BrokenXml(f"has elements nested in more than {MAX_DEPTH} levels")
        if len(name) > MAX_NAME_CHARACTERS:
            raise BrokenXml(f"has a name of more than {MAX_NAME_CHARACTERS} characters")
        self._handlers.start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._handlers.end(name)

    def _skipped(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            self._handlers.text(html.entities.html5.get(f"{name};", f"&{name};"))


def _read_nothing(parser: Any, context: str | None, *_: Any) -> int:
    """Give the parser nothing for what lies outside of the document; it asks for a DTD once, even without one."""
    parser.ExternalEntityParserCreate(context).Parse(b"", True)
    return 1


def _refuse_entities(*_: Any) -> None:
    raise BrokenXml("declares entities, which are never expanded here; write the characters themselves")
