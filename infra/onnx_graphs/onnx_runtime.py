"""Graph runtime protocol, and its ONNX Runtime implementation.

Inputs: named tensors. Outputs: named tensors.
ONNX Runtime runs on the CPU and in fp32, which is what proves a graph correct on any machine; TensorRT's runtime is
`infra.engines.tensorrt.plan_runtime`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from infra.errors import EngineError
from infra.onnx_graphs.external_data import load_graph

if TYPE_CHECKING:
    import torch


class GraphRuntime(Protocol):
    """A graph that is ready to run."""

    name: str
    """The runtime's name, for messages: `onnxruntime` or `tensorrt`."""

    def run(self, inputs: Mapping[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
        """Return the outputs by name, on the inputs' device; they are valid until the next run."""

    def free_memory(self) -> None:
        """Free memory that can be filled again: a batch ran out of it."""

    def close(self) -> None:
        """Free memory and device."""


class OnnxRuntime:
    """Runs one ONNX file on the CPU. `threads` None leaves the number to ONNX Runtime."""

    name = "onnxruntime"

    def __init__(self, path: Path, threads: int | None = None) -> None:
        try:
            import onnx  # noqa: F401 - reads the graph first
            import onnxruntime
        except ImportError as error:
            raise EngineError(f"ONNX Runtime is not installed ({error}): install packshot[onnx].") from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            load_graph(path)
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes, which are private
            raise EngineError(f"ONNX Runtime cannot open {str(path)!r}: {_first_line(error)}.") from error

    def run(self, inputs: Mapping[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
        """Return the outputs by name; raise `EngineError` where the graph does not take these inputs."""
        import torch

        names = [output.name for output in self._session.get_outputs()]
        try:
            feeds = {name: tensor.detach().cpu().numpy() for name, tensor in inputs.items()}
            answers = self._session.run(names, feeds)
        except Exception as error:  # as above
            raise EngineError(f"ONNX Runtime cannot run the graph: {_first_line(error)}.") from error
        return {name: torch.from_numpy(answer) for name, answer in zip(names, answers, strict=True)}

    def free_memory(self) -> None:
        """Do nothing: the session holds no reusable memory."""

    def close(self) -> None:
        """Drop the session and its memory."""
        self._session = None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200].rstrip(".") if str(error).strip() else type(error).__name__
