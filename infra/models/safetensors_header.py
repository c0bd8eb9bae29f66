"""Safetensors headers: the length and the entries, read within bounds.

Inputs: a safetensors file. Outputs: its header's length in bytes, or the shape of each tensor. A file begins with 8
bytes that give the header's length, and whoever believes them reads as many bytes as a stranger likes.
"""

from pathlib import Path

from infra.bounded_json import parse_bounded_json

MAX_HEADER_BYTES = 100_000_000
"""As in the safetensors library, which refuses longer ones."""

LENGTH_BYTES = 8
_METADATA = "__metadata__"


def header_bytes(path: Path) -> int:
    """Return the header's length. Raises `OSError`, and `ValueError` for a file that is shorter than it says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if size < LENGTH_BYTES + length:
        raise ValueError(f"it has {size} bytes, and a header of {length}")
    return length


def tensor_shapes(path: Path) -> list[tuple[int, ...]]:
    """Return the shapes of all tensors. Raises `OSError`, and `ValueError` for a header that is none."""
    length = header_bytes(path)
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"it has a header of {length} bytes, and at most {MAX_HEADER_BYTES} are read")
    with path.open("rb") as file:
        file.seek(LENGTH_BYTES)
        header = parse_bounded_json(file.read(length), MAX_HEADER_BYTES)
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return [_shape(name, entry) for name, entry in header.items() if name != _METADATA]


def _shape(name: str, entry: object) -> tuple[int, ...]:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"the tensor {name!r} has no shape")
    return tuple(shape)
