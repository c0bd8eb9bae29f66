"""Every name of TensorRT that is used exists in the 11.4 bindings: the one test of them that needs no GPU."""

import enum
from pathlib import Path

import pytest

from infra.testing import fake_tensorrt as recording
from infra.testing import fake_tensorrt_runtime as recording_runtime
from tests.infra.engines.tensorrt.api_usage import API_NAMES, find_unknown_names, find_used_names
from tests.paths import ROOT

MODULES = sorted((ROOT / "infra" / "engines" / "tensorrt").glob("*.py"))
CONTROLS = {"calls", "note", "parser_errors", "build_fails", "cache_is_foreign", "loses_work", "refused_profile"}
"""What the recording one has beside the vendor's names: how faults are ordered, and what was noted."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_name_of_tensorrt_exists_in_11_4(path: Path) -> None:
    assert find_unknown_names(path.read_text("utf-8")) == []


def test_the_calls_that_matter_are_among_those_that_were_looked_at() -> None:
    seen = set().union(*(find_used_names(path.read_text("utf-8")) for path in MODULES))
    assert {
        "Builder.build_serialized_network",
        "OnnxParser.parse_from_file",
        "ParserError.desc",
        "IBuilderConfig.set_timing_cache",
        "ITimingCache.serialize",
        "IOptimizationProfile.set_shape",
        "IAttention.decomposable",
        "Runtime.deserialize_cuda_engine",
        "ICudaEngine.get_device_memory_size_for_profile_v2",
        "IExecutionContext.execute_async_v3",
        "IExecutionContext.set_device_memory",
    } <= seen


@pytest.mark.parametrize(
    ("line", "stranger"),
    [
        ("config.set_flag(trt.BuilderFlag.FP16)", "BuilderFlag.FP16"),
        ("builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))",
         "NetworkDefinitionCreationFlag.EXPLICIT_BATCH"),
        ("builder.platform_has_fast_fp16", "Builder.platform_has_fast_fp16"),
        ("size = engine.device_memory_size", "ICudaEngine.device_memory_size"),
        ("again = engine; again.get_device_memory_size_for_profile(0)",
         "ICudaEngine.get_device_memory_size_for_profile"),
        ("self._context.all_shape_inputs_specified", "IExecutionContext.all_shape_inputs_specified"),
        ("made = self.context(); made.enqueue_v2()", "IExecutionContext.enqueue_v2"),
        ("trt.IInt8Calibrator", "IInt8Calibrator"),
        ("kind: 'tensorrt.IAlgorithm'", "IAlgorithm"),
        ("config.get_timing_cache().serialize()",
         "config.get_timing_cache().serialize (annotate what it is called on)"),
        ("made = trt.Builder(None); made.create_network(0)", "made.create_network (annotate what it is called on)"),
    ],
)  # fmt: skip
def test_a_name_that_11_4_does_not_have_is_caught(line: str, stranger: str) -> None:
    source = (
        "class Engine:\n"
        " def run(self, trt, builder: 'tensorrt.Builder', config: 'tensorrt.IBuilderConfig',"
        " engine: 'tensorrt.ICudaEngine'):\n"
        "  self._context: tensorrt.IExecutionContext = None\n"
        f"  {line}\n"
        " def context(self) -> 'tensorrt.IExecutionContext': ...\n"
    )
    assert find_unknown_names(source) == [stranger]
    assert find_unknown_names(source.replace(line, "config.clear_flag(trt.BuilderFlag.TF32)")) == []


def test_the_recording_one_answers_to_no_other_names() -> None:
    module = recording.FakeTensorRT
    names = {name for name in (*vars(module), *vars(module())) if not name.startswith("_")} - CONTROLS
    assert names - set(API_NAMES["__top__"]) == set()
    for name, kind in vars(module).items():
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            assert set(kind.__members__) - set(API_NAMES[name]) == set()
    classes = {"Network": "INetworkDefinition", "Layer": "IAttentionInputLayer", "Profile": "IOptimizationProfile",
               "Engine": "ICudaEngine", "Context": "IExecutionContext", "TimingCache": "ITimingCache",
               "BuilderConfig": "IBuilderConfig", "Parser": "OnnxParser"}  # fmt: skip
    for name, kind in {**vars(recording), **vars(recording_runtime)}.items():
        if name.startswith("_") and isinstance(kind, type) and name != "_Api":
            vendors = classes.get(name[1:], name[1:])
            assert {each for each in vars(kind) if not each.startswith("_")} - set(API_NAMES[vendors]) == set(), name
