"""fp8 graphs: QuantizeLinear and DequantizeLinear pairs around chosen linear layers of a transformer's graph.

Inputs: a graph, the largest input of each chosen layer. Outputs: the same graph, its chosen weights as E4M3 numbers
with one scale for each output channel, its chosen inputs rounded to E4M3 with one scale each.
TensorRT takes such a pair on both sides of a product as an fp8 product; there is no flag for it. Weights are converted
one at a time, so that 12 GB need little memory.

The exporter names products by number. A product is identified by its place: a block's first operation is the linear
layer of its modulation, whose weight keeps its name, and after it come the block's seven products in a fixed order.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from infra.engines.tensorrt.fp8_calibration import BLOCK_LINEARS, layer_name
from infra.errors import EngineError
from infra.onnx_graphs.external_data import load_graph

FP8_MAX = 448.0
"""The largest number of E4M3."""

BLOCK_PATTERN = re.compile(r"joint_blocks\.(\d+)\.adaLN_modulation\.")
SHARED_INPUT_PRODUCTS = ((0, 1, 2), (4, 5))
"""Products of a block, by their index, that read the same tensor: query, key and value; both halves of the gate."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _QuantizedTensor:
    """A tensor of E4M3 numbers, and the scale of each output channel in the graph's own type."""

    values: bytes
    scales: Floats


def write_fp8_graph(graph: Path, out: Path, input_maxima: Mapping[str, float]) -> int:
    """Write the quantized graph to `out`, its weights beside it, and return the number of fp8 products.

    Raises `EngineError` for what is no graph, or has weights elsewhere; for a graph without the layers that
    `input_maxima` names; and for a full disk.
    """
    import onnx

    try:
        model = load_graph(graph)
    except ValueError as error:
        raise EngineError(f"The graph {str(graph)!r} cannot be read: {error}; export it again.") from error
    products = block_matmuls(model.graph)
    if missing := sorted(set(input_maxima) - set(products)):
        raise EngineError(
            f"The graph {str(graph)!r} lacks {missing[0]!r}, which the calibration names: calibrate this model."
        )
    chosen = {products[name].input[1]: products[name] for name in input_maxima}
    data_type = _common_data_type(model.graph, set(chosen))
    _quantize_inputs(model.graph, {name: products[name] for name in input_maxima}, input_maxima, data_type)
    out.parent.mkdir(parents=True, exist_ok=True)
    data = out.with_name(out.name + ".data")
    try:
        with data.open("wb") as file:
            initializers = [
                moved
                for tensor in model.graph.initializer
                for moved in _move_tensor(tensor, graph.parent, chosen, file, data)
            ]
    except OSError as error:
        raise EngineError(
            f"The fp8 graph {str(out)!r} could not be written ({error.strerror}): free some space."
        ) from error
    _replace_messages(model.graph.initializer, initializers)
    _dequantize_weights(model.graph, chosen)
    del model.graph.value_info[:]
    onnx.save(model, out)
    return len(chosen)


def block_matmuls(graph: Any) -> dict[str, Any]:
    """Return the joint blocks' products with weights, by diffusers' names; raise `EngineError` for another layout."""
    weights = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2}
    blocks: dict[int, list[Any]] = {}
    block: int | None = None
    for node in graph.node:
        if modulation := next((match for name in node.input if (match := BLOCK_PATTERN.match(name))), None):
            block = int(modulation[1])
        elif any(name.startswith("finish.") for name in node.input):
            block = None
        elif block is not None and node.op_type == "MatMul" and node.input[1] in weights:
            blocks.setdefault(block, []).append(node)
    named = {}
    for block, nodes in blocks.items():
        inputs = [node.input[0] for node in nodes[: len(BLOCK_LINEARS)]]
        inputs_are_shared = all(
            len({inputs[index] for index in products}) == 1
            for products in SHARED_INPUT_PRODUCTS
            if len(inputs) == len(BLOCK_LINEARS)
        )
        if len(inputs) < len(BLOCK_LINEARS) or not inputs_are_shared or len(set(inputs)) != len(BLOCK_LINEARS) - 3:
            raise EngineError(
                f"Block {block} of the graph has another layout than `packshot engine export` writes: export again."
            )
        named.update({layer_name(block, linear): node for linear, node in zip(BLOCK_LINEARS, nodes, strict=False)})
    return named


def quantize_weights(weights: Floats, *, is_bf16: bool) -> _QuantizedTensor:
    """Round weights (inputs x outputs) to E4M3; each output channel's scale maps its largest value to 448."""
    import ml_dtypes

    scales = _round_scales_up(np.abs(weights).max(axis=0) / np.float32(FP8_MAX), is_bf16=is_bf16)
    numbers = np.clip(weights / scales, -FP8_MAX, FP8_MAX).astype(ml_dtypes.float8_e4m3fn)
    return _QuantizedTensor(numbers.tobytes(), scales)


def _round_scales_up(scales: npt.NDArray[Any], *, is_bf16: bool) -> Floats:
    """Return scales in the graph's type, none smaller than requested, so that no value is clipped."""
    fp32_scales = np.maximum(np.asarray(scales, np.float32), np.float32(2**-100))
    if not is_bf16:
        return fp32_scales
    bits = fp32_scales.view(np.uint32)
    return np.asarray(((bits + np.uint32(0xFFFF)) & np.uint32(0xFFFF0000)).view(np.float32))


def _common_data_type(graph: Any, names: set[str]) -> int:
    data_types = {tensor.data_type for tensor in graph.initializer if tensor.name in names}
    if len(data_types) != 1:
        raise EngineError(f"The graph's weights have {len(data_types)} types instead of one: export the model again.")
    return int(data_types.pop())


def _quantize_inputs(graph: Any, matmuls: Mapping[str, Any], input_maxima: Mapping[str, float], data_type: int) -> None:
    """Insert a pair before each tensor that chosen products read; products of one tensor share its pair."""
    import onnx

    maxima: dict[str, float] = {}
    for name, node in matmuls.items():
        maxima[node.input[0]] = max(maxima.get(node.input[0], 0.0), input_maxima[name])
    pending = {f"{source}_rounded": source for source in maxima}
    for node in matmuls.values():
        node.input[0] = f"{node.input[0]}_rounded"
    nodes = []
    for node in graph.node:
        source = pending.pop(node.input[0], None) if node.input else None
        if source is not None:
            scale = _round_scales_up(
                np.asarray([maxima[source] / FP8_MAX]), is_bf16=data_type == onnx.TensorProto.BFLOAT16
            )
            graph.initializer.append(_small_tensor(f"{source}_scale", data_type, [], scale))
            graph.initializer.append(
                onnx.helper.make_tensor(f"{source}_zero", onnx.TensorProto.FLOAT8E4M3FN, [], [0.0])
            )
            pair = (f"{source}_scale", f"{source}_zero")
            nodes.append(onnx.helper.make_node("QuantizeLinear", [source, *pair], [f"{source}_fp8"]))
            nodes.append(onnx.helper.make_node("DequantizeLinear", [f"{source}_fp8", *pair], [f"{source}_rounded"]))
        nodes.append(node)
    _replace_messages(graph.node, nodes)


def _dequantize_weights(graph: Any, chosen: Mapping[str, Any]) -> None:
    import onnx

    pairs = [
        onnx.helper.make_node(
            "DequantizeLinear", [f"{name}_fp8", f"{name}_scales", f"{name}_zeros"], [f"{name}_rounded"], axis=1
        )
        for name in chosen
    ]
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in chosen:
            node.input[1] = f"{node.input[1]}_rounded"
    _replace_messages(graph.node, [*pairs, *graph.node])


def _replace_messages(messages: Any, replacements: list[Any]) -> None:
    """Replace the messages of a list by copies: emptying the list invalidates its own messages."""
    copies = [type(message).FromString(message.SerializeToString()) for message in replacements]
    del messages[:]
    messages.extend(copies)


def _move_tensor(tensor: Any, home: Path, chosen: Mapping[str, Any], file: IO[bytes], data: Path) -> Iterator[Any]:
    """Yield a tensor with its numbers moved to `file`; for a chosen one its E4M3 numbers, scales and zeros."""
    import onnx

    if tensor.name not in chosen:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _append_external(tensor, _raw_bytes(tensor, home), file, data)
        yield tensor
        return
    quantized = quantize_weights(_float_values(tensor, home), is_bf16=tensor.data_type == onnx.TensorProto.BFLOAT16)
    numbers = onnx.TensorProto(name=f"{tensor.name}_fp8", data_type=onnx.TensorProto.FLOAT8E4M3FN, dims=tensor.dims)
    _append_external(numbers, quantized.values, file, data)
    channels = [tensor.dims[1]]
    zeros = onnx.TensorProto(name=f"{tensor.name}_zeros", data_type=onnx.TensorProto.FLOAT8E4M3FN, dims=channels)
    zeros.raw_data = bytes(tensor.dims[1])
    yield from (numbers, zeros, _small_tensor(f"{tensor.name}_scales", tensor.data_type, channels, quantized.scales))


def _small_tensor(name: str, data_type: int, dims: list[int], values: Floats) -> Any:
    """Return an inline tensor of fp32 or bf16 numbers: a bf16 is the upper half of an fp32."""
    import onnx

    half = data_type == onnx.TensorProto.BFLOAT16
    raw = (values.view(np.uint32) >> 16).astype("<u2").tobytes() if half else values.astype("<f4").tobytes()
    return onnx.TensorProto(name=name, data_type=data_type, dims=dims, raw_data=raw)


def _float_values(tensor: Any, home: Path) -> Floats:
    import onnx

    raw = _raw_bytes(tensor, home)
    if tensor.data_type == onnx.TensorProto.BFLOAT16:
        numbers = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        numbers = np.frombuffer(raw, "<f4")
    return np.asarray(numbers.reshape(tuple(tensor.dims)), np.float32)


def _raw_bytes(tensor: Any, home: Path) -> bytes:
    import onnx

    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return bytes(tensor.raw_data) or bytes(onnx.numpy_helper.to_array(tensor).tobytes())
    location = {entry.key: entry.value for entry in tensor.external_data}
    with (home / location["location"]).open("rb") as source:
        source.seek(int(location.get("offset", 0)))
        raw: bytes = source.read(int(location["length"]))
        return raw


def _append_external(tensor: Any, raw: bytes, file: IO[bytes], data: Path) -> None:
    import onnx

    tensor.data_location = onnx.TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", data.name), ("offset", file.tell()), ("length", len(raw))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    file.write(raw)
