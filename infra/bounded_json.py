"""Bounded JSON: a document is parsed only where its size and its nesting are known to be harmless.

Inputs: the bytes of a document, or a file, and the largest size. Outputs: its value, or a `ValueError` that says what
is wrong. Size and nesting are counted before the parser sees a byte, since parsers allocate and recurse as they read:
20 kB of `[` end Python's with a RecursionError, and others with a signal.
"""

import json
from pathlib import Path
from typing import Any


def parse_bounded_json(data: bytes, max_bytes: int) -> Any:
    """Return the value of a UTF-8 document. Raises `ValueError` for one that is too large, too deep, or no JSON."""
    from infra.json_nesting import MAX_DEPTH, nesting_depth  # here: it loads numpy, and `--help` needs none

    if len(data) > max_bytes:
        raise ValueError(f"it has {len(data)} bytes, and at most {max_bytes} are read")
    if (depth := nesting_depth(data)) > MAX_DEPTH:
        raise ValueError(f"it is nested {depth} deep, and at most {MAX_DEPTH} are read")
    return json.loads(data.decode("utf-8"))


def read_bounded_json(path: Path, max_bytes: int) -> Any:
    """Return the value of a file. Raises `OSError` where it cannot be read, `ValueError` as `parse_bounded_json` does.

    Of a file that is too large no more than the limit is read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"it has more than {max_bytes} bytes, and no more are read")
    return parse_bounded_json(data, max_bytes)
