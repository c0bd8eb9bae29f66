"""Bound what a template can render to, before Jinja folds its constants or renders a row.

Inputs: a parsed template. Outputs: the most characters that it renders to, or `TemplateTooLarge`.
Twelve filters `replace("x", "xxxxxxxxxx")` in a row make a letter into a terabyte, and Jinja computes what has no field
in it when the template is compiled.
"""

from collections.abc import Sequence

from jinja2 import nodes

MAX_RENDERED_CHARACTERS = 16_000_000
"""The most characters of any value on the way to a prompt; a prompt itself may have 4,000."""

MAX_VALUE_CHARACTERS = 20_000
"""The longest value of a field."""

_NUMBER_CHARACTERS = 5_000  # Python writes no whole number of more than 4,300 digits
_LONGEST_CASE_CHANGE = 3  # of one character: the Greek iota with two accents in upper case


class TemplateTooLarge(Exception):
    """A value of the template can have more than `MAX_RENDERED_CHARACTERS`."""


def rendered_characters(node: nodes.Node) -> int:
    """Return the most characters that a node renders to. Raises `TemplateTooLarge`."""
    size = _characters(node)
    if size > MAX_RENDERED_CHARACTERS:
        raise TemplateTooLarge
    return size


def _characters(node: nodes.Node) -> int:
    if isinstance(node, nodes.Name):
        return MAX_VALUE_CHARACTERS
    if isinstance(node, nodes.TemplateData):
        return len(node.data)
    if isinstance(node, nodes.Const):
        return len(str(node.value))
    if isinstance(node, nodes.Filter):
        return _filtered_characters(node)
    if isinstance(node, nodes.If):
        rendered_characters(node.test)
        bodies: tuple[Sequence[nodes.Node], ...] = (node.body, node.elif_, node.else_)
        return max(sum(rendered_characters(child) for child in body) for body in bodies)
    sizes = [rendered_characters(child) for child in node.iter_child_nodes()]
    return sum(sizes) if isinstance(node, nodes.Template | nodes.Output | nodes.Concat) else max(sizes, default=0)


def _filtered_characters(node: nodes.Filter) -> int:
    arguments = [*node.args, *(keyword.value for keyword in node.kwargs)]
    size = rendered_characters(node.node) if node.node is not None else 0
    sizes = [rendered_characters(argument) for argument in arguments]
    if node.name == "replace":
        return _replaced_characters(size, node)
    if node.name in {"upper", "lower", "title", "capitalize"}:
        return _LONGEST_CASE_CHANGE * size
    return max(size, _NUMBER_CHARACTERS) + sum(sizes)


def _replaced_characters(size: int, node: nodes.Filter) -> int:
    """Return the size after a replacement. Its new text is plain text, as `templates` has checked; its old one may be a
    field, which may be empty, and then stands between all characters."""
    given = dict(zip(("old", "new"), node.args, strict=False)) | {pair.key: pair.value for pair in node.kwargs}
    old, new = (_constant_length(given.get(name)) for name in ("old", "new"))
    places = size // old if old else size + 1
    return size + places * max(0, new - old)


def _constant_length(node: nodes.Node | None) -> int:
    return len(str(node.value)) if isinstance(node, nodes.Const) else 0
