"""What answers to TensorRT's names breaks where TensorRT would: without addresses, scratch or a fitting shape."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch

from infra.engines.tensorrt.bindings import create_error_logger
from infra.errors import EngineError
from infra.testing.fake_tensorrt import FakeTensorRT
from tests.fixtures.small_onnx_graphs import expected_transformer_output, transformer_feeds


@pytest.fixture
def context(small_graphs: Path) -> Any:
    trt, feeds = FakeTensorRT(), transformer_feeds(1, 64, 32)
    shapes = {name: [list(tensor.shape)] * 3 for name, tensor in feeds.items()}
    plan = json.dumps({"onnx": str(small_graphs / "transformer" / "model.onnx"), "profiles": [shapes]})
    engine = trt.Runtime(create_error_logger(trt)).deserialize_cuda_engine(BytesIO(plan.encode()))
    assert engine is not None
    made = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    made.set_optimization_profile_async(0, 7)
    return made


def test_it_computes_what_lies_at_its_addresses_when_it_is_run(context: Any) -> None:
    feeds = transformer_feeds(1, 64, 32)
    for name, tensor in feeds.items():
        assert context.set_input_shape(name, tuple(tensor.shape))
        context.set_tensor_address(name, tensor.data_ptr())
    assert context.infer_shapes() == []
    answer = torch.zeros(context.get_tensor_shape("velocity"))
    context.set_tensor_address("velocity", answer.data_ptr())
    context.set_device_memory(0, 1024)
    assert context.execute_async_v3(7)
    assert torch.allclose(answer, expected_transformer_output(feeds), atol=1e-3)
    feeds["timestep"].fill_(0.25)
    assert context.execute_async_v3(7)
    assert torch.allclose(answer, expected_transformer_output(feeds), atol=1e-3)


def test_a_shape_outside_its_profile_and_a_missing_one_are_told(context: Any) -> None:
    assert not context.set_input_shape("timestep", (2,))
    assert not context.set_input_shape("timestep", (1, 1))
    assert context.set_input_shape("timestep", (1,))
    assert "caption_features" in context.infer_shapes()


def test_too_little_scratch_memory_or_no_address_is_no_run(context: Any) -> None:
    for name, tensor in transformer_feeds(1, 64, 32).items():
        context.set_input_shape(name, tuple(tensor.shape))
    context.infer_shapes()
    assert not context.execute_async_v3(7)
    context.set_device_memory(0, 1024)
    with pytest.raises(EngineError, match="was given no address"):
        context.execute_async_v3(7)
