"""Rule positions: the line of a YAML file on which a value stands, for errors that name it.

Inputs: a YAML text that was read before, and the path of a field in it. Outputs: how much of the path the text holds,
and the line. The text is read again only where an error is to be told, so reading good files costs nothing more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import yaml

_MAX_DIGITS = 7
_MERGE = "tag:yaml.org,2002:merge"


class RulePosition(NamedTuple):
    """How many steps of a path a text holds, and the line (from 1) on which the last of them stands."""

    depth: int
    line: int


def find_position(text: str, path: Sequence[int | str]) -> RulePosition:
    """Return where a path stands in a YAML text, as far as the text holds it; depth 0 is the whole file."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 1
    for depth, step in enumerate(path):
        found = _child(node, step)
        if found is None:
            return RulePosition(depth, line)
        key, node = found
        line = key.start_mark.line + 1
    return RulePosition(len(path), line)


def split_path(text: str) -> tuple[int | str, ...]:
    """Return the path in a dotted text such as `categories.mugs.template`, whose numbers are places in lists."""
    return tuple(int(step) if step.isdecimal() and len(step) < _MAX_DIGITS else step for step in text.split("."))


def _child(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return a child's key (of a list: the child itself) and the child."""
    if isinstance(node, yaml.SequenceNode):
        is_in_list = isinstance(step, int) and step < len(node.value)
        return (node.value[step], node.value[step]) if is_in_list else None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value == str(step):
            return key, value
    merged = [value for key, value in node.value if key.tag == _MERGE]
    parents = [part for value in merged for part in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
    return next((found for parent in parents if (found := _child(parent, step))), None)
