"""Follow a path into Arrow columns of structs, lists and maps, without a Python object for any row.

Inputs: an array, the steps of a path. Outputs: an array with one value a row: a text, a number, or a list of these.
Invariant: what a row lacks is null, wherever on the path it ends; nothing is decoded out of its dictionary on the way.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import UnreadableSource
from infra.sources.batch_slicing import is_list, list_lengths
from infra.sources.nested.nested_paths import FieldStep, IndexStep, MatchStep, Step, likeliest_paths

_MAX_FOUND_PATHS = 100


def type_at(kind: pa.DataType, steps: Sequence[Step]) -> pa.DataType | None:
    """Return the type of what lies at the end of a path; None where no row can have anything there."""
    for step in steps:
        found = _type_after(kind, step)
        if found is None:
            return None
        kind = found
    return kind


def values_at(array: Any, steps: Sequence[Step]) -> Any:
    """Return what lies at the end of a path in each row. The path must have a type (see `type_at`)."""
    for step in steps:
        array = _step_into(array, step)
    return array


def require_plain(name: str, kind: pa.DataType | None, holder: str) -> None:
    """Raise `UnreadableSource` for a column of objects, with paths into it that end at a text or a number."""
    if kind is None:
        return
    if holds_objects(kind):
        paths = ", ".join(repr(path) for path in plain_paths(name, kind))
        raise UnreadableSource(
            f"The column {name!r} of {holder} holds {str(kind)[:200]}, which is neither text nor number; "
            + (f"name a part of it, such as {paths}." if paths else "drop it from the recipe's columns.")
        )


def holds_objects(kind: pa.DataType) -> bool:
    """Tell whether a value of a type is more than a text, a number or a list of these."""
    return bool(pa.types.is_nested(kind.value_type if is_list(kind) or pa.types.is_dictionary(kind) else kind))


def readable_names(name: str, kind: pa.DataType) -> list[str]:
    """Return a column's name, or of one with objects some paths into it."""
    return plain_paths(name, kind) if holds_objects(kind) else [name]


def plain_paths(name: str, kind: pa.DataType) -> list[str]:
    """Return some paths into a nested column that end at a text or a number, those with a telling name first."""
    found: list[str] = []
    waiting = [(name, kind)]
    while waiting and len(found) < _MAX_FOUND_PATHS:
        path, kind = waiting.pop(0)
        if is_list(kind):
            waiting.append((f"{path}[0]", kind.value_type))
        elif pa.types.is_struct(kind):
            waiting += [(f"{path}.{field.name}", field.type) for field in kind]
        elif not pa.types.is_map(kind):
            found.append(path)
    return likeliest_paths(found)


def _type_after(kind: pa.DataType, step: Step) -> pa.DataType | None:
    if isinstance(step, FieldStep):
        if pa.types.is_map(kind):
            return kind.item_type
        if is_list(kind):
            inner = _type_after(kind.value_type, step)
            return None if inner is None else pa.list_(inner.value_type if is_list(inner) else inner)
        return _struct_field_type(kind, step.name)
    if isinstance(step, IndexStep):
        return kind.value_type if is_list(kind) and not pa.types.is_map(kind) else kind
    element = kind.value_type if is_list(kind) else kind
    return None if _struct_field_type(element, step.field) is None else element


def _struct_field_type(kind: pa.DataType, name: str) -> pa.DataType | None:
    number = kind.get_field_index(name) if pa.types.is_struct(kind) else -1
    return None if number < 0 else kind.field(number).type


def _step_into(array: Any, step: Step) -> Any:
    kind = array.type
    if isinstance(step, FieldStep):
        if pa.types.is_map(kind):
            return _element(array, pc.equal(_plain(array.keys), step.name), array.items)
        return _mapped(array, step.name) if is_list(kind) else _field(array, step.name)
    if isinstance(step, IndexStep):
        if is_list(kind):
            return _element_at(array, step.number)
        return array if step.number in (0, -1) else pa.nulls(len(array), kind)
    if is_list(kind):
        values = _values(array)
        return _element(array, _matches(values, step), values)
    return array.take(_indices(np.arange(len(array)), _mask(_matches(array, step))))


def _field(array: Any, name: str) -> Any:
    """Return a field of each struct; null where the struct is."""
    child = array.field(array.type.get_field_index(name))
    if not array.null_count:
        return child
    return child.take(_indices(np.arange(len(array)), _mask(array.is_valid())))


def _mapped(array: Any, name: str) -> Any:
    """Return the lists with a field of each of their structs in place of these, without those that lack it."""
    values, starts, lengths = _values(array), _starts(array), list_lengths(array)
    inner = values_at(values, (FieldStep(name),))
    places = np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1]), lengths) + np.arange(int(lengths.sum()))
    inner = inner.take(pa.array(places))
    if is_list(inner.type):
        counts = np.append(0, np.cumsum(list_lengths(inner)))
        ends = counts[np.append(0, np.cumsum(lengths))]
        inner = inner.flatten()
        kept = _mask(inner.is_valid())
    else:
        kept = _mask(inner.is_valid())
        ends = np.append(0, np.cumsum(lengths))
    offsets = np.append(0, np.cumsum(kept))[ends].astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), inner.filter(pa.array(kept)), mask=array.is_null())


def _element_at(array: Any, number: int) -> Any:
    lengths = list_lengths(array)
    place = number if number >= 0 else lengths + number
    inside = (lengths > number) if number >= 0 else (lengths + number >= 0)
    return _values(array).take(_indices(_starts(array) + place, inside))


def _element(array: Any, chosen: Any, values: Any) -> Any:
    """Return the first chosen value of each list; null where none is."""
    starts, lengths = _starts(array), list_lengths(array)
    places = np.flatnonzero(_mask(chosen))
    first = np.searchsorted(places, starts)
    found = np.append(places, np.iinfo(np.int64).max)[first]
    return values.take(_indices(found, found < starts + lengths))


def _matches(array: Any, step: MatchStep) -> Any:
    return pc.equal(pc.cast(_plain(_field(array, step.field)), pa.string()), step.value)


def _plain(array: Any) -> Any:
    """Return an array out of its dictionary, whose places are checked first: what a file says there is not believed."""
    array.validate(full=True)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _values(array: Any) -> Any:
    """Return the values of all lists, those outside of a slice too: `_starts` points into them."""
    return array.values


def _starts(array: Any) -> npt.NDArray[np.int64]:
    """Return where each list begins among `_values`."""
    if pa.types.is_fixed_size_list(array.type):
        return np.asarray((np.arange(len(array)) + array.offset) * array.type.list_size, np.int64)
    return np.asarray(array.offsets.to_numpy(zero_copy_only=False), np.int64)[:-1]


def _mask(array: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), np.bool_)


def _indices(places: npt.NDArray[np.int64], inside: npt.NDArray[np.bool_]) -> Any:
    """Return places to take, null where they are outside."""
    return pa.array(places.astype(np.int64), mask=~inside)
