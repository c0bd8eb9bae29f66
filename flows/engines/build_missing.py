"""Make the engine that a run lacks: export the model, build, verify, put it into the store.

Comes in: a store, a model, what is needed. Goes out: an engine in the store, ready or refused. It takes minutes of a
GPU and several times the model's size on the disk, so it is done once: whoever calls holds the engine's lease.
"""

import logging
import tempfile
from pathlib import Path

from catalogs.models.engine_artifacts import EngineRequirements
from flows.engines.build import BuildOptions, build_engine
from flows.engines.onnx_export import export_onnx_graphs
from flows.engines.repository import summarize_parity
from infra.coordination.process_liveness import host_name
from infra.engines.tensorrt.engine_open import EngineGraphOpener
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import read_export_manifest
from infra.onnx_graphs.graph_verification import verify_export
from tasks.models.engine_repository import add_engine, record_verification

logger = logging.getLogger(__name__)

BATCH_RANGE = "1-4"
"""What one engine is built for: at 1024 px one picture fills a large GPU, at 512 px four give 2.8 times the images."""


def build_missing_engine(
    store: ObjectStore, name: str, model: str, scratch: Path, requirements: EngineRequirements
) -> None:
    """Make an engine of `model` (a folder, or hub-id@commit) for a need, under `name` in the store.

    `scratch` is where graphs and plans lie until then. It is verified where it was built, before anybody can take it.
    Raises what exporting, building and the store raise.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=scratch) as folder:
        graphs, built = Path(folder) / "graphs", Path(folder) / "engine"
        export_onnx_graphs(model, graphs, requirements.precision, logger.info)
        sizes = ",".join(f"{width}x{height}" for width, height in requirements.sizes)
        build_engine(BuildOptions(model, graphs, built, sizes, BATCH_RANGE, requirements.precision), logger.info)
        verdict = verify_export(model, graphs, logger.info, EngineGraphOpener(built, read_export_manifest(graphs)))
        record_verification(store, add_engine(store, name, built, host_name()), summarize_parity(verdict))
