"""Follow a path into values of Python: the records of XML feeds, and JSON whose fields have several types.

Inputs: a value, the steps of a path. Outputs: a text, number or truth value, a list of these, an object, or None.
The same path into the same value gives what `infra.sources.nested.nested_arrays` gives for Arrow's columns.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from infra.sources.nested.nested_paths import FieldStep, IndexStep, Step

TEXT_FIELD = "#text"
"""The field of an XML element's own text, where it has attributes or elements too."""

_EXACT_LIMIT = 2**53


def value_at(value: Any, steps: Sequence[Step]) -> Any:
    """Return what lies at the end of a path; None where the value lacks it."""
    for step in steps:
        value = _value_after(value, step)
        if value is None:
            return None
    return value


def scalars_of(value: Any) -> Iterator[Any]:
    """Yield the texts, numbers and truth values of a value or of its list; an XML element gives its text."""
    if isinstance(value, list):
        for each in value:
            yield from scalars_of(each)
    elif isinstance(value, dict):
        if value:
            yield element_text(value)
    elif value is not None:
        yield value


def element_text(element: dict[str, Any]) -> str:
    """Return the text of an XML element: its own, or that of the elements in it."""
    if TEXT_FIELD in element:
        return str(element[TEXT_FIELD])
    inner = (scalar_text(each) for name, value in element.items() if name[:1] != "@" for each in scalars_of(value))
    return " ".join(text for text in inner if text)


def scalar_text(value: Any) -> str:
    """Return a text, a number or a truth value as text, as a column of that type would read."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_LIMIT:
        return str(int(value))
    return str(value)


def _value_after(value: Any, step: Step) -> Any:
    if isinstance(step, IndexStep):
        if not isinstance(value, list):
            return value if step.number in (0, -1) else None
        return value[step.number] if -len(value) <= step.number < len(value) else None
    if isinstance(step, FieldStep):
        if isinstance(value, list):
            return [inner for each in value for inner in _as_list(_value_after(each, step)) if inner is not None]
        return _field(value, step.name)
    for each in _as_list(value):
        found = _field(each, step.field)
        if found is not None and any(scalar_text(text) == step.value for text in scalars_of(found)):
            return each
    return None


def _field(value: Any, name: str) -> Any:
    """Return a field of an object; of an XML element without such an element, the attribute."""
    return value.get(name, value.get(f"@{name}")) if isinstance(value, dict) else None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
