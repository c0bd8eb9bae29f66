"""A fake TensorRT: the vendor's names, recorded calls, and arithmetic by ONNX Runtime on the CPU.

Inputs: calls as `plan_build` and `plan_runtime` make them. Outputs: the same kinds of answers, and `calls`, in order.
Its plans are JSON: the graph's path and the profiles. Contexts check shapes as TensorRT does, read inputs and write
outputs at the addresses that they were given, so that a wrong address or profile fails here as on a GPU.
Faults are ordered by attributes. It has no name that TensorRT 11.4 lacks; a test compares them.
"""

import enum
import json
from pathlib import Path
from typing import Any

from infra.testing.fake_tensorrt_runtime import DataType, Severity, Shape, _ILogger, _IStreamReaderV2, _Runtime


class FakeTensorRT:
    """The module. `parser_errors`, `build_fails`, `cache_is_foreign`, `loses_work`, `refused_profile` order faults."""

    __version__ = "11.4.0.106"
    DataType = DataType
    ILogger, IStreamReaderV2 = _ILogger, _IStreamReaderV2
    TensorIOMode = enum.Enum("TensorIOMode", "NONE INPUT OUTPUT")
    LayerType = enum.Enum("LayerType", "MATRIX_MULTIPLY ATTENTION_INPUT")
    BuilderFlag = enum.Enum("BuilderFlag", "TF32")
    MemoryPoolType = enum.Enum("MemoryPoolType", "WORKSPACE")
    ProfilingVerbosity = enum.Enum("ProfilingVerbosity", "DETAILED")
    HardwareCompatibilityLevel = enum.Enum("HardwareCompatibilityLevel", "NONE SAME_COMPUTE_CAPABILITY AMPERE_PLUS")
    ExecutionContextAllocationStrategy = enum.Enum("ExecutionContextAllocationStrategy", "USER_MANAGED")

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.parser_errors: list[tuple[str, str, str]] = []
        self.build_fails = self.cache_is_foreign = self.loses_work = False
        self.refused_profile: int | None = None

    class IAttention:
        """An attention operation."""

        decomposable = False

    class IAttentionInputLayer:
        """An attention operation's input layer, once its class is set."""

        type: object
        attention: "FakeTensorRT.IAttention"

    def note(self, *call: object) -> None:
        """Record a call: its name and arguments."""
        self.calls.append(call)

    def Builder(self, logger: _ILogger) -> "_Builder":  # noqa: N802 - TensorRT's name
        """Return a builder."""
        return _Builder(self, logger)

    def OnnxParser(self, network: "_Network", _logger: _ILogger) -> "_Parser":  # noqa: N802 - as above
        """Return a parser that fills the network."""
        return _Parser(self, network)

    def Runtime(self, logger: _ILogger) -> "_Runtime":  # noqa: N802 - as above
        """Return a runtime, which loads plans."""
        return _Runtime(self, logger)


class _Layer:
    def __init__(self, kind: object) -> None:
        self.type = kind
        self.attention = FakeTensorRT.IAttention()


class _Network:
    def __init__(self) -> None:
        self.onnx = ""
        self.layers: list[Any] = []

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_layer(self, number: int) -> Any:
        return self.layers[number]


class _ParserError:
    def __init__(self, desc: str, name: str, operator: str) -> None:
        self._details = desc, name, operator

    def desc(self) -> str:
        return self._details[0]

    def node_name(self) -> str:
        return self._details[1]

    def node_operator(self) -> str:
        return self._details[2]


class _Parser:
    def __init__(self, api: FakeTensorRT, network: _Network) -> None:
        self._api, self._network = api, network

    @property
    def num_errors(self) -> int:
        return len(self._api.parser_errors)

    def get_error(self, number: int) -> _ParserError:
        return _ParserError(*self._api.parser_errors[number])

    def parse_from_file(self, path: str) -> bool:
        self._api.note("parse_from_file", path)
        self._network.onnx = path
        kinds = self._api.LayerType
        self._network.layers = [_Layer(kinds.MATRIX_MULTIPLY), _Layer(kinds.ATTENTION_INPUT)]
        return not self._api.parser_errors


class _TimingCache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[Shape, Shape, Shape]] = {}

    def set_shape(self, name: str, least: Shape, usual: Shape, largest: Shape) -> None:
        self.shapes[name] = (least, usual, largest)


class _BuilderConfig:
    def __init__(self, api: FakeTensorRT) -> None:
        self._api = api
        self.profiles: list[_Profile] = []
        self._cache = _TimingCache(b"")

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_") and name != "profiles":
            self._api.note(name, value)

    def set_flag(self, flag: object) -> None:
        self._api.note("set_flag", flag)

    def clear_flag(self, flag: object) -> None:
        self._api.note("clear_flag", flag)

    def set_memory_pool_limit(self, pool: object, size: int) -> None:
        self._api.note("set_memory_pool_limit", pool, size)

    def create_timing_cache(self, content: bytes) -> _TimingCache:
        self._api.note("create_timing_cache", content)
        return _TimingCache(content)

    def set_timing_cache(self, cache: _TimingCache, ignore_mismatch: bool) -> bool:
        self._api.note("set_timing_cache", ignore_mismatch)
        self._cache = cache
        return not self._api.cache_is_foreign

    def get_timing_cache(self) -> _TimingCache:
        return self._cache

    def add_optimization_profile(self, profile: _Profile) -> int:
        if self._api.refused_profile == len(self.profiles):
            return -1
        self._api.note("add_optimization_profile", dict(profile.shapes))
        self.profiles.append(profile)
        return len(self.profiles) - 1


class _Builder:
    def __init__(self, api: FakeTensorRT, logger: _ILogger) -> None:
        self._api, self._logger = api, logger

    def create_network(self, flags: int) -> _Network:
        self._api.note("create_network", flags)
        return _Network()

    def create_builder_config(self) -> _BuilderConfig:
        self._api.note("create_builder_config")
        return _BuilderConfig(self._api)

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def build_serialized_network(self, network: _Network, config: _BuilderConfig) -> bytes | None:
        attention = [layer.attention.decomposable for layer in network.layers if hasattr(layer, "attention")]
        self._api.note("build_serialized_network", Path(network.onnx).parent.name, attention[-1])
        if self._api.build_fails:
            self._logger.log(Severity.WARNING, "this is slow")
            self._logger.log(Severity.ERROR, "no kernel\nfits Attention_7")
            return None
        cache = config.get_timing_cache()
        cache.content += b"measured"
        document = {"onnx": network.onnx, "profiles": [profile.shapes for profile in config.profiles]}
        return json.dumps(document).encode()
