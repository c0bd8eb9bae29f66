"""The documentation as tests read it: pages, their anchors and links, their blocks, and the command lines in them."""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.paths import ROOT

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its language, its text and the line where it begins."""

    page: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class CommandLine:
    """One line of a shell block, without its comment: variables set before it, and its words."""

    page: str
    variables: tuple[str, ...]
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join([*self.variables, *self.words])}"


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def text_of(path: Path) -> str:
    """Return a page's text."""
    return path.read_text("utf-8")


def name_of(path: Path) -> str:
    """Return a page's path inside the repository."""
    return path.relative_to(ROOT).as_posix()


def blocks(language: str) -> list[Block]:
    """Return all fenced blocks of a language."""
    return [
        Block(name_of(path), found[1], found[2], text_of(path).count("\n", 0, found.start()) + 1)
        for path in pages()
        for found in _BLOCK.finditer(text_of(path))
        if found[1] == language
    ]


def prose(path: Path) -> str:
    """Return a page's text without its fenced blocks."""
    return _BLOCK.sub("", text_of(path))


def links(path: Path) -> list[str]:
    """Return the targets of a page's links and images."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(path)))


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings)


def command_lines() -> list[CommandLine]:
    """Return every command line of every shell block."""
    lines = []
    for block in blocks("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            count = next((at for at, word in enumerate(words) if not re.match(r"[A-Z_0-9]+=", word)), len(words))
            if words:
                lines.append(CommandLine(block.page, tuple(words[:count]), tuple(words[count:])))
    return lines


def inline_commands() -> list[tuple[str, list[str]]]:
    """Return page and words of every `packshot …` in running text."""
    found = []
    for path in pages():
        for text in re.findall(r"`(packshot [^`\n]+)`", prose(path)):
            found.append((name_of(path), text.split()))
    return found
