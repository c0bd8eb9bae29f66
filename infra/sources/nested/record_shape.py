"""The shape of records whose fields may differ: which fields occur, how deep, and with which kinds of values.

Inputs: values of Python, one record after another. Outputs: the Arrow type in which what a path leads to can be held.
Invariant: memory is bounded by `MAX_FIELDS` fields at all depths together, whatever the records hold.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from infra.sources.json_fields import TooManyFields
from infra.sources.nested.nested_paths import FieldStep, IndexStep, Step, likeliest_paths
from infra.sources.nested.nested_values import TEXT_FIELD

MAX_FIELDS = 20_000
"""Fields of all records together, those inside of objects included; a field takes half a kilobyte."""

_TEXT, _WHOLE, _FLOAT, _TRUTH = 1, 2, 4, 8
_KINDS = {str: _TEXT, float: _FLOAT, bool: _TRUTH}
_MAX_FOUND_PATHS = 100
_MAX_WHOLE_BITS = 63
_MAX_FLOAT_BITS = 1023


class RecordShape:
    """What was seen at one place of the records."""

    __slots__ = ("fields", "items", "kinds")

    def __init__(self) -> None:
        self.kinds = 0
        self.fields: dict[str, RecordShape] | None = None
        self.items: RecordShape | None = None


class ShapeLearner:
    """Collects the shape of all records that it is given."""

    def __init__(self) -> None:
        self.shape = RecordShape()
        self._count = 0

    def learn(self, record: dict[str, Any]) -> None:
        """Add a record. Raises `TooManyFields`."""
        self._learn(self.shape, record)

    def _learn(self, shape: RecordShape, value: Any) -> None:
        kind = _KINDS.get(type(value))
        if kind is not None:
            shape.kinds |= kind
        elif isinstance(value, int):
            bits = value.bit_length()
            shape.kinds |= _WHOLE if bits <= _MAX_WHOLE_BITS else _FLOAT if bits <= _MAX_FLOAT_BITS else _TEXT
        elif isinstance(value, dict):
            fields = shape.fields = {} if shape.fields is None else shape.fields
            for name, inner in value.items():
                known = fields.get(name)
                if known is None:
                    known = fields[name] = self._new()
                self._learn(known, inner)
        elif isinstance(value, list):
            items = shape.items = shape.items or self._new()
            for inner in value:
                self._learn(items, inner)

    def _new(self) -> RecordShape:
        self._count += 1
        if self._count > MAX_FIELDS:
            raise TooManyFields(f"its records have more than {MAX_FIELDS:,} fields")
        return RecordShape()


def shapes_at(shape: RecordShape, steps: Sequence[Step]) -> tuple[list[RecordShape], bool]:
    """Return the shapes at the end of a path (none where nothing lies there), and whether values repeat there."""
    shapes, repeats = [shape], False
    for step in steps:
        shapes, repeats = _after(shapes, step, repeats)
    return shapes, repeats or any(each.items is not None for each in shapes)


def column_type(shapes: Iterable[RecordShape], repeats: bool) -> pa.DataType:
    """Return the type that holds what has these shapes: numbers of one kind, or text."""
    kinds = 0
    for shape in _leaves(shapes):
        kinds |= shape.kinds | (_TEXT if shape.fields else 0)
    kind = {0: pa.null(), _WHOLE: pa.int64(), _FLOAT: pa.float64(), _TRUTH: pa.bool_()}.get(kinds, pa.string())
    kind = pa.float64() if kinds == _WHOLE | _FLOAT else kind
    return pa.list_(pa.string() if pa.types.is_null(kind) else kind) if repeats else kind


def object_fields(shapes: Iterable[RecordShape]) -> list[str]:
    """Return the fields of objects among these shapes, which no column can hold; none where all are plain values."""
    return [name for shape in _leaves(shapes) for name in shape.fields or () if name != TEXT_FIELD]


def plain_paths(name: str, shape: RecordShape) -> list[str]:
    """Return some paths from here that end at texts and numbers alone."""
    found: list[str] = []
    waiting = [(name, shape)]
    while waiting and len(found) < _MAX_FOUND_PATHS:
        path, shape = waiting.pop(0)
        if shape.items is not None and (shape.items.fields or shape.items.items):
            waiting.append((f"{path}[0]", shape.items))
        elif shape.fields:
            waiting += [(f"{path}.{field}", inner) for field, inner in shape.fields.items()]
        else:
            found.append(path)
    return likeliest_paths(found)


def _leaves(shapes: Iterable[RecordShape]) -> list[RecordShape]:
    found = list(shapes)
    for shape in found:  # it grows meanwhile
        if shape.items is not None:
            found.append(shape.items)
    return found


def _after(shapes: list[RecordShape], step: Step, repeats: bool) -> tuple[list[RecordShape], bool]:
    inner = [shape.items for shape in shapes if shape.items is not None]
    if isinstance(step, FieldStep):
        return _fields_of(_leaves(shapes), step.name), repeats or bool(inner)
    if isinstance(step, IndexStep):
        return [_single(shape) for shape in shapes if shape.kinds or shape.fields] + inner, False
    return [_single(shape) for shape in _leaves(shapes) if _fields_of([shape], step.field)], False


def _single(shape: RecordShape) -> RecordShape:
    """Return the shape of one value at a place where others are lists."""
    single = RecordShape()
    single.kinds, single.fields = shape.kinds, shape.fields
    return single


def _fields_of(shapes: list[RecordShape], name: str) -> list[RecordShape]:
    """Return the shapes of a field of objects, and of the attribute of this name."""
    names = (name, f"@{name}")
    return [shape.fields[each] for shape in shapes if shape.fields for each in names if each in shape.fields]
