"""The fake TensorRT's runtime: engines and contexts that compute by ONNX Runtime at the given addresses.

Inputs: a plan of `fake_tensorrt` (JSON), shapes, addresses. Outputs: the graph's results, where TensorRT would write
them. A shape outside its profile, a missing address and too little scratch memory fail as they do there.
"""

import ctypes
import enum
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from infra.errors import EngineError

Shape = tuple[int, ...]
Severity = enum.Enum("Severity", "INTERNAL_ERROR ERROR WARNING INFO VERBOSE")
DataType = enum.Enum("DataType", "FLOAT HALF BF16 FP8 INT8 INT32 INT64 UINT8 BOOL")
NUMPY_TYPES = {DataType.FLOAT: np.float32, DataType.BOOL: np.bool_, DataType.INT64: np.int64}
DATA_TYPE_BY_ONNX_TYPE = {
    "tensor(float)": DataType.FLOAT,
    "tensor(bool)": DataType.BOOL,
    "tensor(int64)": DataType.INT64,
}


class _ILogger:
    INTERNAL_ERROR, ERROR, WARNING = Severity.INTERNAL_ERROR, Severity.ERROR, Severity.WARNING
    INFO, VERBOSE, Severity = Severity.INFO, Severity.VERBOSE, Severity

    def log(self, severity: enum.Enum, message: str) -> None:
        raise NotImplementedError


class _IStreamReaderV2:
    def read(self, size: int, stream: int | None = None) -> bytes:
        raise NotImplementedError


class _Api(Protocol):
    loses_work: bool

    def note(self, *call: object) -> None: ...


class _Runtime:
    def __init__(self, api: _Api, logger: _ILogger) -> None:
        self._api, self._logger = api, logger

    def deserialize_cuda_engine(self, reader: Any) -> "_Engine | None":
        pieces = []
        while piece := reader.read(64):
            pieces.append(piece)
        try:
            document = json.loads(b"".join(pieces))
        except ValueError:
            self._logger.log(Severity.ERROR, "magic tag does not match")
            return None
        return _Engine(self._api, Path(document["onnx"]), document["profiles"])


class _Engine:
    def __init__(self, api: _Api, onnx: Path, profiles: list[dict[str, list[list[int]]]]) -> None:
        import onnxruntime

        self.api, self.profiles = api, profiles
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        self.ports = [*self.session.get_inputs(), *self.session.get_outputs()]
        self.num_io_tensors, self.num_optimization_profiles = len(self.ports), len(profiles)

    def get_tensor_name(self, number: int) -> str:
        return str(self.ports[number].name)

    def get_tensor_dtype(self, name: str) -> DataType:
        return DATA_TYPE_BY_ONNX_TYPE[next(port.type for port in self.ports if port.name == name)]

    def get_device_memory_size_for_profile_v2(self, number: int) -> int:
        return 1024 * (number + 1)

    def create_execution_context(self, strategy: object) -> "_Context":
        self.api.note("create_execution_context", strategy)
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._profile: dict[str, list[list[int]]] = {}
        self._shapes: dict[str, Shape] = {}
        self._addresses: dict[str, int] = {}
        self._scratch = 0

    def set_optimization_profile_async(self, number: int, _stream: int) -> bool:
        self._engine.api.note("set_optimization_profile_async", number)
        self._profile = self._engine.profiles[number]
        return True

    def set_input_shape(self, name: str, shape: Shape) -> bool:
        least, _, largest = self._profile[name]
        self._shapes[name] = shape
        fits = len(shape) == len(least)
        return fits and all(low <= size <= high for low, size, high in zip(least, shape, largest, strict=True))

    def infer_shapes(self) -> list[str]:
        missing = [port.name for port in self._engine.session.get_inputs() if port.name not in self._shapes]
        if not missing:
            answers = self._compute_outputs({name: self._zeros(name) for name in self._profile})
            self._shapes |= {name: answer.shape for name, answer in answers.items()}
        return missing

    def get_tensor_shape(self, name: str) -> Shape:
        return self._shapes[name]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def set_device_memory(self, _address: int, size: int) -> None:
        self._scratch = size

    def execute_async_v3(self, stream: int) -> bool:
        self._engine.api.note("execute_async_v3", stream)
        if self._engine.api.loses_work or self._scratch < 1024 * self._engine.num_optimization_profiles:
            return False
        answers = self._compute_outputs({name: self._read_input(name) for name in self._profile})
        for name, answer in answers.items():
            ctypes.memmove(self._addresses[name], answer.ctypes.data, answer.nbytes)
        return True

    def _compute_outputs(self, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        names = [port.name for port in self._engine.session.get_outputs()]
        answers: Sequence[npt.NDArray[Any]] = self._engine.session.run(names, feeds)
        return dict(zip(names, (np.ascontiguousarray(answer) for answer in answers), strict=True))

    def _zeros(self, name: str) -> npt.NDArray[Any]:
        return np.zeros(self._shapes[name], NUMPY_TYPES[self._engine.get_tensor_dtype(name)])

    def _read_input(self, name: str) -> npt.NDArray[Any]:
        if not self._addresses.get(name):
            raise EngineError(f"The input {name!r} was given no address.")
        blank = self._zeros(name)
        content = ctypes.string_at(self._addresses[name], blank.nbytes)
        return np.frombuffer(content, blank.dtype).reshape(blank.shape)
