"""Bounded JSON: a document is parsed only where its size and its nesting are known to be harmless.

Inputs: the bytes of a document, or a file, and the largest size. Outputs: its value, or a `ValueError` that says what
is wrong. Size and nesting are counted before the parser sees a byte, since parsers allocate and recurse as they read:
20 kB of `[` end Python's with a RecursionError, and others with a signal.
"""

import json
import re
from pathlib import Path
from typing import Any

MAX_NESTING = 64
"""Objects and arrays inside one another; what Packshot, diffusers and transformers write has at most 8."""

_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string, or all that is left where one never ends: so each byte is looked at once."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_bounded_json(data: bytes, max_bytes: int, max_nesting: int = MAX_NESTING) -> Any:
    """Return the value of a UTF-8 document. Raises `ValueError` for one that is too large, too deep, or no JSON."""
    if len(data) > max_bytes:
        raise ValueError(f"it has {len(data)} bytes, and at most {max_bytes} are read")
    if (nesting := json_nesting(data)) > max_nesting:
        raise ValueError(f"it is nested {nesting} deep, and at most {max_nesting} are read")
    return json.loads(data.decode("utf-8"))


def read_bounded_json(path: Path, max_bytes: int, max_nesting: int = MAX_NESTING) -> Any:
    """Return the value of a file. Raises `OSError` where it cannot be read, `ValueError` as `parse_bounded_json` does.

    Of a file that is too large no more than the limit is read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes, and no more are read")
    return parse_bounded_json(data, max_bytes, max_nesting)


def json_nesting(data: bytes) -> int:
    """Return how deep objects and arrays are nested; brackets in strings do not count. Memory: 10 bytes a bracket."""
    import numpy as np  # here: the command line loads it for no `--help`

    brackets = np.frombuffer(_STRINGS.sub(b"", data).translate(None, _NO_BRACKETS), dtype=np.uint8)
    if not brackets.size:
        return 0
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return max(0, int(np.cumsum(steps).max()))
