"""The bench of kept images composes, proves and screens drawn photos, and counts what a process holds."""

from pathlib import Path

import pytest

from bench import kept
from bench.kept import compose_photos, measure_kept
from catalogs import layout
from infra.stores import open_store


def test_every_step_is_timed_and_every_image_is_staged_with_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "CANVAS", 256)
    spent = compose_photos(f"file://{tmp_path}", ("plain-ground",), (480, 400), 2)
    assert set(spent) == {"first", "again", "screening", "plain-ground"}
    assert min(spent.values()) > 0
    names = [info.key for info in open_store(f"file://{tmp_path}").list(layout.STAGING)]
    assert sum(name.endswith("-kept.json") for name in names) == 2
    assert sum(name.endswith(".jpg") for name in names) == 2


@pytest.mark.slow
def test_a_row_says_what_an_image_costs_and_what_its_process_holds(tmp_path: Path) -> None:
    found = measure_kept(1, tmp_path, lambda _: None)
    row = found["rows"][0]
    assert row["cutters"] == ["plain-ground"]
    assert row["seconds"]["first"] > row["seconds"]["again"] > 0
    assert row["peak_mb"]["3"] > 50
