"""Mutations: other bytes of the same kind, changed where a parser looks.

Inputs: bytes, the longest result, a seed. Outputs: bytes. The same seed gives the same result.

`change` is the caller's way to change plain bytes: libFuzzer's own, which knows what it has seen compared, or the one
of `change_bytes`. A mutation changes the structure (a JSON node, a PNG chunk and its checksum, a JPEG segment, a line)
or falls back on that, so that most results pass a parser's first check.
"""

import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

Change = Callable[[bytes, int], bytes]
Mutation = Callable[[bytes, int, random.Random, Change], bytes]

HOSTILE_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 0.1, [], {}, [[]], [None]),
    *("", " ", "0", "NaN", "\x00", "\x1b[31m", "\ud800", "../../x", "/etc/passwd", "a" * 5000, "é\u202e", "2026-13-45"),
    *("9999-12-31T23:59:59.999999+23:59", "2026-01-01T00:00:00", {"": None}, {"__class__": 1}, "%(x)s", "{{ title }}"),
)
HOSTILE_TEXTS: tuple[bytes, ...] = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r",
        b"\n",
        b'"',
        b"'",
        b",",
        b"\t",
        b"\x1b[2J",
        b"a" * 3000,
    ),
    *(b"://", b"::", b"@", b"?", b"#", b"%00", b"%2e%2e/", b"../", b"{{", b"}}", b"{%", b"%}", b"{% for a in title %}"),
    *(b"[" * 3000, b"{" * 300, b"- " * 400, b"<<: *a\n", b"&a ", b"*a", b"? ", b": ", b"|\n", b"~", b".inf", b".nan"),
    *(
        b"!!python/object:os.system ",
        b"!!float ",
        b"!!int ",
        b"!!bool x",
        b"!!timestamp ",
        b"!!binary ",
        b"!!omap ",
        b"!!set ",
    ),
    *(b"2026-99-99", b"0x" + b"f" * 300, b"1:" * 200, b"9" * 5000, b"1e999", b"null\n", "\u202e\u2066٣３".encode()),
)
HOSTILE_SIZES = (0, 1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)


def plain(data: bytes, max_bytes: int, rng: random.Random, change: Change) -> bytes:
    """Change bytes, wherever they are."""
    return change(data, max_bytes)


def text(data: bytes, max_bytes: int, rng: random.Random, change: Change) -> bytes:
    """Insert, replace, repeat or drop words and lines; or change bytes."""
    choice = rng.randrange(6)
    if choice == 0:
        return change(data, max_bytes)
    if choice in (1, 2):
        at, end = _span(data, rng, 8)
        return (data[:at] + rng.choice(HOSTILE_TEXTS) + data[end:])[:max_bytes]
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    if choice == 3:
        lines[at : at + 1] = [lines[at]] * rng.choice((0, 2, 3, 40))
    elif choice == 4:
        lines.insert(at, lines[rng.randrange(len(lines))])
    else:
        head, colon, _ = lines[at].partition(b":")
        lines[at] = head + colon + b" " + rng.choice((*HOSTILE_TEXTS, _as_json(rng.choice(HOSTILE_VALUES))))
    return b"\n".join(lines)[:max_bytes]


def json_document(data: bytes, max_bytes: int, rng: random.Random, change: Change) -> bytes:
    """Replace, drop, repeat or wrap a node of a JSON document; or change its text."""
    if rng.randrange(4) == 0:
        return text(data, max_bytes, rng, change)
    try:
        return _as_json(_changed(json.loads(data), rng))[:max_bytes]
    except (ValueError, RecursionError):
        return text(data, max_bytes, rng, change)


def json_lines(data: bytes, max_bytes: int, rng: random.Random, change: Change) -> bytes:
    """Change one line as a JSON document, or the lines as text."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    if rng.randrange(3) == 0 or not lines[at].strip():
        return text(data, max_bytes, rng, change)
    lines[at] = json_document(lines[at], max_bytes, rng, change)
    return b"\n".join(lines)[:max_bytes]


def image(data: bytes, max_bytes: int, rng: random.Random, change: Change) -> bytes:
    """Change a chunk or segment and set its checksum and length right; or change bytes."""
    if rng.randrange(3) == 0:
        return change(data, max_bytes)
    if data.startswith(b"\x89PNG"):
        return _png(data, rng, change)[:max_bytes]
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data, rng, change)[:max_bytes]
    return change(data, max_bytes)


def change_bytes(seed: int) -> Change:
    """Return a change of plain bytes that needs no library: flips, numbers, copies, cuts."""
    rng = random.Random(seed)

    def change(data: bytes, max_bytes: int) -> bytes:
        at, end = _span(data, rng, 16)
        number = struct.pack(rng.choice(("<I", ">I", "<Q", ">Q")), rng.choice(HOSTILE_SIZES))
        middle = rng.choice((b"", number, bytes([rng.randrange(256)]), data[at:end] * 3, rng.choice(HOSTILE_TEXTS)))
        return (data[:at] + middle + data[end:])[:max_bytes]

    return change


def _changed(node: Any, rng: random.Random) -> Any:
    """Return a document in which one node, chosen on the way down, is another one."""
    children = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    if not children or rng.randrange(8) == 0:
        depth = rng.choice((1, 2, 3, 70, 400))
        wrapped = node
        for _ in range(depth):
            wrapped = [wrapped]
        return rng.choice((*HOSTILE_VALUES, wrapped))
    name, child = rng.choice(children)
    changed = dict(children)
    action = rng.randrange(8)
    if action == 0:
        del changed[name]
    elif action == 1:
        changed[name + rng.choice(("x", "\x00", " ")) if isinstance(node, dict) else -1] = child
    else:
        changed[name] = _changed(child, rng)
    return changed if isinstance(node, dict) else list(changed.values())


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _span(data: bytes, rng: random.Random, longest: int) -> tuple[int, int]:
    at = rng.randrange(len(data) + 1)
    return at, min(len(data), at + rng.randrange(longest))


def _png(data: bytes, rng: random.Random, change: Change) -> bytes:
    chunks, offset = [], 8
    while offset + 8 <= len(data):
        length = struct.unpack_from(">I", data, offset)[0]
        chunks.append((data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + length]))
        offset += 12 + length
    if not chunks:
        return change(data, len(data) + 64)
    at = rng.randrange(len(chunks))
    name, body = chunks[at]
    if name == b"IHDR" and len(body) == 13:
        width, height = (rng.choice((*struct.unpack_from(">II", body), *HOSTILE_SIZES)) for _ in range(2))
        body = struct.pack(">II", width, height) + bytes(
            rng.choice((*body[8:], 0, 1, 2, 3, 4, 6, 8, 16)) for _ in range(5)
        )
    elif rng.randrange(3) == 0:
        name = rng.choice((b"iCCP", b"zTXt", b"iTXt", b"tRNS", b"PLTE", b"eXIf", b"gAMA", b"acTL", b"fdAT", b"IDAT"))
    else:
        body = change(body, len(body) + 64)
    chunks[at : at + 1] = [(name, body)] * rng.choice((1, 1, 1, 2))
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _jpeg(data: bytes, rng: random.Random, change: Change) -> bytes:
    segments, offset = [], 2
    while offset + 4 <= len(data) and data[offset] == 0xFF and data[offset + 1] != 0xDA:
        length = int.from_bytes(data[offset + 2 : offset + 4], "big")
        segments.append((data[offset + 1], data[offset + 4 : offset + 2 + length]))
        offset += 2 + max(length, 2)
    rest = data[offset:]
    if not segments or rng.randrange(4) == 0:
        return data[:offset] + change(rest, len(rest) + 64)
    at = rng.randrange(len(segments))
    marker, body = segments[at]
    if rng.randrange(3) == 0:
        marker = rng.choice((0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xFE))
    else:
        body = change(body, len(body) + 64)
    segments[at : at + 1] = [(marker, body[:65533])] * rng.choice((1, 1, 1, 2))
    return b"\xff\xd8" + b"".join(
        bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in segments
    ) + rest  # fmt: skip
