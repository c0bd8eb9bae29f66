"""A customer's network is opened only if it can be trusted, and believed only if it answers with a mask."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from infra.cutout.onnx_model import open_onnx_file
from infra.errors import CutterUnusable
from tests.infra.cutout.drawn_products import disc, iou, photo_of
from tests.infra.cutout.networks import write_network


@pytest.mark.parametrize("last", ["Sigmoid", "Identity"])
@pytest.mark.parametrize("side", [64, "side"])
def test_a_network_of_opacities_or_of_logits_cuts(tmp_path: Path, last: str, side: Any) -> None:
    cutter = open_onnx_file(write_network(tmp_path / "dark.onnx", side, last=last))
    mask = cutter.cut(photo_of(disc()))
    assert (mask.shape, mask.dtype) == ((256, 256), np.uint8)
    assert iou(mask, disc()) > 0.95


def test_the_version_changes_with_the_network(tmp_path: Path) -> None:
    one, other = (open_onnx_file(write_network(tmp_path / "dark.onnx", gain=gain)) for gain in (-8.0, -9.0))
    assert one.name == other.name == "onnx-dark"
    assert one.version != other.version
    assert len(one.version) == 12


def test_the_version_changes_with_the_weights_beside_the_graph(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(write_network(tmp_path / "first.onnx"))
    path = tmp_path / "dark.onnx"
    onnx.save_model(model, str(path), save_as_external_data=True, location="weights", size_threshold=0)
    before = open_onnx_file(path).version
    content = bytearray((tmp_path / "weights").read_bytes())
    content[-1] ^= 1
    (tmp_path / "weights").write_bytes(bytes(content))
    assert open_onnx_file(path).version != before


def test_a_missing_file_has_a_reason(tmp_path: Path) -> None:
    with pytest.raises(CutterUnusable, match=r"'gone.onnx' cannot be read: No such file"):
        open_onnx_file(tmp_path / "gone.onnx")


def test_a_file_that_is_no_network_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\xff\xff not a graph")
    with pytest.raises(CutterUnusable, match=r"'bad.onnx' cannot be read: it is no ONNX graph"):
        open_onnx_file(tmp_path / "bad.onnx")


def test_weights_that_lie_elsewhere_are_not_opened(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(write_network(tmp_path / "far.onnx"))
    [tensor] = model.graph.initializer
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    (tmp_path / "far.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CutterUnusable, match="which must be a file beside the graph"):
        open_onnx_file(tmp_path / "far.onnx")


@pytest.mark.parametrize(("side", "channels"), [(32, 4), (4096, 3)])
def test_a_network_that_takes_something_else_has_a_reason(tmp_path: Path, side: int, channels: int) -> None:
    with pytest.raises(CutterUnusable, match=r"must take one tensor\(float\) of 1 x 3 x side x side, at most 2048 px"):
        open_onnx_file(write_network(tmp_path / "odd.onnx", side, channels=channels))


@pytest.mark.parametrize(("last", "reason"), [("Shape", "int64 of shape"), ("Log", "finite numbers")])
def test_an_answer_that_is_no_mask_has_a_reason(tmp_path: Path, last: str, reason: str) -> None:
    with pytest.raises(CutterUnusable, match=reason):
        open_onnx_file(write_network(tmp_path / "odd.onnx", last=last)).cut(photo_of(disc()))


def test_the_same_photo_gives_the_same_mask(tmp_path: Path) -> None:
    cutter = open_onnx_file(write_network(tmp_path / "dark.onnx", 64))
    photo = photo_of(disc(), noise=3.0)
    assert np.array_equal(cutter.cut(photo), cutter.cut(photo))
