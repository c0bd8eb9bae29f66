"""The benchmark measures what it says, at sizes that take seconds. How fast anything is, is nobody's test."""

import io
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from rich.console import Console

from bench import growth
from bench.__main__ import main
from bench.answers import measure_answers
from bench.planning import measure_planning
from bench.process_cost import machine_info, run_in_process
from bench.result_tables import show_results
from tests.fixtures.ray_clusters import NEEDS_RAY

COST = {"seconds", "cpu_seconds", "peak_mb", "start_mb", "children_mb"}


def say(_: str) -> None:
    """Say nothing."""


def shown(found: dict[str, Any]) -> str:
    text = io.StringIO()
    show_results(Console(file=text, width=200), {"machine": machine_info(), **found})
    return text.getvalue()


def spend(seconds: float, megabytes: int) -> int:
    """Use some CPU, wait a little, and hold some memory."""
    until = time.process_time() + seconds
    held = bytes(bytearray(range(256)) * (4096 * megabytes))
    while time.process_time() < until:
        pass
    time.sleep(0.2)
    return len(held) >> 20


def fail() -> None:
    raise ValueError("no such picture")


def test_a_cost_is_what_the_work_took_and_not_what_its_neighbours_take() -> None:
    held, cost = run_in_process(spend, 0.3, 200)
    assert held == 200
    assert cost.seconds >= cost.cpu_seconds + 0.1  # it sleeps for 0.2
    assert cost.cpu_seconds >= 0.28  # of 0.3: the system counts in hundredths, and cuts both ends
    assert cost.peak_mb - cost.start_mb >= 200
    _, light = run_in_process(spend, 0.0, 1)
    assert light.peak_mb < cost.peak_mb - 150, "a peak has leaked from one measurement into the next"


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="no such picture"):
        run_in_process(fail)


@pytest.mark.slow
def test_planning_finds_the_changed_skus_and_so_does_the_plain_loop(tmp_path: Path) -> None:
    nights = measure_planning(300, tmp_path, say)
    assert (nights["skus"], nights["slots"], nights["changed"]) == (300, 1200, 1)
    assert {name: case["to_make"] for name, case in nights["cases"].items()} == {
        "first night": 1200,
        "nothing changed": 0,
        "1 SKU changed": 4,
    }
    for case in nights["cases"].values():
        assert case["packshot"].keys() == case["plain_loop"].keys() == COST
        ours, loop = case["packshot"], case["plain_loop"]
        assert case["packshot_to_loop"]["peak_mb"] == pytest.approx(ours["peak_mb"] / loop["peak_mb"], abs=0.01)
        assert all(number > 0 for name, number in {**ours, **loop}.items() if name != "children_mb")
    assert json.loads(json.dumps(nights)) == nights
    assert "nothing changed" in shown({"plan": [nights]})


def test_unchanged_photos_are_all_known_and_changed_ones_read(tmp_path: Path) -> None:
    from bench.photos import measure_photos  # here: measured processes import this module, and should not

    found = measure_photos(300, tmp_path, say)
    assert {name: step["count"] for name, step in found.items() if isinstance(step, dict)} == {
        "references one by one": 30,
        "a column of a bucket": 300,
        "a column on the web": 300,
        "listing to table": 300,
        "nothing changed": 300,
        "1 % changed": 3,
        "an idle run": 300,
        "an idle run, 1,000 folders": 300,
    }
    assert "nothing changed" in shown({"photos": found})


@pytest.mark.slow
def test_overhead_leaves_engine_and_scanners_out(tmp_path: Path) -> None:
    from bench.overhead import (  # here: measured processes import this module, and should not
        CODEC_CALLS_PER_IMAGE,
        measure_overhead,
    )

    found = measure_overhead(32, 64, tmp_path, say)
    assert found["images"] >= found["published"] > 0
    assert found["codecs_ms"].keys() == CODEC_CALLS_PER_IMAGE.keys()
    together = sum(CODEC_CALLS_PER_IMAGE[name] * value for name, value in found["codecs_ms"].items())
    assert found["codecs_ms_an_image"] == pytest.approx(together, abs=0.02)
    spent = found["packshot"]["cpu_seconds"] / found["images"] * 1000
    counted = found["ms_an_image"] + found["engine_ms_an_image"] + found["scanners_ms_an_image"]
    assert counted == pytest.approx(spent, rel=0.01)
    assert found["engine_ms_an_image"] > 0
    assert found["scanners_ms_an_image"] > 0
    assert {"plan", "generate", "publish", "measuring processes"} <= found["stage_cpu_seconds"].keys()
    prefect = {"more_ms_an_image": 1.0}
    case = {"256": found, "1024": found, "imports_cpu_seconds": 5.0, "prefect": prefect}
    assert "scanners, apart" in shown({"overhead": case})


@pytest.mark.slow
def test_every_gate_has_its_cost_beside_the_baseline_of_the_same_run() -> None:
    from bench.gates import BASELINE, PIXEL_STEPS, TOTAL, measure_gates
    from infra.screening.measure import BUILTIN_SCANNERS

    found = measure_gates(2, say)
    for steps in found["sizes"].values():
        assert {f"scanner {name}" for name in BUILTIN_SCANNERS} | {BASELINE, TOTAL, *PIXEL_STEPS} <= steps.keys()
        assert steps[BASELINE]["to_baseline"] == 1
        assert all(steps[name]["ms"] > 0 for name in (BASELINE, TOTAL, "scanner pixels"))
        assert steps[TOTAL]["ms"] > sum(steps[f"scanner {name}"]["ms"] for name in BUILTIN_SCANNERS)
        pixels = steps["scanner pixels"]
        assert pixels["to_baseline"] == pytest.approx(pixels["ms"] / steps[BASELINE]["ms"], rel=0.05)
    assert found["others_us"].keys() == {"words of a prompt", "decision on a picture"}
    assert "scanner fingerprint" in shown({"gates": found})


@pytest.mark.slow
def test_the_busy_share_is_the_engines_between_its_first_and_last_picture(tmp_path: Path) -> None:
    from bench.engine_utilization import measure_utilization

    found = measure_utilization(8, 0.02, tmp_path, say)
    for name in ("packshot", "plain_loop", "loop_with_checks"):
        case = found[name]
        assert case["share"] == pytest.approx(case["busy_seconds"] / case["first_to_last_seconds"], abs=0.01)
        assert case["busy_seconds"] >= 8 * 0.02
        assert 0 < case["share"] <= 1
    assert "plain loop with our checks" in shown({"busy": found})


@pytest.mark.slow
def test_compositing_has_its_cost_by_step_and_its_peak_does_not_grow_with_the_photos() -> None:
    from bench.compositing import measure_compositing

    found = measure_compositing(6, say)
    ours = found["packshot"]
    assert found["steps_ms"].keys() == {"place", "resample", "shadow", "compose", "proof", "compare"}
    assert sum(found["steps_ms"].values()) == pytest.approx(1000 * ours["cpu_seconds_an_image"], abs=0.5)
    assert found["plain_loop"]["cpu_seconds_an_image"] > 0
    assert ours["peak_mb"] < found["few"]["peak_mb"] + 48, "a photo of 12 megapixels and its alpha have 48 MB"
    assert json.loads(json.dumps(found)) == found
    assert "with shadow and proof" in shown({"compositing": found})


@pytest.mark.slow
def test_a_server_records_every_shard_of_a_night(tmp_path: Path) -> None:
    from bench.prefect_server import SHARDS, measure_prefect_server

    found = measure_prefect_server(2 * SHARDS, tmp_path, say)
    assert (found["shards"], found["images"]["generated"]) == (SHARDS, 2 * SHARDS)
    assert found["recorded"] == {"generate completed": SHARDS, "screen completed": SHARDS}
    assert found["peak_mb"] < 1000
    assert "client's peak MB" in shown({"server": found})


@NEEDS_RAY
@pytest.mark.slow
def test_several_engines_are_measured_beside_one(
    tmp_path: Path, local_ray: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench import ray_scaling as several

    monkeypatch.setattr(several, "ENGINES", (1, 2))
    found = several.measure_ray_scaling(16, 0.05, tmp_path, say)
    assert found["engines"].keys() == {"1", "2"}
    for case in (found["inline"], *found["engines"].values()):
        assert case["images_a_second"] == pytest.approx(16 / case["seconds"], rel=0.05)
        assert 0 < case["busy_share"] <= 1
    one, two = found["engines"].values()
    assert (one["ratio"], two["ratio"]) == (1.0, pytest.approx(one["seconds"] / two["seconds"], abs=0.01))
    assert "2, on Ray" in shown({"ray": found})


def test_an_unknown_part_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["gpu"])
    assert ended.value.code == 2
    assert "plan, overhead, gates, busy" in capsys.readouterr().err.replace("'", "")


def test_the_machine_is_named() -> None:
    found = machine_info()
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["yardstick_seconds"] > 0


@pytest.mark.slow
def test_the_engine_is_measured_beside_diffusers_and_what_a_cpu_cannot_do_has_its_reason() -> None:
    pytest.importorskip("diffusers")
    from bench.engine import measure_engine

    found = measure_engine(1, say)
    assert {row["backend"] for row in found["rows"]} == {"diffusers", "eager", "graphs", "fp8"}
    assert all(bool(row["reason"]) != bool(row["images_per_second"]) for row in found["rows"])
    assert "to diffusers" in shown({"engine": found})


@pytest.mark.slow
def test_an_idle_run_asks_for_no_more_after_many_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")  # the benchmark sets them; they end with this test
    monkeypatch.setattr(growth, "LATENCY", 0.0)
    found = growth.measure_growth([10, 60], tmp_path, say)
    early, late = (found["idle"][commits]["total"] for commits in ("10", "60"))
    assert max(early, late) <= 150
    assert late <= early + 40, "a few entries since the last checkpoint, and files up to the next compaction"
    assert 0 < found["month"]["dollars"] <= 5
    assert "idle run after 60 commits" in shown({"growth": found})


@pytest.mark.slow
def test_ten_years_of_answers_are_read_by_as_many_requests_as_one() -> None:
    with TemporaryDirectory() as folder, TemporaryDirectory() as other:
        found, one = (measure_answers(years, 10, 500, Path(place), say) for years, place in ((10, folder), (1, other)))
    assert (found["answers"], found["archive"]["files"]) == (10 * one["answers"], 120)
    for what in ("all that have an effect", "those of 1,000 requests", "fold"):
        assert found["readers"][what]["requests"] == one["readers"][what]["requests"]
    assert "one SKU's, of every month" in shown({"answers": found})


@pytest.mark.slow
def test_the_gallery_answers_every_page_of_a_release(tmp_path: Path) -> None:
    from bench.gallery import measure_gallery

    found = measure_gallery(3_000, tmp_path, say)
    assert found["images"] == 3_000
    assert found["pages"].keys() >= {"first page, cold", "the same page", "one image"}
    assert all(cost["seconds"] > 0 for cost in found["pages"].values())
    assert found["peak_mb"] > found["start_mb"] > 0
    assert "Gallery of 3,000 images" in shown({"gallery": found})
