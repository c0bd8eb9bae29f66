"""Transcripts of the documentation: blocks that show commands as they are typed, and what they print.

Inputs: `text` blocks whose first line begins with `$ `. Outputs: the commands with the lines below each. A line `…`
stands for any lines; all others are printed as they stand there, in a terminal of `COLUMNS` characters.
"""

import re
import shlex
from dataclasses import dataclass

from tests.docs.documents import Block, blocks

COLUMNS = 110
_PROMPT, _ANYTHING = "$ ", "…"


@dataclass(frozen=True)
class TypedCommand:
    """One command of a transcript, and the lines that it prints."""

    words: tuple[str, ...]
    lines: tuple[str, ...]

    def prints(self, output: str) -> bool:
        """Tell whether an output is the transcript's, where spaces at the ends of lines do not count."""
        parts = [".*" if line == _ANYTHING else re.escape(line.rstrip()) for line in self.lines]
        return re.fullmatch("\n".join(parts), shown(output), re.DOTALL) is not None


def shown(output: str) -> str:
    """Return an output as a page shows it: without spaces at the ends of lines, and without empty lines around it."""
    return "\n".join(line.rstrip() for line in output.strip("\n").splitlines()).strip("\n")


def transcripts() -> list[Block]:
    """Return the blocks of the documentation that are transcripts."""
    return [block for block in blocks("text") if block.text.startswith(_PROMPT)]


def typed_commands(block: Block) -> list[TypedCommand]:
    """Return a transcript's commands in their order."""
    commands = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *lines = part.strip("\n").split("\n")
        commands.append(TypedCommand(tuple(shlex.split(command)), tuple(lines)))
    return commands
