"""A plan is run as TensorRT wants it: through addresses, profiles and recorded graphs, on what answers to its names."""

from pathlib import Path

import pytest
import torch

from infra.engines.tensorrt.engine_open import TensorRtHost
from infra.engines.tensorrt.plan_build import PlanBuildSpec, build_plan
from infra.engines.tensorrt.plan_runtime import TensorRtRuntime
from infra.engines.tensorrt.profiles import (
    ImageSize,
    Profile,
    UnsupportedShape,
    batch_range,
    build_profiles,
    input_shape_ranges,
)
from infra.errors import EngineError
from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER
from infra.testing.fake_plan_device import CpuDevice
from tests.fixtures.small_onnx_graphs import AXIS_SIZES, expected_transformer_output, transformer_feeds

PROFILES = build_profiles(TRANSFORMER, [ImageSize(128, 128), ImageSize(64, 128)], batch_range(1, 4))
BYTES = 1 << 30


@pytest.fixture
def plan(small_graphs: Path, tmp_path: Path, host: TensorRtHost) -> Path:
    return built(host, small_graphs, tmp_path, PROFILES)


def built(host: TensorRtHost, graphs: Path, out: Path, profiles: list[Profile]) -> Path:
    shapes = [input_shape_ranges(TRANSFORMER, profile, AXIS_SIZES) for profile in profiles]
    source = graphs / "transformer" / "model.onnx"
    build_plan(host.trt, PlanBuildSpec(source, out / "model.plan", shapes, out / "timing.cache"))
    host.trt.calls.clear()
    return out / "model.plan"


def opened(host: TensorRtHost, plan: Path, budget: int = BYTES) -> TensorRtRuntime:
    return TensorRtRuntime(host.trt, plan, TRANSFORMER, PROFILES, host.device, budget)


def events(host: TensorRtHost) -> list[str]:
    assert isinstance(host.device, CpuDevice)
    return host.device.events


def names(host: TensorRtHost) -> list[object]:
    return [call[0] for call in host.trt.calls]


def test_answers_are_those_of_the_graph_for_every_batch_and_caption(plan: Path, host: TensorRtHost) -> None:
    runtime = opened(host, plan)
    for batch, tokens, caption in ((1, 64, 32), (3, 64, 96), (4, 32, 512), (1, 64, 32)):
        feeds = transformer_feeds(batch, tokens, caption, seed=batch + caption)
        answer = runtime.run(feeds)["velocity"]
        assert torch.allclose(answer, expected_transformer_output(feeds), atol=1e-3)
        assert answer.shape == (batch, tokens, 64)


def test_a_set_of_shapes_is_warmed_up_then_recorded_then_only_replayed(plan: Path, host: TensorRtHost) -> None:
    runtime = opened(host, plan)
    runtime.run(transformer_feeds(2, 64, 32))
    assert names(host) == [
        "create_execution_context", "set_optimization_profile_async", "execute_async_v3", "execute_async_v3"
    ]  # fmt: skip
    assert events(host).index("record") > events(host).index("synchronize")
    assert events(host)[-1] == "replay"
    host.trt.calls.clear()
    for seed in range(3):
        runtime.run(transformer_feeds(2, 64, 32, seed))
    assert names(host) == ["execute_async_v3"] * 3
    assert {call[1] for call in host.trt.calls} == {host.device.stream}
    assert events(host).count("record") == 1


def test_each_set_of_shapes_has_a_context_of_its_own_in_the_profile_that_takes_it(
    plan: Path, host: TensorRtHost
) -> None:
    runtime = opened(host, plan)
    for tokens, caption in ((64, 32), (32, 32), (64, 64)):
        runtime.run(transformer_feeds(1, tokens, caption))
    assert [call[1] for call in host.trt.calls if call[0] == "set_optimization_profile_async"] == [0, 1, 0]
    managed = host.trt.ExecutionContextAllocationStrategy.USER_MANAGED
    assert [call[1] for call in host.trt.calls if call[0] == "create_execution_context"] == [managed] * 3


def test_what_was_recorded_is_kept_within_its_bytes_and_made_again(plan: Path, host: TensorRtHost) -> None:
    feeds = transformer_feeds(1, 64, 32)
    answer = expected_transformer_output(feeds)
    held = sum(each.numel() * each.element_size() for each in feeds.values()) + answer.numel() * 4
    runtime = opened(host, plan, budget=3 * held)
    for caption in (32, 64, 32):
        runtime.run(transformer_feeds(1, 64, caption))
    assert names(host).count("create_execution_context") == 2
    runtime.run(transformer_feeds(4, 64, 512))
    assert torch.allclose(runtime.run(feeds)["velocity"], answer, atol=1e-3)
    assert names(host).count("create_execution_context") == 4


def test_a_shape_outside_the_profiles_is_refused_before_a_context_is_made(plan: Path, host: TensorRtHost) -> None:
    runtime = opened(host, plan)
    for feeds in (transformer_feeds(5, 64, 32), transformer_feeds(1, 96, 32), transformer_feeds(1, 64, 544)):
        with pytest.raises(UnsupportedShape, match="build it again with that size in --sizes"):
            runtime.run(feeds)
    assert host.trt.calls == []


def test_a_plan_with_narrower_profiles_than_its_card_is_refused_by_tensorrt_itself(
    small_graphs: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    narrow = build_profiles(TRANSFORMER, [ImageSize(128, 128), ImageSize(64, 128)], batch_range(1, 2))
    runtime = opened(host, built(host, small_graphs, tmp_path, narrow))
    runtime.run(transformer_feeds(2, 64, 32))
    with pytest.raises(UnsupportedShape, match=r"refused \(3, .* the plan has other profiles than its manifest"):
        runtime.run(transformer_feeds(3, 64, 32))


def test_scratch_memory_is_one_block_for_the_largest_profile_of_all_plans(plan: Path, host: TensorRtHost) -> None:
    first, second = opened(host, plan), opened(host, plan)
    first.run(transformer_feeds(1, 64, 32))
    second.run(transformer_feeds(1, 64, 32))
    assert host.device.scratch_memory()[1] == 2048
    with pytest.raises(EngineError, match="9999 bytes of scratch memory, and 2048"):
        host.device.request_scratch(9999)


def test_a_plan_that_is_none_of_another_graph_or_of_other_profiles_is_refused(
    plan: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    (tmp_path / "damaged.plan").write_bytes(b"not a plan")
    with pytest.raises(EngineError, match=r"damaged\.plan' \(magic tag does not match\): build it again"):
        opened(host, tmp_path / "damaged.plan")
    with pytest.raises(EngineError, match=r"missing\.plan' cannot be read: No such file"):
        opened(host, tmp_path / "missing.plan")
    with pytest.raises(EngineError, match="is of another graph"):
        TensorRtRuntime(host.trt, plan, VAE_DECODER, PROFILES, host.device)
    with pytest.raises(EngineError, match="has 2 profiles, and its manifest 1"):
        TensorRtRuntime(host.trt, plan, TRANSFORMER, PROFILES[:1], host.device)


def test_work_that_tensorrt_loses_ends_the_engine_with_a_sentence(plan: Path, host: TensorRtHost) -> None:
    runtime = opened(host, plan)
    runtime.run(transformer_feeds(1, 64, 32))
    host.trt.loses_work = True
    with pytest.raises(EngineError, match="could not run the transformer: it gave no reason"):
        runtime.run(transformer_feeds(1, 64, 32))


def test_what_is_closed_holds_nothing(plan: Path, host: TensorRtHost) -> None:
    runtime = opened(host, plan)
    runtime.run(transformer_feeds(1, 64, 32))
    runtime.close()
    assert events(host)[-1] == "synchronize"
    assert len(runtime._captures) == 0
    assert runtime._engine is None


def test_what_was_recorded_is_spared_when_memory_is_short_and_made_again(plan: Path, host: TensorRtHost) -> None:
    runtime = opened(host, plan)
    feeds = transformer_feeds(2, 64, 32)
    before = runtime.run(feeds)["velocity"].clone()
    runtime.free_memory()
    assert len(runtime._captures) == 0
    assert torch.equal(runtime.run(feeds)["velocity"], before)
    assert events(host).count("record") == 2
