"""The sheet shows each stage with its zone, needs no network, and lets no stranger's text be markup."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.stages.library import StageLibrary
from infra.compositing.product_placement import PixelBox
from infra.stores.local import LocalStore
from tasks.reporting.stage_sheet import ShownStage, write_stage_sheet
from tasks.stages.stage_pictures import keep_stage_picture
from tests.fixtures.stage_scenes import a_stage, empty_scene


def test_what_waits_comes_first_with_its_zone_and_text_is_escaped(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    sha256 = keep_stage_picture(store, empty_scene())
    oak = a_stage("oak", sha256=sha256, width=1100, height=1024, state="approved", answered_by="<b>ann</b>")
    elm = a_stage("elm", source={"prompt": "<script>alert(1)</script>"}, reasons=("stage.text",))
    write_stage_sheet(store, [StageLibrary("shop", 2, (oak, elm)), StageLibrary("none")], tmp_path / "s.html")
    page = (tmp_path / "s.html").read_text("utf-8")
    assert page.index("elm") < page.index("oak")
    assert page.count('<image href="data:image/jpeg;base64,') == 1
    assert '<rect x="220" y="225" width="660" height="615"' in page
    assert "The picture is gone, or cannot be read" in page
    assert "Doubts: stage.text" in page
    assert "This library has no stage." in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<b>" not in page
    assert "default-src 'none'" in page


def test_a_picture_that_was_replaced_is_not_shown(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    one, other = keep_stage_picture(store, empty_scene()), keep_stage_picture(store, empty_scene(200))
    store.write(layout.stage_image(one), store.read(layout.stage_image(other)))
    write_stage_sheet(store, [StageLibrary("shop", 1, (a_stage("oak", sha256=one),))], tmp_path / "s.html")
    assert "<image " not in (tmp_path / "s.html").read_text("utf-8")


def test_a_shown_product_stands_in_the_zone_and_its_shadow_falls_away_from_the_light() -> None:
    shown = {light: ShownStage(a_stage("oak", light=light), None, PixelBox(200, 100, 600, 400)) for light in
             ("", "left", "right")}  # fmt: skip
    product = shown[""].product
    assert product == PixelBox(416, 100, 168, 400)
    assert shown["right"].shadow_centre < shown[""].shadow_centre == 500 < shown["left"].shadow_centre


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"--sheet: .*file/s\.html' cannot be written"):
        write_stage_sheet(LocalStore(tmp_path), [], tmp_path / "file" / "s.html")
