"""The cut-out bench tells a good mask from a bad one, and counts what the rules let pass."""

import numpy as np
import pytest

from bench import cutout
from bench.cutout import boundary_f, measure_cutout


def square(left: int) -> np.ndarray:
    mask = np.zeros((60, 60), np.bool_)
    mask[20:40, left : left + 20] = True
    return mask


@pytest.mark.parametrize(("shift", "low", "high"), [(0, 1.0, 1.0), (1, 1.0, 1.0), (8, 0.2, 0.7), (30, 0.0, 0.2)])
def test_outlines_are_compared_within_two_pixels(shift: int, low: float, high: float) -> None:
    assert low <= boundary_f(square(5 + shift), square(5), 2) <= high


def test_drawn_photos_are_cut_by_each_cutter_and_gated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutout, "SIDE", 256)
    monkeypatch.setattr(cutout, "TIMED_SIDE", 128)
    monkeypatch.setattr(cutout, "TIMED_ROUNDS", 1)
    said: list[str] = []
    found = measure_cutout(1, 0, said.append)
    [row] = [row for row in found["cutters"] if row["cutter"] == "plain-ground"]
    assert (row["ground"], row["photos"]) == ("white", 1)
    assert row["iou_min"] > 0.95
    assert row["boundary"] > 0.95
    assert sum(found["gated"]["decisions"]["white"].values()) == 1
    assert found["gated"]["passed_wrongly"] == 0
    assert {"plain-ground", "refinement", "cut, refined and measured"} <= found["seconds"].keys()
    assert said[0].startswith(("without u2netp", "cutting white"))
