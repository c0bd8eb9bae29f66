"""The fake TensorRT builds a plan from what it was given, and each ordered fault appears where TensorRT shows it."""

import json
from typing import Any

import pytest

from infra.engines.tensorrt.bindings import create_error_logger
from infra.testing.fake_tensorrt import FakeTensorRT


def build(trt: FakeTensorRT) -> tuple[Any, int, bool]:
    """Return the plan (None where the build fails), the profile's number and whether the timing cache was taken."""
    builder = trt.Builder(create_error_logger(trt))
    network, config, profile = (
        builder.create_network(0),
        builder.create_builder_config(),
        builder.create_optimization_profile(),
    )
    trt.OnnxParser(network, create_error_logger(trt)).parse_from_file("/graphs/vae_decoder/model.onnx")
    profile.set_shape("latents", (1, 4), (2, 4), (4, 4))
    taken = config.set_timing_cache(config.create_timing_cache(b"old "), False)
    number = config.add_optimization_profile(profile)
    return builder.build_serialized_network(network, config), number, taken


def test_a_plan_names_its_graph_and_its_profiles() -> None:
    plan, number, taken = build(FakeTensorRT())
    document = json.loads(plan)
    assert document["onnx"] == "/graphs/vae_decoder/model.onnx"
    assert document["profiles"] == [{"latents": [[1, 4], [2, 4], [4, 4]]}]
    assert (number, taken) == (0, True)


def test_a_build_notes_its_calls_in_order() -> None:
    trt = FakeTensorRT()
    build(trt)
    names = [call[0] for call in trt.calls]
    assert names.index("parse_from_file") < names.index("add_optimization_profile")
    assert names[-1] == "build_serialized_network"


@pytest.mark.parametrize(
    ("fault", "value", "expected"),
    [("build_fails", True, (None, 0, True)), ("cache_is_foreign", True, (..., 0, False)),
     ("refused_profile", 0, (..., -1, True))],
)  # fmt: skip
def test_each_ordered_fault_appears_where_tensorrt_shows_it(fault: str, value: object, expected: tuple[Any]) -> None:
    trt = FakeTensorRT()
    setattr(trt, fault, value)
    plan, number, taken = build(trt)
    assert (None if plan is None else ..., number, taken) == expected


def test_an_ordered_parser_error_is_counted_and_described() -> None:
    trt = FakeTensorRT()
    trt.parser_errors = [("no such operator", "node_3", "Foo")]
    network = trt.Builder(create_error_logger(trt)).create_network(0)
    parser = trt.OnnxParser(network, create_error_logger(trt))
    assert not parser.parse_from_file("/graphs/transformer/model.onnx")
    assert parser.num_errors == 1
    error = parser.get_error(0)
    assert (error.desc(), error.node_name(), error.node_operator()) == ("no such operator", "node_3", "Foo")
