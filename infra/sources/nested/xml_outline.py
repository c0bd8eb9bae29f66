"""Find the element of an XML document that is its record: `item`, `entry`, `product`, or what repeats.

Inputs: a binary stream; the record's path, where the recipe gives it. Outputs: the whole path of the record's element,
and other elements that may be meant. Only the first `OUTLINE_BYTES` are looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

from infra.sources.nested.xml_events import BrokenXml, XmlHandlers, parse_xml
from infra.sources.nested.xml_records import split_name

OUTLINE_BYTES = 8 << 20
MAX_RECORD_DEPTH = 8
"""Elements around a record, and the record. Feeds have two to five."""

RECORD_NAMES = frozenset({
    "item", "entry", "product", "offer", "shopitem", "article", "artikel", "produkt", "produit", "producto", "prodotto",
    "produto", "listing", "sku", "record", "row", "variant", "goods", "ware",
})  # fmt: skip
"""Names of a record in feeds of shops: RSS, Atom, Heureka, Yandex, BMEcat, PrestaShop, and plain words for it."""

_MAX_PATHS = 5_000
_MAX_FIELDS = 500
_MIN_FIELDS = 2

Path = tuple[str, ...]


@dataclass
class _Place:
    count: int = 0
    fields: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class RecordElement:
    """The path of the record's element by local names, and of other elements that may be meant."""

    path: Path
    others: tuple[Path, ...] = ()


def find_record_element(stream: IO[bytes], records: str | None) -> RecordElement:
    """Return which element is the record. Raises `BrokenXml`, also where none is."""
    outline = _Outline()
    for read in parse_xml(stream, XmlHandlers(outline.start, lambda _: None, outline.end)):
        if read >= OUTLINE_BYTES:
            break
    places = outline.places
    if records:
        wanted = tuple(part for part in records.strip().replace("/", ".").split(".") if part)
        found = [path for path in places if path[-len(wanted) :] == wanted] if wanted else []
        if not found:
            known = ", ".join(map(spell_element, sorted(places, key=lambda path: -places[path].count)[:5]))
            raise BrokenXml(f"has no element {records!r} (it has {known}): correct 'records'")
        return RecordElement(min(found, key=len))
    return _likeliest(places)


def spell_element(path: Path) -> str:
    """Return a path as `records` has it."""
    return "/".join(path)


def _likeliest(places: Mapping[Path, _Place]) -> RecordElement:
    repeated = [path for path, place in places.items() if place.count > 1 and len(place.fields) >= _MIN_FIELDS]
    named = [path for path, place in places.items() if path[-1].casefold() in RECORD_NAMES and place.fields]
    outermost = _outermost(named) or _outermost(repeated)
    if not outermost:
        outermost = [path for path, place in places.items() if len(place.fields) >= _MIN_FIELDS]
    if not outermost:
        raise BrokenXml("has no element that could be a record: name it as 'records'")
    chosen, *others = sorted(outermost, key=lambda path: (-len(places[path].fields), -places[path].count, len(path)))
    enough = len(places[chosen].fields) / 2
    alike = [path for path in others if places[path].count > 1 and len(places[path].fields) >= enough]
    return RecordElement(chosen, tuple(alike))


def _outermost(paths: list[Path]) -> list[Path]:
    """Return the paths that lie in none of the others."""
    known = set(paths)
    return [path for path in paths if not any(path[:length] in known for length in range(1, len(path)))]


class _Outline:
    def __init__(self) -> None:
        self.places: dict[Path, _Place] = {}
        self._names: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        local = split_name(name)[1]
        if self._names and len(self._names) <= MAX_RECORD_DEPTH:
            self._add_field(local)
        self._names.append(local)
        if len(self._names) > MAX_RECORD_DEPTH:
            return
        path = tuple(self._names)
        place = self.places.get(path)
        if place is None:
            if len(self.places) >= _MAX_PATHS:
                return
            place = self.places[path] = _Place()
        place.count += 1
        if attributes and len(place.fields) < _MAX_FIELDS:
            place.fields.update(f"@{key}" for key in attributes if not key.startswith("xmlns"))

    def end(self, _name: str) -> None:
        self._names.pop()

    def _add_field(self, local: str) -> None:
        holder = self.places.get(tuple(self._names))
        if holder is not None and len(holder.fields) < _MAX_FIELDS:
            holder.fields.add(local)
