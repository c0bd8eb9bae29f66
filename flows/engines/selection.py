"""Engine selection: which engine generates the images of a model, on this machine.

Inputs: a recipe and a model of it, settings, the store's engines. Outputs: an `EngineSpec`, the folder of a stored
TensorRT engine, and warnings for a run's report. An engine never fails a run: where no TensorRT engine fits, torch
generates in the same precision, and the report says so.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from catalogs.errors import RuleFileError
from catalogs.models.engine_artifacts import EngineRequirements, GpuPlatform, explain_selection, select_engine
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from flows.engines.build_missing import build_missing_engine
from infra.coordination.process_liveness import host_name
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.tensorrt.engine_open import find_tensorrt_machine
from infra.errors import EngineError, ExternalError
from infra.interfaces import Engine, ObjectStore
from infra.onnx_graphs.model_export import atomic_folder
from infra.settings import Settings
from infra.stores import open_store
from tasks.models.engine_builds import cannot_build, find_or_build_engine, read_recent_build_failure
from tasks.models.engine_repository import fetch_engine, list_stored_engines

logger = logging.getLogger(__name__)

AUTO_BUILT_PRECISIONS = ("fp32", "bf16")
"""Precisions whose missing engines are built automatically; fp8 needs a calibration on a catalogue's own prompts."""

EngineOpener = Callable[[EngineSpec], Engine]
EngineBuilder = Callable[[EngineRequirements], None]
EngineFetcher = Callable[[ObjectStore, Recipe, str, GpuPlatform | None, Path, EngineBuilder | None, float], Path | None]
"""The signature of `fetch_fitting_engine`."""


def find_gpu_platform() -> GpuPlatform | None:
    """Return this machine's TensorRT and GPU; None where either is missing."""
    machine = find_tensorrt_machine()
    return GpuPlatform(machine.tensorrt, machine.gpu, machine.compute_capability) if machine else None


def fetch_fitting_engine(
    store: ObjectStore,
    recipe: Recipe,
    model: str,
    machine: GpuPlatform | None,
    cache_folder: Path,
    build: EngineBuilder | None = None,
    lease_seconds: float = 120.0,
) -> Path | None:
    """Return the folder of the stored engine that fits, fetched into `cache_folder` once; None where none fits.

    With `build`, a missing engine is built and put into the store: once, while other workers wait for it.
    """
    requirements = _requirements(recipe, model, machine)
    if requirements is None:
        return None
    name = model.partition("@")[0]
    if build is None or requirements.precision not in AUTO_BUILT_PRECISIONS:
        choice = select_engine(list_stored_engines(store, name), requirements)
    else:
        choice = find_or_build_engine(
            store, name, requirements, lambda: build(requirements), host_name(), lease_seconds
        )
    if choice.artifact is None:
        return None
    engine = choice.artifact
    # The folder's name includes the digest, because version numbers restart in a store that was emptied.
    folder = cache_folder / f"{engine.model}-{engine.version}-{engine.digest[:12]}"
    if folder.is_dir():
        return folder
    cache_folder.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_folder(folder) as scratch:
            fetch_engine(store, engine, scratch)
    except EngineError:
        if not folder.is_dir():  # another process of this machine was first
            raise
    return folder


def engine_opener(
    job: RefreshJob,
    model: str,
    settings: Settings,
    opener: EngineOpener = open_engine,
    fetch: EngineFetcher = fetch_fitting_engine,
) -> Callable[[], Engine]:
    """Return a function that opens the engine of a model; it pickles, to run in the process that generates.

    Which TensorRT engine fits is decided when it is called: only that process sees the GPU and the cache folder.
    """
    if job.recipe.engine == "tensorrt":
        return partial(_open_fitting_engine, opener, job.recipe, model, settings, job.store, fetch)
    return partial(opener, resolve_engine_spec(job.recipe, model, settings))


def _open_fitting_engine(
    opener: EngineOpener, recipe: Recipe, model: str, settings: Settings, store_url: str, fetch: EngineFetcher
) -> Engine:
    return opener(resolve_engine_spec(recipe, model, settings, open_store(store_url), fetch=fetch))


def resolve_engine_spec(
    recipe: Recipe,
    model: str,
    settings: Settings,
    store: ObjectStore | None = None,
    *,
    find_machine: Callable[[], GpuPlatform | None] = find_gpu_platform,
    fetch: EngineFetcher = fetch_fitting_engine,
) -> EngineSpec:
    """Return the engine that generates a model of the recipe.

    A recipe that asks for TensorRT gets the engine of the settings' folder, else the one of `store` that fits this
    machine, else torch in the same precision: `engine_warnings` says why. Raises `RuleFileError` for weights that are
    not pinned: the weights must be known before their images are paid for.
    """
    entry = recipe.weights_by_name[model]
    if not entry.pinned:
        raise RuleFileError(
            f"The model {model!r} ({entry.source}) is not pinned: set `revision` to a full hub commit in the recipe,"
            " or give --model a local folder, or rehearse with --engine stub"
        )
    spec = EngineSpec(
        name="stub" if entry.family == "stub" else "torch",
        source=entry.source,
        revision=entry.revision,
        weights_digest=entry.weights_digest if entry.family != "stub" else None,
        precision=entry.precision,
        stub_seconds=settings.stub_seconds,
        acceleration=settings.acceleration,
        unverified=settings.unverified,
    )
    if recipe.engine != "tensorrt":
        return spec
    folder = _engine_folder_of_settings(model, settings)
    if folder is None and store is not None:
        folder = _stored_engine_folder(recipe, model, settings, store, find_machine, fetch)
    return replace(spec, name="tensorrt", folder=str(folder)) if folder else spec


def engine_warnings(
    recipe: Recipe,
    settings: Settings,
    store: ObjectStore,
    find_machine: Callable[[], GpuPlatform | None] = find_gpu_platform,
) -> list[str]:
    """Return the report's warnings where TensorRT is requested and torch will generate."""
    if recipe.engine != "tensorrt" or settings.engine_folder:
        return []
    return missing_engine_warnings(store, recipe, find_machine(), builds_missing=settings.build_engines)


def missing_engine_warnings(
    store: ObjectStore, recipe: Recipe, machine: GpuPlatform | None = None, *, builds_missing: bool = False
) -> list[str]:
    """Return a warning where a recipe asks for TensorRT and no stored engine of its default model fits.

    `builds_missing`: a missing engine is built before the first image, where this machine can.
    """
    default = recipe.models[recipe.default_model]
    # For a registered model, its production version: most images are made by that one.
    version = "" if default.standing is None else f"@{default.standing.production}"
    name = f"{recipe.default_model}{version}"
    entry = recipe.weights_by_name[name]
    if recipe.engine != "tensorrt" or entry.family == "stub":
        return []
    consequence = f"The torch engine generates in place of TensorRT, in {entry.precision}"
    requirements = _requirements(recipe, name, machine)
    if requirements is None:
        return [f"{consequence}: engines are found by their weights, and {name!r} has no weights_digest"]
    choice = select_engine(list_stored_engines(store, recipe.default_model), requirements)
    if choice.artifact is not None:
        return []
    failure = read_recent_build_failure(store, recipe.default_model, requirements)
    buildable = builds_missing and requirements.precision in AUTO_BUILT_PRECISIONS
    if buildable and not cannot_build(store, recipe.default_model, requirements):
        consequence = "A TensorRT engine is built before the first image"
    reason = f"; building one failed: {failure}" if failure else ""
    return [f"{consequence}: {explain_selection(name, choice)}{reason}"]


def _engine_folder_of_settings(model: str, settings: Settings) -> Path | None:
    if settings.engine_folder is None:
        return None
    folder = Path(settings.engine_folder)
    return folder / model if (folder / model).is_dir() else folder


def _stored_engine_folder(
    recipe: Recipe,
    model: str,
    settings: Settings,
    store: ObjectStore,
    find_machine: Callable[[], GpuPlatform | None],
    fetch: EngineFetcher,
) -> Path | None:
    """Return the store's engine that fits this machine, cached like hub models are; else build one where allowed.

    A failure costs the engine's speed, never the run: torch generates, and the log says why.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "packshot" / "engines"
    entry, name = recipe.weights_by_name[model], model.partition("@")[0]
    source = f"{entry.source}@{entry.revision}" if entry.revision else str(entry.source)
    build = partial(build_missing_engine, store, name, source, cache) if settings.build_engines else None
    try:
        return fetch(store, recipe, model, find_machine(), cache, build, settings.lease_seconds)
    except (ExternalError, OSError) as error:
        logger.warning("No stored engine of %r can be used here, so torch generates: %s", name, error)
        return None


def _requirements(recipe: Recipe, model: str, machine: GpuPlatform | None) -> EngineRequirements | None:
    """Return what an engine of a model must offer, over all sizes of the recipe; None for weights without a digest."""
    entry = recipe.weights_by_name[model]
    if entry.weights_digest is None:
        return None
    sizes = tuple(sorted({(tier.width, tier.height) for tier in recipe.tiers.values()}))
    return EngineRequirements(entry.weights_digest, entry.precision, sizes, machine)
