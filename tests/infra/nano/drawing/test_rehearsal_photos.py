"""The rehearsal's photos in the repository are the drawn ones, and each shows what it is there for."""

import cv2
import numpy as np
import pytest

from infra.cutout.cutters import open_cutter
from infra.cutout.cutting import cut_photo
from infra.nano.drawing.rehearsal_photos import FOLDER, draw_rehearsal_photos
from infra.photos.reading import read_photo


@pytest.mark.slow
def test_the_files_are_what_is_drawn() -> None:
    drawn = dict(draw_rehearsal_photos())
    assert sorted(drawn) == sorted(file.name for file in FOLDER.iterdir())
    for name, pixels in drawn.items():
        stored = cv2.imread(str(FOLDER / name))
        assert stored is not None
        assert stored.shape == pixels.shape
        assert np.abs(stored[..., ::-1].astype(int) - pixels).mean() < 3, f"{name}: draw it again"


def test_each_shows_what_it_is_there_for() -> None:
    cutters = [open_cutter("plain-ground")]
    scores = {file.stem: cut_photo(read_photo(file.read_bytes()), cutters).scores for file in FOLDER.iterdir()}
    assert scores["ring"]["mask.holes"] > 0
    assert scores["bottle"]["mask.frame"] > 0.6, "cut off"
    assert scores["plant-pot"]["mask.area"] < 0.005, "white on white: next to nothing of it is found"
    for name in ("mug", "backpack", "pan", "ring", "sneaker"):
        assert scores[name]["mask.area"] > 0.05, name
        assert scores[name]["mask.frame"] == 0, name
