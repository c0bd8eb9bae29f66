"""Build a missing engine: export the model, build, verify, put the engine into the store.

Inputs: a store, a model, the requirements. Outputs: an engine in the store, ready or refused. It takes minutes of a GPU
and several times the model's size on disk, so it happens once: the caller holds the engine's lease.
"""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogs.models.engine_selection import EngineRequirements
from flows.engines.build import BuildOptions, build_engine
from flows.engines.onnx_export import export_onnx_graphs
from flows.engines.repository import summarize_parity
from infra.coordination.process_liveness import host_name
from infra.engines.tensorrt.engine_open import EngineGraphOpener
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import read_export_manifest
from infra.onnx_graphs.graph_verification import GraphVerification, verify_export
from tasks.models.engine_repository import add_engine, record_verification
from tasks.models.engine_trust import EngineTrust

logger = logging.getLogger(__name__)

BATCH_RANGE = "1-4"
"""Batch sizes of a built engine: at 1024 px one image fills a large GPU, at 512 px four give 2.8 times the images."""


@dataclass(frozen=True)
class BuildSteps:
    """The steps that need a GPU or its libraries, as functions."""

    export: Callable[..., Any] = export_onnx_graphs
    build: Callable[..., Any] = build_engine
    open_plans: Callable[[Path, Path], Any] = lambda engine, graphs: EngineGraphOpener(
        engine, read_export_manifest(graphs)
    )
    verify: Callable[..., GraphVerification] = verify_export


GPU_STEPS = BuildSteps()


def build_missing_engine(
    store: ObjectStore,
    name: str,
    model: str,
    scratch: Path,
    trust: EngineTrust,
    requirements: EngineRequirements,
    steps: BuildSteps = GPU_STEPS,
) -> None:
    """Build an engine of `model` (a folder, or hub-id@commit) for the requirements, as `name` in the store.

    Graphs and plans lie under `scratch` meanwhile. The engine is verified where it was built, before it can be
    selected, and carries a tag of `trust`. Raises what exporting, building and the store raise.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=scratch) as folder:
        graphs, built = Path(folder) / "graphs", Path(folder) / "engine"
        steps.export(model, graphs, requirements.precision, logger.info)
        sizes = ",".join(f"{width}x{height}" for width, height in requirements.sizes)
        steps.build(BuildOptions(model, graphs, built, sizes, BATCH_RANGE, requirements.precision), logger.info)
        verification = steps.verify(model, graphs, logger.info, steps.open_plans(built, graphs))
        added = add_engine(store, name, built, host_name())
        record_verification(store, added, summarize_parity(verification), trust)
