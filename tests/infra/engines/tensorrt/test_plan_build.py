"""A build asks TensorRT in the right order, ends every failure in a sentence, and leaves whole files or none."""

import errno
import os
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from infra.engines.tensorrt import plan_build as building
from infra.engines.tensorrt.plan_build import (
    PlanBuildSpec,
    build_plan,
    graph_bytes,
    require_disk_space,
    write_atomically,
)
from infra.engines.tensorrt.profiles import ImageSize, batch_range, build_profiles, input_shape_ranges
from infra.errors import EngineError
from infra.onnx_graphs.graph_spec import TRANSFORMER
from infra.testing.fake_tensorrt import FakeTensorRT
from tests.fixtures.small_onnx_graphs import AXIS_SIZES

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def trt() -> FakeTensorRT:
    return FakeTensorRT()


def order(graphs: Path, out: Path, **changes: Any) -> PlanBuildSpec:
    profiles = build_profiles(TRANSFORMER, [ImageSize(128, 128), ImageSize(64, 128)], batch_range(1, 4))
    given: dict[str, Any] = {
        "onnx": graphs / "transformer" / "model.onnx",
        "plan": out / "transformer" / "model.plan",
        "shapes": [input_shape_ranges(TRANSFORMER, profile, AXIS_SIZES) for profile in profiles],
        "timing_cache": out / "timing.cache",
    }
    return PlanBuildSpec(**{**given, **changes})


def refusal(trt: FakeTensorRT, asked: PlanBuildSpec) -> str:
    with pytest.raises(EngineError) as caught:
        build_plan(trt, asked)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_calls_come_in_an_order_that_tensorrt_takes(trt: FakeTensorRT, small_graphs: Path, tmp_path: Path) -> None:
    asked = order(small_graphs, tmp_path)
    build_plan(trt, asked)
    assert [call[0] for call in trt.calls] == [
        "create_network",
        "parse_from_file",
        "create_builder_config",
        "builder_optimization_level",
        "profiling_verbosity",
        "set_flag",
        "hardware_compatibility_level",
        "create_timing_cache",
        "set_timing_cache",
        "add_optimization_profile",
        "add_optimization_profile",
        "build_serialized_network",
    ]
    told = {call[0]: call[1] for call in trt.calls if len(call) == 2}
    assert told["create_network"] == 0
    assert told["parse_from_file"] == str(asked.onnx)
    assert told["set_timing_cache"] is False
    shapes: Any = told["add_optimization_profile"]
    assert shapes["image_patches"] == ((1, 32, 64), (4, 32, 64), (4, 32, 64))
    assert trt.calls[-1] == ("build_serialized_network", "transformer", True)
    assert asked.plan.stat().st_size > 0


def test_tf32_is_taken_away_where_fp32_is_meant(trt: FakeTensorRT, small_graphs: Path, tmp_path: Path) -> None:
    build_plan(trt, order(small_graphs, tmp_path, full_fp32=True))
    assert ("clear_flag", trt.BuilderFlag.TF32) in trt.calls
    assert ("set_flag", trt.BuilderFlag.TF32) not in trt.calls


@pytest.mark.parametrize(
    ("level", "name"),
    [("none", "NONE"), ("same-compute-capability", "SAME_COMPUTE_CAPABILITY"), ("ampere-plus", "AMPERE_PLUS")],
)
def test_other_gpus_are_served_where_it_is_asked_for(
    trt: FakeTensorRT, small_graphs: Path, tmp_path: Path, level: str, name: str
) -> None:
    build_plan(trt, order(small_graphs, tmp_path, compatibility=level, effort=5, workspace=1 << 30))
    assert ("hardware_compatibility_level", trt.HardwareCompatibilityLevel[name]) in trt.calls
    assert ("builder_optimization_level", 5) in trt.calls
    assert ("set_memory_pool_limit", trt.MemoryPoolType.WORKSPACE, 1 << 30) in trt.calls


def test_what_was_measured_is_kept_and_used_by_the_next_build(
    trt: FakeTensorRT, small_graphs: Path, tmp_path: Path
) -> None:
    asked = order(small_graphs, tmp_path)
    build_plan(trt, asked)
    assert asked.timing_cache.read_bytes() == b"measured"
    build_plan(trt, asked)
    assert [call[1] for call in trt.calls if call[0] == "create_timing_cache"] == [b"", b"measured"]
    assert asked.timing_cache.read_bytes() == b"measuredmeasured"


def test_a_timing_cache_of_another_gpu_names_the_file_and_the_mend(
    trt: FakeTensorRT, small_graphs: Path, tmp_path: Path
) -> None:
    trt.cache_is_foreign = True
    said = refusal(trt, order(small_graphs, tmp_path))
    assert "timing.cache'" in said
    assert "delete it, and build again" in said


def test_what_parser_and_logger_say_ends_in_one_sentence(trt: FakeTensorRT, small_graphs: Path, tmp_path: Path) -> None:
    trt.parser_errors = [("no importer for op", f"node_{number}", "Attention") for number in range(5)]
    said = refusal(trt, order(small_graphs, tmp_path))
    assert "no importer for op at node_0 (Attention); no importer for op at node_1 (Attention)" in said
    assert "node_3" not in said
    trt.parser_errors = []
    trt.build_fails = True
    said = refusal(trt, order(small_graphs, tmp_path))
    assert said.endswith("could not build " + repr(str(small_graphs / "transformer" / "model.onnx"))
                         + ": no kernel fits Attention_7.")  # fmt: skip
    assert list((tmp_path / "transformer").iterdir()) == []


def test_a_profile_that_tensorrt_refuses_is_named(trt: FakeTensorRT, small_graphs: Path, tmp_path: Path) -> None:
    trt.refused_profile = 1
    assert "refused the profile {'image_patches': ((1, 32, 64)" in refusal(trt, order(small_graphs, tmp_path))


def test_a_missing_graph_says_how_to_write_one(trt: FakeTensorRT, tmp_path: Path) -> None:
    said = refusal(trt, order(tmp_path / "nowhere", tmp_path))
    assert "There is no graph" in said
    assert "packshot engine export" in said
    assert trt.calls == []


def test_too_little_room_is_found_before_anything_is_built(
    trt: FakeTensorRT, small_graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = order(small_graphs, tmp_path)
    monkeypatch.setattr(building.shutil, "disk_usage", lambda _: Usage(9, 9, 100))
    assert "0.0 GB free: free some space, or give another --out" in refusal(trt, asked)
    assert trt.calls == []
    needed = int(graph_bytes(asked.onnx) * building.DISK_MARGIN)
    monkeypatch.setattr(building.shutil, "disk_usage", lambda _: Usage(9, 9, needed))
    build_plan(trt, asked)


@pytest.mark.parametrize(
    ("code", "mend"), [(errno.ENOSPC, "free some space"), (errno.EIO, "check the disk and its permissions")]
)
def test_a_disk_that_fills_up_while_writing_leaves_what_was_there(
    trt: FakeTensorRT, small_graphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, mend: str
) -> None:
    asked = order(small_graphs, tmp_path)
    build_plan(trt, asked)
    before = asked.plan.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(building.os, "fsync", full)
    said = refusal(trt, order(small_graphs, tmp_path, shapes=[]))
    assert repr(str(asked.plan)) in said
    assert mend in said
    assert [path.name for path in asked.plan.parent.iterdir()] == ["model.plan"]
    assert asked.plan.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EngineError, match=r"file/plans' cannot be made: Not a directory\."):
        require_disk_space(tmp_path / "file" / "plans", 0)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "card.json", b"one")
    write_atomically(tmp_path / "card.json", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
    assert (tmp_path / "card.json").read_bytes() == b"two"
