"""Make the engine that a run lacks: export the model, build, verify, put it into the store.

Comes in: a store, a model, what is needed. Goes out: an engine in the store, ready or refused. It takes minutes of a
GPU and several times the model's size on the disk, so it is done once: whoever calls holds the engine's lease.
"""

import logging
import tempfile
from pathlib import Path

from catalogs.models.engine_artifacts import Need
from flows.engines.build import BuildOptions, build_engine
from flows.engines.onnx_export import export_graphs
from flows.engines.repository import parity_of
from infra.coordination.process_liveness import host_name
from infra.engines.tensorrt.engine_open import EngineOpener
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import read_card
from infra.onnx_graphs.graph_verification import verify
from tasks.models.engine_repository import add_engine, mark_engine

logger = logging.getLogger(__name__)

BATCH = "1-4"
"""What one engine is built for: at 1024 px one picture fills a large GPU, at 512 px four give 2.8 times the images."""


def make_engine_for(store: ObjectStore, name: str, model: str, scratch: Path, need: Need) -> None:
    """Make an engine of `model` (a folder, or hub-id@commit) for a need, under `name` in the store.

    `scratch` is where graphs and plans lie until then. It is verified where it was built, before anybody can take it.
    Raises what exporting, building and the store raise.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=scratch) as folder:
        graphs, built = Path(folder) / "graphs", Path(folder) / "engine"
        export_graphs(model, graphs, need.precision, logger.info)
        sizes = ",".join(f"{width}x{height}" for width, height in need.sizes)
        build_engine(BuildOptions(model, graphs, built, sizes, BATCH, need.precision), logger.info)
        verdict = verify(model, graphs, logger.info, EngineOpener(built, read_card(graphs)))
        mark_engine(store, add_engine(store, name, built, host_name()), parity_of(verdict))
