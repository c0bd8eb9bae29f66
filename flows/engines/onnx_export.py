"""ONNX export and its verification, from options as text.

Inputs: the options of `packshot engine export` and `verify`. Outputs: plain documents. A wrong option is an
`OptionError` that names it, raised before any work.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalogs.errors import OptionError
from infra.engines.tensorrt.engine_open import EngineGraphOpener
from infra.errors import EngineError
from infra.onnx_graphs.export_manifest import read_export_manifest
from infra.onnx_graphs.model_export import check_export_precision, check_output_folder
from infra.onnx_graphs.model_export import export_model as write_export
from infra.onnx_graphs.model_source import resolve_model_folder

Progress = Callable[[str], None]


def export_onnx_graphs(model: str, out: Path, precision: str, progress: Progress) -> dict[str, Any]:
    """Export a model and return the card. Raises `OptionError` naming the option that is wrong, else `EngineError`."""
    _check_option("--precision", check_export_precision, precision)
    _check_option("--out", check_output_folder, out.absolute())
    _check_option("--model", resolve_model_folder, model)
    return asdict(write_export(model, out, precision, progress))


def verify_onnx_graphs(model: str, folder: Path, progress: Progress, graphs: Path | None = None) -> dict[str, Any]:
    """Compare an export with its model and return the measurements; `passed` is the verdict.

    With `graphs`, the export that it was built from, `folder` is an engine, whose plans are compared in their place.

    Raises `OptionError` for a folder that holds no export or no model, else `EngineError`.
    """
    from infra.onnx_graphs.graph_verification import verify_export

    _check_option("--graphs" if graphs else "DIR", read_export_manifest, graphs or folder)
    _check_option("--model", resolve_model_folder, model)
    opener = EngineGraphOpener(folder, read_export_manifest(graphs)) if graphs is not None else None
    return verify_export(model, graphs or folder, progress, opener).to_document()


def _check_option(option: str, check: Callable[[Any], Any], value: object) -> None:
    try:
        check(value)
    except EngineError as error:
        raise OptionError(f"{option}: {error}") from None
