"""fp32 reference graphs: a bf16 graph with the same weights, computed in fp32.

Inputs: an ONNX file in bf16, its weights beside it. Outputs: the same graph in fp32.
ONNX Runtime has no bf16 on a CPU. Each bf16 number is an fp32 number too, so no weight changes; only the rounding
between operations goes away, and with it what would hide a small mistake. Weights are converted one at a time: the
reference of 12 GB needs 24 GB of disk, and little memory.
"""

from pathlib import Path
from typing import IO, Any

import numpy as np

from infra.errors import EngineError
from infra.onnx_graphs.external_data import load_graph


def write_fp32_reference(graph: Path, reference: Path) -> None:
    """Write the fp32 reference of the bf16 graph at `graph` to `reference`, its weights beside it.

    Raises `EngineError` for a file that is no graph, or whose weights lie elsewhere.
    """
    import onnx

    try:
        model = load_graph(graph)
    except ValueError as error:
        raise EngineError(f"The graph {str(graph)!r} cannot be read: {error}; export it again.") from error
    reference.parent.mkdir(parents=True, exist_ok=True)
    data = reference.with_name(reference.name + ".data")
    try:
        with data.open("wb") as out:
            for tensor in model.graph.initializer:
                _move_tensor(tensor, graph.parent, out, data.name)
    except OSError as error:
        raise EngineError(
            f"The fp32 reference {str(reference)!r} could not be written ({error.strerror}): free some space."
        ) from error
    for node in model.graph.node:
        for attribute in node.attribute:
            _widen_attribute(node.op_type, attribute)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    del model.graph.value_info[:]
    onnx.save(model, reference)


def _move_tensor(tensor: Any, source_folder: Path, out: IO[bytes], data_name: str) -> None:
    """Append an external tensor's numbers to `out`, bf16 as fp32; an inline tensor stays in the graph."""
    import onnx

    is_bf16 = tensor.data_type == onnx.TensorProto.BFLOAT16
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        if is_bf16:
            _widen_tensor(tensor)
        return
    location = {entry.key: entry.value for entry in tensor.external_data}
    with (source_folder / location["location"]).open("rb") as source:
        source.seek(int(location.get("offset", 0)))
        raw = source.read(int(location["length"]))
    if is_bf16:
        raw = widen_bf16(raw)
        tensor.data_type = onnx.TensorProto.FLOAT
    del tensor.external_data[:]
    for key, value in (("location", data_name), ("offset", out.tell()), ("length", len(raw))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    out.write(raw)


def widen_bf16(raw: bytes) -> bytes:
    """Return bf16 numbers (little endian) as the same numbers in fp32: a bf16 is the upper half of an fp32."""
    return (np.frombuffer(raw, "<u2").astype("<u4") << 16).tobytes()


def _widen_attribute(operator: str, attribute: Any) -> None:
    import onnx

    if operator == "Cast" and attribute.name == "to" and attribute.i == onnx.TensorProto.BFLOAT16:
        attribute.i = onnx.TensorProto.FLOAT
    if attribute.HasField("t") and attribute.t.data_type == onnx.TensorProto.BFLOAT16:
        _widen_tensor(attribute.t)


def _widen_tensor(tensor: Any) -> None:
    import onnx

    numbers = onnx.numpy_helper.to_array(tensor).astype(np.float32)
    tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))
