"""A header is read within its bounds, whatever length it claims."""

import json
from pathlib import Path

import pytest

from infra.models.safetensors_header import MAX_HEADER_BYTES, header_bytes, tensor_shapes


def written(path: Path, header: bytes, length: int | None = None) -> Path:
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header)
    return path


def test_shapes_are_read_from_the_header_alone(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "a": {"shape": [2, 3]}, "b": {"shape": []}}
    path = written(tmp_path / "w.safetensors", json.dumps(header).encode())
    assert tensor_shapes(path) == [(2, 3), ()]
    assert header_bytes(path) == len(json.dumps(header))


@pytest.mark.parametrize("length", [3, MAX_HEADER_BYTES + 1, 1 << 40, (1 << 64) - 1])
def test_a_length_beyond_the_file_is_refused_unread(tmp_path: Path, length: int) -> None:
    path = written(tmp_path / "w.safetensors", b"{}", length)
    for read in (header_bytes, tensor_shapes):
        with pytest.raises(ValueError, match=f"it has 10 bytes, and a header of {length}"):
            read(path)


def test_a_huge_header_of_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", b"", 1 << 35)
    with path.open("r+b") as file:
        file.truncate(1 << 36)  # without blocks on the disk
    with pytest.raises(ValueError, match=f"a header of {1 << 35} bytes, and at most {MAX_HEADER_BYTES}"):
        tensor_shapes(path)


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"{", b'{"a": 1}', b'{"a": {"shape": "12"}}', b'{"a": {"shape": [-1]}}', b'{"a": {"shape": [true]}}',
     b'{"a": {"shape": [1e9]}}', b"[" * 100_000],
)  # fmt: skip
def test_a_header_that_is_none_has_a_reason(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        tensor_shapes(written(tmp_path / "w.safetensors", header))


def test_an_empty_file_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="it has 0 bytes"):
        tensor_shapes(tmp_path / "w.safetensors")
