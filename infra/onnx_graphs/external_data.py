"""External data: the weights of an ONNX graph lie beside it, in files that are its own.

Inputs: an ONNX file. Outputs: the graph without its weights, or a `ValueError` that says what is wrong. A graph names
the file of each large tensor, and whoever reads it opens what it names: `../../etc/passwd`, or a link. So every name is
checked before ONNX Runtime, TensorRT or this package reads one, in sub-graphs, attributes and functions too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_GRAPH_BYTES = (1 << 31) - 1
"""What protobuf reads at most."""


def load_graph(path: Path) -> Any:
    """Return the graph without its external weights. Raises `ValueError` for none, and for data that lies elsewhere."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        if (size := path.stat().st_size) > MAX_GRAPH_BYTES:
            raise ValueError(f"it has {size} bytes, and at most {MAX_GRAPH_BYTES} are read")
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    except DecodeError as error:
        raise ValueError(f"it is no ONNX graph ({error})") from None
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            _check_location(tensor, path.parent)
    return model


def external_files(model: Any, folder: Path) -> list[Path]:
    """Return the files beside a graph that hold its tensors, each once, by name; of a graph that `load_graph` gave."""
    import onnx

    names = {
        entry.value
        for tensor in _tensors(model)
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [folder / name for name in sorted(names)]


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor of a message, wherever it stands: a walk over all fields misses no kind of attribute."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in value if field.is_repeated else [value]:
            if hasattr(inner, "DESCRIPTOR"):
                yield from _tensors(inner)


def _check_location(tensor: Any, folder: Path) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    name = entries.get("location", "")
    if not name or name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise ValueError(f"its tensor {tensor.name!r} names the data {name!r}, which must be a file beside the graph")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"its tensor {tensor.name!r} names the data {name!r}, which is no file beside the graph")
    numbers = [entries.get(key, "0") for key in ("offset", "length")]
    if not all(number.isascii() and number.isdecimal() and len(number) < 20 for number in numbers):
        raise ValueError(f"its tensor {tensor.name!r} has the range {numbers!r} in {name!r}")
    if sum(map(int, numbers)) > path.stat().st_size:
        raise ValueError(f"its tensor {tensor.name!r} ends beyond {name!r}")
