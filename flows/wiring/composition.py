"""The composition root: addresses and settings into open places. The one module that chooses adapters.

Comes in: a job and settings. Goes out: store, tables, engine pools and screener, closed again whatever happens. Heavy
adapters are imported when they are opened.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock

from catalogs.errors import RuleFileError, SettingsError
from catalogs.models.engine_artifacts import GpuPlatform
from catalogs.planning.budget import CostModel, build_cost_model
from catalogs.planning.pricing import PriceList, load_price_list
from catalogs.policy.channels import missing_scanners
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from flows.engines.build_missing import build_missing_engine
from flows.engines.repository import fetch_fitting_engine, missing_engine_warnings
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.tensorrt.engine_open import find_tensorrt_machine
from infra.errors import EngineError, ExternalError, StoreError
from infra.interfaces import Engine, ObjectStore, Pool, Screener
from infra.pools.inline import InlinePool
from infra.pools.ray_cluster import RAY_MISSING, ray_is_installed
from infra.pools.ray_pool import RayEngines
from infra.provenance.certificates import development_folder, development_identity, load_identity
from infra.provenance.credentials import Signer
from infra.provenance.watermarks import open_watermark
from infra.scanners.image_scanners import find_available
from infra.scanners.text_classifier import open_classifier
from infra.screening.inline import InlineScreener
from infra.screening.measure import BUILTIN_SCANNER_VERSIONS
from infra.screening.processes import ProcessScreener
from infra.settings import Settings
from infra.stores import open_store, supports_conditional_writes
from infra.tables import open_tables
from tasks.gates.prompt_gate import PolicyPromptGate
from tasks.runs.resources import Resources, ScreeningContext

logger = logging.getLogger(__name__)


@contextmanager
def open_resources(
    job: RefreshJob, settings: Settings, *, publishes: bool = True
) -> Iterator[tuple[Resources, ScreeningContext]]:
    """Open what a run needs. Engines and measuring processes start when the first shard comes.

    A part of a run does not publish, so the machine that makes it needs no key to sign with.
    """
    require_pinned_weights(job.recipe, settings)
    require_watermarks(job.recipe, settings)
    store = open_store(job.store)
    require_conditional_writes(store, settings)
    signer = open_signer(settings) if publishes else None
    pools: dict[str, Pool] = {}
    new_pool = pool_factory(store, settings)
    screener = open_screener(store, settings)
    opening = Lock()  # shards of one model ask at once, and a second pool would be a second engine on one GPU

    def pool(model: str) -> Pool:
        with opening:
            if model not in pools:
                pools[model] = new_pool(engine_opener(job, model, settings))
            return pools[model]

    scanners, _ = resolve_scanners(job.policy)
    gate = ScreeningContext(
        store=store,
        screener=screener,
        policy=job.policy,
        finishes=job.recipe.finishes_by_digest,
        deadline_seconds=settings.screen_seconds,
        watermark=settings.watermark,
        scanners=scanners,
        channels=job.recipe.channels,
    )
    try:
        yield Resources(store, open_tables(job.store), pool, signer), gate
    finally:
        for open_pool in pools.values():
            open_pool.close()
        screener.close()


def require_pinned_weights(recipe: Recipe, settings: Settings) -> None:
    """Raise `RuleFileError` where weights are not pinned: it ends what would be begun."""
    model = recipe.default_model
    for name in recipe.models[model].weights_by_name(model):
        resolve_engine_spec(recipe, name, settings)


def engine_opener(job: RefreshJob, model: str, settings: Settings) -> Callable[[], Engine]:
    """Return what opens the engine of a model of the recipe; it travels to the process that paints.

    Which TensorRT engine fits is found out there: that is where the GPU is, and the folder that plans are kept in.
    """
    if job.recipe.engine == "tensorrt":
        return partial(open_fitting_engine, open_engine, job.recipe, model, settings, job.store)
    return partial(open_engine, resolve_engine_spec(job.recipe, model, settings))


def open_fitting_engine(
    opener: Callable[[EngineSpec], Engine], recipe: Recipe, model: str, settings: Settings, store_url: str
) -> Engine:
    """Open the TensorRT engine of a store that fits this machine, else torch: where it is called."""
    return opener(resolve_engine_spec(recipe, model, settings, open_store(store_url)))


def pool_factory(store: ObjectStore, settings: Settings) -> Callable[[Callable[[], Engine]], Pool]:
    """Return what makes a pool of what opens its engines; with Ray the pools of one maker share their processes.

    Raises `EngineError` where ray is not installed, `SettingsError` for a store that no other process can see.
    """
    if settings.pool == "inline":
        return InlinePool
    if not ray_is_installed():
        raise EngineError(RAY_MISSING)
    if store.url.startswith("memory://"):
        raise SettingsError(f"PACKSHOT_POOL=ray: engines in other processes cannot see {store.url!r}; use a folder")
    return RayEngines(settings.ray_address, settings.ray_gpus, settings.ray_tries).pool


def build_prompt_gates(job: RefreshJob, settings: Settings) -> PolicyPromptGate:
    """Return what judges a job's prompts. Raises `SettingsError` where the classifier's file is none."""
    try:
        classifier = open_classifier(Path(settings.classifier)) if settings.classifier else None
    except ValueError as error:
        raise SettingsError(f"PACKSHOT_CLASSIFIER: {error}") from None
    return PolicyPromptGate(job.policy, job.recipe.languages, classifier)


def require_conditional_writes(store: ObjectStore, settings: Settings) -> None:
    """Find out by trying whether the store keeps two writers apart; refuse one that does not.

    Raises `StoreError` where it cannot be written, or unless a single writer is what the operator promised.
    """
    try:
        apart = settings.single_writer or supports_conditional_writes(store)
    except StoreError as error:
        raise StoreError(f"The store {store.url} cannot be used: {error}") from error
    if not apart:
        raise StoreError(
            f"{store.url} overwrites what a conditional write should leave alone, so two runs could not be kept apart;"
            " use another store, or set PACKSHOT_SINGLE_WRITER=1 if nothing else ever writes there"
        )


def open_signer(settings: Settings) -> Signer | None:
    """Return who signs what is published: the certificate of the settings, else this machine's development one.

    None where signing is switched off. Raises `ProvenanceConfigError` for what cannot sign: before anything is made for
    it.
    """
    if not settings.c2pa:
        return None
    certificate, key = settings.c2pa_certificate, settings.c2pa_key
    if (certificate is None) != (key is None):
        missing = "PACKSHOT_C2PA_CERTIFICATE" if certificate is None else "PACKSHOT_C2PA_KEY"
        raise SettingsError(f"{missing} is not set: certificate chain and private key are given together, or neither")
    if certificate is not None and key is not None:
        identity = load_identity(certificate, key)
    else:
        identity = development_identity(settings.c2pa_folder or development_folder())
    return Signer(identity, settings.c2pa_timestamp_url)


def require_watermarks(recipe: Recipe, settings: Settings) -> None:
    """Open each watermark that the recipe's finishes name; raise `ProvenanceConfigError` for an unregistered one."""
    for finish in recipe.finishes_by_digest.values():
        if finish.watermark is not None:
            open_watermark(settings.watermark, finish.watermark)


def read_price_list(settings: Settings) -> PriceList:
    """Return the price list that the settings name, or the built-in one; the GPU that they name is on it."""
    prices = load_price_list(None, "the built-in prices")
    if settings.prices is not None:
        try:
            prices = load_price_list(Path(settings.prices).read_text("utf-8"), settings.prices)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SettingsError(f"PACKSHOT_PRICES: {settings.prices!r} cannot be read ({reason})") from None
    if settings.gpu is not None and settings.gpu not in prices.gpus:
        raise SettingsError(f"PACKSHOT_GPU: {settings.gpu!r} is none of {', '.join(prices.gpus)}")
    return prices


def cost_model_for_job(job: RefreshJob, prices: PriceList, settings: Settings) -> CostModel:
    """Return the terms that a job works on: estimates for its engine on the GPU of the settings, and its limits."""
    stub_seconds = settings.stub_seconds if job.recipe.engine == "stub" else None
    return build_cost_model(prices, settings.gpu, stub_seconds, job.max_cost, job.max_hours, settings.engine_count)


def open_screener(store: ObjectStore, settings: Settings) -> Screener:
    """Open measuring processes; a store in memory can only be seen from this one."""
    if store.url.startswith("memory://"):
        return InlineScreener(store)
    return ProcessScreener(settings.screeners or len(os.sched_getaffinity(0)))


def resolve_scanners(policy: Policy) -> tuple[dict[str, str], dict[str, str]]:
    """Return name -> version of the scanners that will measure images here, and name -> why not of those that cannot.

    The ones that are in every installation are always run; the others where the policy names them.
    """
    named = [name for name in policy.image_scanners if name not in BUILTIN_SCANNER_VERSIONS]
    here, missing = find_available(named, policy.scanner_settings)
    return {**BUILTIN_SCANNER_VERSIONS, **here}, missing


def missing_scanner_warnings(job: RefreshJob) -> list[str]:
    """Return what to warn of before a run: scanners that policy or channels depend on and that do not look."""
    policy = job.policy
    here, missing = resolve_scanners(policy)
    unheard = missing_scanners(job.recipe.channels, list(here))
    return [
        f"No picture will be usable on {', '.join(channels)}: what they ask for is measured by the scanner {name!r},"
        + (" which cannot be opened here" if name in missing else f" so name it in the policy (optional: [{name}])")
        for name, channels in unheard.items()
    ] + [
        f"The policy requires the scanner {name!r}: without it every picture is for a person. {why}"
        if name in policy.required
        else f"The policy would have the scanner {name!r} look too; pictures are judged without it. {why}"
        for name, why in missing.items()
    ]


def resolve_engine_spec(recipe: Recipe, model: str, settings: Settings, store: ObjectStore | None = None) -> EngineSpec:
    """Return which engine paints a model of the recipe.

    A recipe that asks for TensorRT gets the engine of the settings' folder, else the one of `store` that fits this
    machine, else torch in the same precision: `engine_warnings` says why. Raises `RuleFileError` for weights that are
    not pinned: what paints must be known before it is bought.
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
    folder = _engine_folder_of_settings(model, settings) or _fetch_or_build_engine(recipe, model, settings, store)
    return replace(spec, name="tensorrt", folder=str(folder)) if folder else spec


def engine_warnings(recipe: Recipe, settings: Settings, store: ObjectStore) -> list[str]:
    """Return what a run's report must say where TensorRT is asked for and torch will paint."""
    if recipe.engine != "tensorrt" or settings.engine_folder:
        return []
    return missing_engine_warnings(store, recipe, _current_machine(), builds_missing=settings.build_engines)


def _engine_folder_of_settings(model: str, settings: Settings) -> Path | None:
    if settings.engine_folder is None:
        return None
    folder = Path(settings.engine_folder)
    return folder / model if (folder / model).is_dir() else folder


def _fetch_or_build_engine(recipe: Recipe, model: str, settings: Settings, store: ObjectStore | None) -> Path | None:
    """Return the store's engine that fits this machine, kept in the user's cache as hub models are; else make one.

    What goes wrong with engines costs their speed, and no run: torch paints, and the log says why.
    """
    if store is None:
        return None
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "packshot" / "engines"
    entry, name = recipe.weights_by_name[model], model.partition("@")[0]
    source = f"{entry.source}@{entry.revision}" if entry.revision else str(entry.source)
    make = partial(build_missing_engine, store, name, source, kept) if settings.build_engines else None
    try:
        return fetch_fitting_engine(store, recipe, model, _current_machine(), kept, make, settings.lease_seconds)
    except (ExternalError, OSError) as error:
        logger.warning("The engines of %r in the store are of no use here, so torch paints: %s", name, error)
        return None


def _current_machine() -> GpuPlatform | None:
    found = find_tensorrt_machine()
    return GpuPlatform(found.tensorrt, found.gpu, found.compute_capability) if found else None
