"""Paths to values inside values: `item_name[0].value`, `category.name`, `attributes[name=Color].option`.

Inputs: a name as a recipe has it, the columns of a source. Outputs: the column and the steps into it.
A column that literally has the name wins, and so does the longest beginning that is a column, since exports have names
with dots. A name step into a list goes into each of its values; an index counts from 0, and from the end where it is
negative; `[key=value]` is the first object whose key has that value, and `[*]` all of them. What is not repeated
counts as a list of one, since XML does not tell one from the other.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

MAX_STEPS = 32
"""Steps of a path. Exports of shop systems nest five levels deep."""

MAX_NAMED_PATHS = 4
"""Paths into one column that a message or a proposal names."""

_TELLING_NAMES = frozenset({"value", "name", "label", "title", "text", "data", "#text"})
_STEP = re.compile(r"\.(?P<field>[^.\[\]]+)|\[(?:(?P<index>-?\d{1,6})|\*|(?P<key>[^=\[\]]+)=(?P<value>[^\[\]]*))\]")


@dataclass(frozen=True)
class FieldStep:
    """Into an object: the value of a field."""

    name: str


@dataclass(frozen=True)
class IndexStep:
    """Into a list: the value at a place."""

    number: int


@dataclass(frozen=True)
class MatchStep:
    """Into a list of objects: the first one whose field has a value."""

    field: str
    value: str


Step = FieldStep | IndexStep | MatchStep


@dataclass(frozen=True)
class ColumnPath:
    """A column, and the steps into each of its values (none for the column itself)."""

    column: str
    steps: tuple[Step, ...] = ()


def resolve_path(name: str, columns: Collection[str]) -> ColumnPath | None:
    """Return what a name means in a source with these columns; None where no column begins it."""
    if name in columns:
        return ColumnPath(name)
    for match in reversed(list(re.finditer(r"[.\[]", name))):
        steps = parse_steps(name[match.start() :])
        if steps is not None and name[: match.start()] in columns:
            return ColumnPath(name[: match.start()], steps)
    return None


def parse_steps(text: str) -> tuple[Step, ...] | None:
    """Return the steps that a text spells, such as `[0].value`; None where it spells none."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or len(steps) == MAX_STEPS:
            return None
        if match["field"] is not None:
            steps.append(FieldStep(match["field"]))
        elif match["index"] is not None:
            steps.append(IndexStep(int(match["index"])))
        elif match["key"] is not None:
            steps.append(MatchStep(match["key"].strip(), match["value"].strip().strip("'\"")))
        position = match.end()
    return tuple(steps)


def likeliest_paths(paths: Sequence[str]) -> list[str]:
    """Return the paths that a person may mean, at most `MAX_NAMED_PATHS`: those to a value or a name first."""
    return sorted(paths, key=lambda path: path.rsplit(".", 1)[-1].lower() not in _TELLING_NAMES)[:MAX_NAMED_PATHS]
