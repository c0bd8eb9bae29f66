"""An export: both graphs and their card, in a folder that is whole or not there.

Comes in: a model, a folder to make, a precision. Goes out: the card. All is written into a folder beside, which gets
its name when nothing is missing; so what a crash or a full disk leaves can never be taken for an export.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from infra.errors import EngineError
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs.export_manifest import ExportManifest, hash_export_files, write_export_manifest
from infra.onnx_graphs.graph_spec import (
    EXPORT_PRECISIONS,
    GRAPHS,
    OPSET,
    TRANSFORMER,
    VAE_DECODER,
    TensorSpec,
    fixed_axis_sizes,
)
from infra.onnx_graphs.model_source import (
    load_transformer,
    load_vae,
    require_onnx_extra,
    resolve_model_folder,
    weight_bytes,
)

Progress = Callable[[str], None]
FreeBytes = Callable[[Path], int]

OVERHEAD_BYTES = 64 << 20
"""Bytes beside the weights: the graphs themselves, and what a file system needs."""

RECORDED_LIBRARIES = ("torch", "diffusers", "onnx", "onnxscript")


def free_disk_bytes(folder: Path) -> int:
    """Return the bytes that are free where `folder` is."""
    return shutil.disk_usage(folder).free


def check_export_precision(precision: str) -> None:
    """Raise `EngineError` for a precision that graphs are not written in, with the reason."""
    if precision == "fp16":
        raise EngineError(
            "The precision 'fp16' is refused: this model's activations reach 63000, and fp16 ends at 65504, so "
            "pictures come out black or white. Choose 'bf16', which is as large, or 'fp32'."
        )
    if precision not in EXPORT_PRECISIONS:
        raise EngineError(f"The precision {precision!r} is none that is exported: choose 'bf16' or 'fp32'.")


def check_output_folder(out: Path) -> None:
    """Raise `EngineError` unless an export can be made under this name."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EngineError(f"There is something in {str(out)!r} already: give a new folder, or remove that one first.")
    if not out.parent.is_dir():
        raise EngineError(f"There is no folder {str(out.parent)!r} to make {out.name!r} in: make it first.")
    if not os.access(out.parent, os.W_OK):
        raise EngineError(f"The folder {str(out.parent)!r} cannot be written to: give another one.")


def export_model(
    model: str, out: Path, precision: str, progress: Progress, measure_free_bytes: FreeBytes = free_disk_bytes
) -> ExportManifest:
    """Write the graphs of `model` into `out` and return their card; `say` is told what is going on.

    Raises `EngineError` for what cannot be exported, before anything is loaded where that can be known.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - `resolve` would follow a link, and rename onto what it names
    check_export_precision(precision)
    check_output_folder(out)
    require_onnx_extra()
    folder = resolve_model_folder(model)
    needed = weight_bytes(folder, precision)
    if (there := measure_free_bytes(out.parent)) < needed + OVERHEAD_BYTES:
        raise EngineError(
            f"The graphs in {precision!r} need {_format_gigabytes(needed + OVERHEAD_BYTES)} under "
            f"{str(out.parent)!r}, and "
            f"{_format_gigabytes(there)} are free: make room, or give another --out."
        )
    progress(f"Reading the weights in {folder} for their digest")
    digest = model_folder_digest(folder)
    with atomic_folder(out) as scratch:
        graphs = _write_graphs(folder, scratch, precision, progress)
        progress("Reading what was written for its digests")
        card = ExportManifest(
            model=model,
            weights_digest=digest,
            precision=precision,
            opset=OPSET,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: metadata.version(name) for name in RECORDED_LIBRARIES},
            graphs=graphs,
            files=hash_export_files(scratch),
        )
        write_export_manifest(scratch, card)
    return card


def _write_graphs(
    folder: Path, scratch: Path, precision: str, progress: Progress
) -> dict[str, dict[str, list[dict[str, object]]]]:
    """Write one component after the other, so that the smaller one never waits in memory beside the larger."""
    from infra.onnx_graphs.graph_writer import write_transformer, write_vae_decoder

    progress(f"Loading the transformer in {precision}")
    transformer = load_transformer(folder, precision)
    config = transformer.config
    progress("Writing the transformer's graph: minutes for a model of full size")
    write_transformer(transformer, scratch / TRANSFORMER.name)
    del transformer
    progress("Loading and writing the VAE's decoder")
    vae = load_vae(folder, precision)
    write_vae_decoder(vae, scratch / VAE_DECODER.name)
    sizes = fixed_axis_sizes(config, vae.config)
    return {
        graph.name: {
            "inputs": [_describe_tensor(port, sizes, precision) for port in graph.inputs],
            "outputs": [_describe_tensor(port, sizes, precision) for port in graph.outputs],
        }
        for graph in GRAPHS
    }


def _describe_tensor(tensor: TensorSpec, sizes: dict[str, int], precision: str) -> dict[str, object]:
    element = precision if tensor.element_type == "precision" else tensor.element_type
    return {"name": tensor.name, "type": element, "shape": list(tensor.shape(sizes))}


@contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that becomes `out` on a clean exit, and is gone after any other."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise EngineError(
            f"Nothing can be written beside {str(out)!r} ({error.strerror}): give another folder."
        ) from error
    try:
        yield scratch
        scratch.chmod(0o755)
        scratch.replace(out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError(f"The folder {str(out)!r} could not be written ({reason}); nothing is left of it.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _format_gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
