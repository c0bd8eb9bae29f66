"""Graphs as a person asks for them: export a model, and compare an export with the model.

Comes in: what was typed. Goes out: plain documents. What the caller can mend is an `OptionError`, before any work.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalogs.errors import OptionError
from infra.engines.tensorrt.engine_open import EngineOpener
from infra.errors import EngineError
from infra.onnx_graphs.export_manifest import read_card
from infra.onnx_graphs.model_export import check_out, check_precision
from infra.onnx_graphs.model_export import export as write_export
from infra.onnx_graphs.model_source import model_folder

Say = Callable[[str], None]


def export_graphs(model: str, out: Path, precision: str, say: Say) -> dict[str, Any]:
    """Export a model and return the card. Raises `OptionError` naming the option that is wrong, else `EngineError`."""
    _checked("--precision", check_precision, precision)
    _checked("--out", check_out, out.absolute())
    _checked("--model", model_folder, model)
    return asdict(write_export(model, out, precision, say))


def verify_graphs(model: str, folder: Path, say: Say, graphs: Path | None = None) -> dict[str, Any]:
    """Compare an export with its model and return what came out; `passed` says it in a word.

    With `graphs`, the export that it was built from, `folder` is an engine, whose plans are compared in their place.

    Raises `OptionError` for a folder that is no export or a model that is none, else `EngineError`.
    """
    from infra.onnx_graphs.graph_verification import verify

    _checked("--graphs" if graphs else "DIR", read_card, graphs or folder)
    _checked("--model", model_folder, model)
    opener = EngineOpener(folder, read_card(graphs)) if graphs is not None else None
    return verify(model, graphs or folder, say, opener).document()


def _checked(option: str, check: Callable[[Any], Any], value: object) -> None:
    try:
        check(value)
    except EngineError as error:
        raise OptionError(f"{option}: {error}") from None
