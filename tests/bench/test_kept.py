"""The bench of kept images composes, proves and screens drawn photos, and counts what a process holds."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import kept
from bench.kept import compose_photos, find_peaks, kept_table, measure_kept
from bench.kept_steps import LOOP, StepSeconds, compose_by_steps, time_steps
from catalogs import layout
from catalogs.policy.schema import built_in_policy
from flows.wiring.kept_images import kept_terms
from infra.composing.composer import Composer
from infra.cutout.cutters import open_cutter
from infra.stores import open_store


def test_every_step_is_timed_and_every_image_is_staged_with_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "CANVAS", 256)
    spent = compose_photos(f"file://{tmp_path}", ("plain-ground",), (480, 400), 2)
    assert set(spent) == {"first", "again", "screening"}
    assert min(spent.values()) > 0
    names = [info.key for info in open_store(f"file://{tmp_path}").list(layout.STAGING)]
    assert sum(name.endswith("-kept.json") for name in names) == 2
    assert sum(name.endswith(".jpg") for name in names) == 2


def test_the_steps_make_the_composers_image_with_its_scores_and_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "CANVAS", 512)
    store, cutters = open_store(f"file://{tmp_path}"), [open_cutter("plain-ground")]
    data = kept._photo_file((1100, 1040))
    _, prompt = kept._store_photo(store, data, 1, tuple((cutter.name, cutter.version) for cutter in cutters))
    frame = next(Composer(store, kept_terms(built_in_policy()), open_cutter).generate([prompt]))
    clock = StepSeconds()
    named = data + (1).to_bytes(8, "big")
    pixels, proof, cut = compose_by_steps(clock, named, cutters, kept.CANVAS, store, "steps")
    record = json.loads(frame.kept)  # type: ignore[union-attr]
    assert np.array_equal(pixels, frame.pixels)  # type: ignore[union-attr]
    assert proof.document() == record["proof"]
    assert {name: cut.scores[name] for name in cut.scores} == {name: record["scores"][name] for name in cut.scores}
    assert len(cut.scores) == len(record["scores"]) - 2, "all but mask.given and mask.flooded are measured by a step"
    assert min(clock.medians().values()) >= 0


def test_the_plain_loop_is_timed_beside_the_steps(tmp_path: Path) -> None:
    data = kept._photo_file((480, 400))
    seconds = time_steps(data, [open_cutter("plain-ground")], 256, open_store(f"file://{tmp_path}"), 2)
    assert {LOOP, "read", "plain-ground", "refine", "edge colours", "resample", "proof"} <= seconds.keys()
    assert seconds[LOOP] > 0


def test_memory_is_read_after_a_few_photos_and_after_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "CANVAS", 256)
    monkeypatch.setattr(kept, "LARGE", (480, 400))
    monkeypatch.setattr(kept, "FEW", 2)
    url = f"file://{tmp_path}"
    peaks = find_peaks(url, ("plain-ground",), 3, 600)
    assert list(peaks) == ["2", "3"]
    assert min(peaks.values()) > 50
    assert list(find_peaks(url, ("plain-ground",), 3, 0)) == ["1"]
    assert not list(open_store(url).list(""))


@pytest.mark.slow
def test_a_row_says_what_an_image_costs_and_what_its_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "ROUNDS", dict.fromkeys(kept.ROUNDS, 1))
    found = measure_kept(1, 600, tmp_path, lambda _: None)
    row = found["rows"][0]
    assert row["cutters"] == ["plain-ground"]
    assert row["first_ms"] > row["again_ms"] > 0
    assert row["over_loop"] > 1
    assert found["memory"][0]["peak_mb"]["1"] > 50
    assert kept_table(found).renderables
