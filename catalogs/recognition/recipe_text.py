"""Recipe text: a proposal as a short YAML file that says why each line is there.

Inputs: a proposal and the number of the built-in recipe that it extends. Outputs: YAML. Names of columns come from a
stranger's file: they are written as YAML's own quoting demands, and in comments as visible text on one line.
"""

import json
from typing import Any

import yaml

from catalogs.recognition.proposal import RecipeProposal

_LINE_CHARACTERS = 110
MARKS_SHOWN = 4


def recipe_text(proposal: RecipeProposal, extends: str, source: str) -> str:
    """Return the file's text; `source` is the file that it was made for, as a person named it."""
    lines = [*_heading(proposal, source), f"extends: {extends}"]
    for name, value in proposal.content.items():
        lines += _field_lines(name, value, proposal)
    return "\n".join(lines) + "\n"


def _heading(proposal: RecipeProposal, source: str) -> list[str]:
    lines = [f"# Made by packshot recipe init for {_visible(source)}."]
    if proposal.kind is not None:
        marks = ", ".join(map(_visible, proposal.marks[:MARKS_SHOWN]))
        lines.append(f"# An export of {proposal.kind.name}, by its columns {marks}: {proposal.kind.source}")
    else:
        lines.append("# No vendor's export: columns are chosen by their names and values.")
    lines += [f"# Look at this: {_visible(doubt)}." for doubt in proposal.doubts]
    return lines


def _field_lines(name: str, value: Any, proposal: RecipeProposal) -> list[str]:
    reason = proposal.reasons.get(name)
    if not isinstance(value, dict) or name in ("inherit", "source", "split"):
        return [_with_comment(f"{name}: {_flow(value)}", reason)]
    lines = [_with_comment(f"{name}:", reason)]
    for key, part in value.items():
        lines.append(_with_comment(f"  {_flow(key)}: {_flow(part)}", proposal.reasons.get(f"{name}.{key}")))
    return lines


def _with_comment(line: str, reason: str | None) -> str:
    if not reason:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    comment = f"# {_visible(reason)}"
    return f"{line}  {comment}" if len(line) + len(comment) < _LINE_CHARACTERS else f"{indent}{comment}\n{line}"


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and not (value.isprintable() and value == value.strip()):
        return f'"{_visible(json.dumps(value, ensure_ascii=False)[1:-1])}"'
    listed = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**9)
    return listed.strip()[1:-1]


def _visible(text: str) -> str:
    """Return a text on one line, with what does not show (line breaks, marks of direction) as escapes."""
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in text)
