"""Model export: both graphs and their manifest, in a folder that is complete or does not exist.

Inputs: a model, an output folder, a precision. Outputs: the manifest.
Everything is written into a temporary folder beside, which is renamed when nothing is missing; so the remains of a
crash or a full disk can never be taken for an export.
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
"""Bytes needed beside the weights: the graphs themselves, and the file system's own."""

RECORDED_LIBRARIES = ("torch", "diffusers", "onnx", "onnxscript")


def free_disk_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of `folder`."""
    return shutil.disk_usage(folder).free


def check_export_precision(precision: str) -> None:
    """Raise `EngineError` for a precision that graphs are not exported in, with the reason."""
    if precision == "fp16":
        raise EngineError(
            "The precision 'fp16' is refused: this model's activations reach 63000, and fp16 ends at 65504, so "
            "images come out black or white. Choose 'bf16', which is as large, or 'fp32'."
        )
    if precision not in EXPORT_PRECISIONS:
        raise EngineError(f"The precision {precision!r} cannot be exported: choose 'bf16' or 'fp32'.")


def check_output_folder(out: Path) -> None:
    """Raise `EngineError` unless an export can be created at this path."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EngineError(
            f"The folder {str(out)!r} exists and is not empty: give a new folder, or remove that one first."
        )
    if not out.parent.is_dir():
        raise EngineError(f"There is no folder {str(out.parent)!r} to create {out.name!r} in: create it first.")
    if not os.access(out.parent, os.W_OK):
        raise EngineError(f"The folder {str(out.parent)!r} is not writable: give another one.")


def export_model(
    model: str, out: Path, precision: str, progress: Progress, measure_free_bytes: FreeBytes = free_disk_bytes
) -> ExportManifest:
    """Write the graphs of `model` into `out` and return their manifest; `progress` receives a sentence a step.

    Raises `EngineError` where an export is impossible, before anything is loaded wherever that can be known.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - `resolve` would follow a link, and rename onto its target
    check_export_precision(precision)
    check_output_folder(out)
    require_onnx_extra()
    folder = resolve_model_folder(model)
    needed = weight_bytes(folder, precision) + OVERHEAD_BYTES
    if (free := measure_free_bytes(out.parent)) < needed:
        raise EngineError(
            f"The graphs in {precision!r} need {_format_gigabytes(needed)} under {str(out.parent)!r}, and "
            f"{_format_gigabytes(free)} are free: free some space, or give another --out."
        )
    progress(f"Reading the weights in {folder} for their digest")
    digest = model_folder_digest(folder)
    with atomic_folder(out) as scratch:
        graphs = _write_graphs(folder, scratch, precision, progress)
        progress("Reading the written files for their digests")
        manifest = ExportManifest(
            model=model,
            weights_digest=digest,
            precision=precision,
            opset=OPSET,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={name: metadata.version(name) for name in RECORDED_LIBRARIES},
            graphs=graphs,
            files=hash_export_files(scratch),
        )
        write_export_manifest(scratch, manifest)
    return manifest


def _write_graphs(
    folder: Path, scratch: Path, precision: str, progress: Progress
) -> dict[str, dict[str, list[dict[str, object]]]]:
    """Write one component after the other, so that they are never in memory together."""
    from infra.onnx_graphs.graph_writer import write_transformer, write_vae_decoder

    progress(f"Loading the transformer in {precision}")
    transformer = load_transformer(folder, precision)
    config = transformer.config
    progress("Writing the transformer's graph: this takes minutes for a full-size model")
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
def atomic_folder(out: Path, mode: int = 0o755) -> Iterator[Path]:
    """Yield a folder beside `out` that becomes `out`, with this mode, on a clean exit, and is removed on any other."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise EngineError(
            f"The folder {str(out.parent)!r} is not writable ({error.strerror}): give another --out."
        ) from error
    try:
        yield scratch
        scratch.chmod(mode)
        scratch.replace(out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError(f"The folder {str(out)!r} could not be written ({reason}); nothing of it remains.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _format_gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
