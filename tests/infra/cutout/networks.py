"""Tiny networks with the shape of a real one: the mask is what is darker than the mean."""

from pathlib import Path
from typing import Any

import numpy as np


def write_network(path: Path, side: Any = 32, gain: float = -8.0, last: str = "Sigmoid", channels: int = 3) -> Path:
    """Write a graph that answers with `last(gain x the mean of the channels)`; a side may be a name: left open."""
    from onnx import TensorProto, helper, numpy_helper

    taken = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, channels, side, side])
    given = helper.make_tensor_value_info("mask", TensorProto.INT64 if last == "Shape" else TensorProto.FLOAT, None)
    nodes = [
        helper.make_node("ReduceMean", ["photo"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "gain"], ["scaled"]),
        helper.make_node(last, ["scaled"], ["mask"]),
    ]
    constants = [numpy_helper.from_array(np.array(gain, np.float32), "gain")]
    graph = helper.make_graph(nodes, "network", [taken], [given], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path
