"""Make every character of a stranger's text visible, and keep it on one line of bounded length.

Inputs: text of any origin (catalogues, models, file names, servers' answers). Outputs: text that a terminal, a log or a
browser shows as it stands. Invariant: no character of the result moves a cursor, starts an escape sequence, changes the
direction of writing, ends a line or breaks an encoder. Letters of any script, emoji and their joiners stay as they are.
"""

import re

MAX_TEXT_CHARACTERS = 400
"""How much of a catalogue's text is shown: enough for a sentence, far below a title of a megabyte."""

# C0 with ESC, DEL and C1; line and paragraph separators; embeddings, overrides and isolates of bidi; lone surrogates.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SPACES = str.maketrans("\t\n\r", "   ")


def printable(text: object, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """Return one line of at most `limit` characters without control characters or changes of writing direction."""
    line = _HIDDEN.sub(_escape, str(text)[: limit + 1].translate(_SPACES))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def visible_lines(text: str) -> str:
    """Return the text with its line breaks and tabs, every other hidden character escaped."""
    return _HIDDEN.sub(lambda match: match[0] if match[0] in "\n\t" else _escape(match), text)


def escape_in_json(document: str) -> str:
    r"""Return a JSON document with hidden characters as \uXXXX: the same values to every reader, visible on a terminal.

    Line breaks outside strings stay; inside strings JSON has none.
    """
    return _HIDDEN.sub(lambda match: match[0] if match[0] in "\n\t" else f"\\u{ord(match[0]):04x}", document)


def has_hidden_characters(text: str) -> bool:
    """Tell whether a text holds characters other than visible ones, line breaks and tabs."""
    return any(match[0] not in "\n\t" for match in _HIDDEN.finditer(text))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"
