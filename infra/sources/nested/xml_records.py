"""Turn the repeated element of an XML feed into records: Google Merchant's RSS and Atom, and plain XML.

Inputs: a binary stream, the path of the repeated element. Outputs: a record for each.
Elements have their local names. Where an element has `g:id` and `id`, the name is Google's, and the other is
`entry:id`; where it has `title` and `media:title`, the name is the plain one. An attribute is `@name`. An element that
occurs again is a list. An element with own text, and attributes or elements too, has its whole text under `#text`.
Invariant: one record is held at a time, of at most `MAX_RECORD_BYTES` and `MAX_ELEMENTS`.
"""

from collections.abc import Iterator, Mapping
from typing import IO, Any

from infra.sources.nested.nested_values import TEXT_FIELD
from infra.sources.nested.xml_events import BrokenXml, XmlHandlers, parse_xml

MAX_RECORD_BYTES = 8 << 20
MAX_ELEMENTS = 100_000
"""Elements and attributes of a record; one takes some 300 bytes."""

_GOOGLE = "http://base.google.com/"
_GOOGLE_PREFIXES = frozenset({"g", "c"})
"""Of Google's documentation; feeds are seen that forget to declare them."""


def split_name(name: str) -> tuple[str, str]:
    """Return the prefix ("" for none) and the local name."""
    prefix, colon, local = name.partition(":")
    return (prefix, local) if colon and local else ("", name)


def xml_records(stream: IO[bytes], path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the records of a document. Raises `BrokenXml`."""
    builder = _RecordBuilder(path)
    for read in parse_xml(stream, XmlHandlers(builder.start, builder.text, builder.end)):
        yield from builder.records
        builder.records.clear()
        builder.read = read


class _Element:
    __slots__ = ("attributes", "children", "has_own_text", "texts")

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.attributes = attributes
        self.children: dict[str, list[Any]] = {}
        self.texts: list[str] = []
        self.has_own_text = False


class _RecordBuilder:
    def __init__(self, path: tuple[str, ...]) -> None:
        self.records: list[dict[str, Any]] = []
        self.read = 0
        self._path = path
        self._outside: list[str] = []
        self._elements: list[_Element] = []
        self._names: dict[str, tuple[int, str]] = {}
        self._google_prefixes = set(_GOOGLE_PREFIXES)
        self._count = self._started = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        own = attributes
        if attributes and any(key.startswith("xmlns") for key in attributes):
            own = {key: value for key, value in attributes.items() if not key.startswith("xmlns")}
            declared = {key[6:] for key, uri in attributes.items() if key[:6] == "xmlns:" and uri.startswith(_GOOGLE)}
            if declared - self._google_prefixes:
                self._google_prefixes |= declared
                self._names.clear()
        if not self._elements:
            self._outside.append(split_name(name)[1])
            if tuple(self._outside) != self._path:
                return
            self._count, self._started = 0, self.read
        self._count += 1 + len(own)
        if self._count > MAX_ELEMENTS:
            raise BrokenXml(f"has a record of more than {MAX_ELEMENTS:,} elements")
        if self.read - self._started > MAX_RECORD_BYTES:
            raise BrokenXml(f"has a record of more than {MAX_RECORD_BYTES >> 20} MB")
        self._elements.append(_Element(own))

    def text(self, text: str) -> None:
        if self._elements:
            element = self._elements[-1]
            element.texts.append(text)
            if not element.has_own_text and not text.isspace():
                element.has_own_text = True
            if self.read - self._started > MAX_RECORD_BYTES:
                raise BrokenXml(f"has a record of more than {MAX_RECORD_BYTES >> 20} MB")

    def end(self, name: str) -> None:
        if not self._elements:
            self._outside.pop()
            return
        element = self._elements.pop()
        value, text = self._value(element, split_name(name)[1])
        if self._elements:
            self._elements[-1].children.setdefault(name, []).append(value)
            self._elements[-1].texts.append(text)
        else:
            self._outside.pop()
            self.records.append(value if isinstance(value, dict) else {TEXT_FIELD: value})

    def _value(self, element: _Element, local: str) -> tuple[Any, str]:
        """Return an element's value and its whole text."""
        text = "".join(element.texts)
        if not element.children and not element.attributes:
            return text, text
        value: dict[str, Any] = {f"@{split_name(key)[1]}": each for key, each in element.attributes.items()}
        ranked: dict[str, tuple[int, str]] = {}
        for name, values in element.children.items():
            rank, plain = self._rank(name)
            inner = values[0] if len(values) == 1 else values
            known = ranked.get(plain)
            if known is None:
                ranked[plain] = (rank, name)
                value[plain] = inner
            elif known[0] <= rank:
                value[_full_name(name, local)] = inner
            else:
                value[_full_name(known[1], local)] = value[plain]
                value[plain] = inner
                ranked[plain] = (rank, name)
        if element.has_own_text:
            value[TEXT_FIELD] = text
        return value, text

    def _rank(self, name: str) -> tuple[int, str]:
        """Return which of several elements has the plain name (the lowest), and that name."""
        found = self._names.get(name)
        if found is None:
            prefix, local = split_name(name)
            found = (0 if prefix in self._google_prefixes else 2 if prefix else 1, local)
            self._names[name] = found
        return found


def _full_name(name: str, parent: str) -> str:
    prefix, local = split_name(name)
    return f"{prefix or parent}:{local}"
