"""The page of a trial: pictures within it, no network, and a stranger's text escaped."""

from pathlib import Path

import numpy as np

from infra.imaging.codecs import encode_png
from tasks.reporting.recipe_trial_page import TrialPair, TrialPicture, write_trial_page


def test_a_pair_stands_side_by_side_and_text_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(np.full((64, 64, 3), 9, np.uint8)))
    old = TrialPicture("<script>alert(1)</script>", "a.png")
    write_trial_page(
        tmp_path, "shop", "old & new", [TrialPair("A<b>", "front", old, TrialPicture("new", None, "it failed"))]
    )
    page = (tmp_path / "index.html").read_text("utf-8")
    assert page.count('<img src="data:image/jpeg;base64,') == 1
    assert "it failed" in page
    assert "A&lt;b&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_a_side_without_a_slot_says_so(tmp_path: Path) -> None:
    write_trial_page(tmp_path / "new", "t", "c", [TrialPair("A", "side", None, TrialPicture("new", None, "x"))])
    assert "no such slot" in (tmp_path / "new" / "index.html").read_text("utf-8")
