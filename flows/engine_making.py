"""Make the engine that a run lacks: export the model, build, put it into the store, verify it.

Comes in: a store, a model, what is needed. Goes out: an engine in the store, ready or refused. It takes minutes of a
GPU and several times the model's size on the disk, so it is done once: whoever calls holds the engine's lease. Where
it fails nobody waits for it: the torch engine paints, and the log says why.
"""

import logging
import tempfile
from pathlib import Path

from catalogs.engine_cards import Need
from catalogs.errors import InputError
from flows.engine_store import put_engine, verify_engine
from flows.engines import BuildOptions, build_engine
from flows.graphs import export_graphs
from infra.engines.tensorrt.opening import EngineOpener
from infra.errors import EngineError
from infra.interfaces import ObjectStore

logger = logging.getLogger(__name__)

BATCH = "1-4"
"""What one engine is built for: at 1024 px one picture fills a large GPU, at 512 px four give 2.8 times the images."""


def make_engine_for(store: ObjectStore, name: str, model: str, need: Need, scratch: Path) -> None:
    """Make an engine of `model` (a folder, or hub-id@commit) for a need, under `name` in the store.

    `scratch` is where graphs and plans lie until then.
    """
    try:
        _make(store, name, model, need, scratch)
    except (InputError, EngineError) as error:
        logger.warning("No TensorRT engine of %r could be made, so torch paints: %s", name, error)


def _make(store: ObjectStore, name: str, model: str, need: Need, scratch: Path) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=scratch) as folder:
        graphs, built = Path(folder) / "graphs", Path(folder) / "engine"
        export_graphs(model, graphs, need.precision, logger.info)
        sizes = ",".join(f"{width}x{height}" for width, height in need.sizes)
        order = BuildOptions(model, graphs, built, sizes, BATCH, need.precision)
        build_engine(order, logger.info)
        version = put_engine(store, name, built)["version"]
        verify_engine(store, f"{name}/{version}", model, logger.info, graphs, EngineOpener)
