"""Cutters are opened by name, and a customer's own code is believed only if it answers with a mask of the photo."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from infra.cutout.cutters import FileAlphaCutter, NamedCutters, open_cutter
from infra.cutout.plain_ground import PlainGroundCutter
from infra.errors import CutterUnusable
from infra.interfaces import AlphaMask, Photo
from tests.infra.cutout.drawn_products import disc, photo_of
from tests.infra.cutout.networks import write_network

HERE = "tests.infra.cutout.test_cutters"


class DarkCutter:
    name, version = "dark", "3"

    def cut(self, photo: Photo) -> AlphaMask:
        return np.asarray((photo.pixels.mean(axis=2) < 200) * np.uint8(255), np.uint8)


class SmallCutter(DarkCutter):
    def cut(self, photo: Photo) -> AlphaMask:  # noqa: ARG002
        return np.zeros((8, 8), np.uint8)


class FloatCutter(DarkCutter):
    def cut(self, photo: Photo) -> AlphaMask:
        return np.zeros(photo.pixels.shape[:2], np.float64)


class NoCutter(DarkCutter):
    def cut(self, photo: Photo) -> AlphaMask:  # noqa: ARG002
        return None


class BrokenCutter(DarkCutter):
    def cut(self, photo: Photo) -> AlphaMask:  # noqa: ARG002
        raise RuntimeError("out of scissors")


class NotACutter:
    name, version = "nothing", "1"


def test_our_own_cutter_is_opened_by_its_name() -> None:
    assert isinstance(open_cutter("plain-ground"), PlainGroundCutter)


def test_a_customers_code_is_opened_by_its_address() -> None:
    cutter = open_cutter(f"{HERE}:DarkCutter")
    assert (cutter.name, cutter.version) == ("dark", "3")
    assert (cutter.cut(photo_of(disc())) > 0).sum() == pytest.approx((disc() > 60).sum(), rel=0.03)


def test_a_customers_network_is_opened_by_its_path(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert open_cutter(str(write_network(tmp_path / "dark.onnx"))).name == "onnx-dark"


@pytest.mark.parametrize(
    ("cutter", "reason"),
    [
        ("SmallCutter", r"answers with uint8 of shape \(8, 8\); a mask of this photo is uint8 of shape \(256, 256\)"),
        ("FloatCutter", "answers with float64"),
        ("NoCutter", "answers with NoneType"),
        ("BrokenCutter", "failed: out of scissors"),
    ],
)
def test_an_answer_that_is_no_mask_of_the_photo_is_refused(cutter: str, reason: str) -> None:
    with pytest.raises(CutterUnusable, match=reason):
        open_cutter(f"{HERE}:{cutter}").cut(photo_of(disc()))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("scissors", "There is no cutter 'scissors'; choose plain-ground, u2netp, a file"),
        ("no_such_module:Cutter", "cannot be opened: No module named"),
        (f"{HERE}:NoSuchCutter", "cannot be opened"),
        (f"{HERE}:NotACutter", "cannot be opened"),
        (":", "There is no cutter"),
    ],
)
def test_an_unknown_name_has_a_reason(name: str, reason: str) -> None:
    with pytest.raises(CutterUnusable, match=reason):
        open_cutter(name)


def test_the_files_own_transparency_is_a_mask() -> None:
    assert np.array_equal(FileAlphaCutter().cut(photo_of(disc(), alpha=disc())), disc())
    with pytest.raises(CutterUnusable, match="no transparency of its own"):
        FileAlphaCutter().cut(photo_of(disc()))


def test_a_recipes_name_is_opened_by_the_settings_address_and_keeps_its_name() -> None:
    named = pickle.loads(pickle.dumps(NamedCutters({"mine": "tests.fixtures.composed_shop:DarkCutter"})))  # noqa: S301 - our own
    assert (named("mine").name, named("mine").version) == ("mine", "1")
    assert named("plain-ground").name == "plain-ground"
    for address in ("tests.fixtures.composed_shop:DarkCutter", "other.onnx"):
        with pytest.raises(CutterUnusable, match="known are plain-ground, u2netp, mine"):
            named(address)  # a recipe starts no code and names no file
