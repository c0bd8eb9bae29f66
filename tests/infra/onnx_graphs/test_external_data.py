"""A graph's weights lie beside it, whatever part of the graph names them."""

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx

from infra.errors import EngineError
from infra.onnx_graphs.external_data import external_files, load_graph
from infra.onnx_graphs.onnx_runtime import OnnxRuntime
from infra.onnx_graphs.reference_models import write_fp32_reference


def tensor(location: str | None, offset: str = "0", length: str = "16") -> Any:
    made = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4])
    made.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            entry = made.external_data.add()
            entry.key, entry.value = key, value
    return made


def graph_with(**parts: Any) -> Any:
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4])
    nodes = parts.pop("nodes", [onnx.helper.make_node("Identity", ["w"], ["y"])])
    return onnx.helper.make_graph(nodes, "g", [], [out], **parts)


def written(folder: Path, graph: Any, **parts: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx.data").write_bytes(bytes(16))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10, **parts)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


def test_weights_beside_the_graph_are_run(tmp_path: Path) -> None:
    path = written(tmp_path, graph_with(initializer=[tensor("model.onnx.data")]))
    assert load_graph(path).graph.initializer[0].name == "w"
    assert OnnxRuntime(path).run({})["y"].tolist() == [0.0] * 4


def test_the_files_beside_a_graph_are_named_once_each(tmp_path: Path) -> None:
    graph = graph_with(initializer=[tensor("model.onnx.data"), tensor("model.onnx.data")])
    model = load_graph(written(tmp_path, graph))
    assert external_files(model, tmp_path) == [tmp_path / "model.onnx.data"]
    inside = graph_with(initializer=[onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [4], [1, 2, 3, 4])])
    assert external_files(load_graph(written(tmp_path, inside)), tmp_path) == []


@pytest.mark.parametrize(
    ("location", "offset", "length", "reason"),
    [
        *((name, "0", "16", "which must be a file beside the graph") for name in (
            "/etc/passwd", "../secret", "below/data", "..", ".", "", None, "a\\b", "a\nb",
        )),
        *((name, "0", "16", "which is no file beside the graph") for name in ("gone", "link", "below")),
        ("model.onnx.data", "1", "16", "ends beyond 'model.onnx.data'"),
        ("model.onnx.data", "9" * 30, "16", "has the range"),
        ("model.onnx.data", "-16", "16", "has the range"),
    ],
)  # fmt: skip
def test_weights_that_lie_elsewhere_are_opened_by_nobody(
    tmp_path: Path, location: str | None, offset: str, length: str, reason: str
) -> None:
    (tmp_path / "secret").write_bytes(bytes(64))
    path = written(tmp_path / "graph", graph_with(initializer=[tensor(location, offset, length)]))
    (path.parent / "below").mkdir()
    (path.parent / "below" / "data").write_bytes(bytes(16))
    (path.parent / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match=re.escape(reason)):
        load_graph(path)
    with pytest.raises(EngineError, match=re.escape(reason)[:40]):
        OnnxRuntime(path)
    with pytest.raises(EngineError, match=re.escape(reason)):
        write_fp32_reference(path, tmp_path / "twin" / "model.onnx")


def test_no_part_of_a_graph_is_passed_over(tmp_path: Path) -> None:
    outside, node = tensor("../secret"), onnx.helper.make_node
    inner = graph_with(nodes=[node("Constant", [], ["y"], value=outside)])
    sparse = onnx.SparseTensorProto(values=outside, indices=onnx.TensorProto(), dims=[4])
    function = onnx.helper.make_function(
        "own", "f", [], ["y"], [node("Constant", [], ["y"], value=outside)], [onnx.helper.make_opsetid("", 20)]
    )
    graphs = [
        (graph_with(nodes=[node("Constant", [], ["y"], value=outside)]), {}),
        (graph_with(nodes=[node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)]), {}),
        (graph_with(sparse_initializer=[sparse]), {}),
        (graph_with(), {"functions": [function]}),
    ]
    for number, (graph, parts) in enumerate(graphs):
        with pytest.raises(ValueError, match=r"names the data '\.\./secret'"):
            load_graph(written(tmp_path / str(number), graph, **parts))


def test_a_file_that_is_no_graph_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph at all")
    for name in ("model.onnx", "gone.onnx"):
        with pytest.raises(ValueError, match=r"."):
            load_graph(tmp_path / name)
