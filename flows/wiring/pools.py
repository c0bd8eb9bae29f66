"""Engine pools of one run, one per model of the recipe.

Inputs: a store, settings, and how the engine of a model is opened. Outputs: pools, each opened at its model's first
shard. Threads that ask for one model at the same time share one pool: a second would be a second engine on one GPU.
"""

from collections.abc import Callable
from threading import Lock

from catalogs.errors import SettingsError
from catalogs.photos.kept_request import KEPT_MODEL
from infra.errors import EngineError
from infra.interfaces import Engine, ObjectStore, Pool
from infra.pools.inline import InlinePool
from infra.pools.ray_cluster import RAY_MISSING, ray_is_installed
from infra.pools.ray_pool import RayEngines
from infra.settings import Settings

OpenEngine = Callable[[], Engine]
"""Opens one engine; it pickles where the pool's engines live in other processes."""


class ModelPools:
    """The open pools of one run, by the name of their model."""

    def __init__(
        self,
        new_pool: Callable[[OpenEngine], Pool],
        engine_of: Callable[[str], OpenEngine],
        open_composing: Callable[[], Pool],
    ) -> None:
        self._new_pool, self._engine_of, self._open_composing = new_pool, engine_of, open_composing
        self._pools: dict[str, Pool] = {}
        self._lock = Lock()

    def pool(self, model: str) -> Pool:
        """Return the pool of a model, opened at the first call."""
        with self._lock:
            if model not in self._pools:
                is_kept = model == KEPT_MODEL  # no model of the recipe: nothing is generated, and no GPU is needed
                self._pools[model] = self._open_composing() if is_kept else self._new_pool(self._engine_of(model))
            return self._pools[model]

    def close(self) -> None:
        """Close every pool that was opened."""
        for pool in self._pools.values():
            pool.close()


def pool_factory(store: ObjectStore, settings: Settings) -> Callable[[OpenEngine], Pool]:
    """Return a function that makes a pool from an engine opener; with Ray all pools share one set of actors.

    Raises `EngineError` where ray is not installed, `SettingsError` for a store that no other process can see.
    """
    if settings.pool == "inline":
        return InlinePool
    if not ray_is_installed():
        raise EngineError(RAY_MISSING)
    if store.url.startswith("memory://"):
        raise SettingsError(f"PACKSHOT_POOL=ray: engines in other processes cannot see {store.url!r}; use a folder")
    return RayEngines(settings.ray_address, settings.ray_gpus, settings.ray_tries).pool
