"""Composition root: open the store, tables, engine pools, screener and signer of one run.

Inputs: a resolved job and the settings. Outputs: `Resources` and the `ScreeningContext`, closed again however the block
ends. Each adapter is chosen in one function below; heavy libraries are imported only when an adapter is opened.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from catalogs.errors import SettingsError
from catalogs.runs.job import RefreshJob
from flows.engines.pinned_weights import require_pinned_weights
from flows.engines.selection import EngineOpener, engine_opener
from flows.wiring.kept_images import composing_pool, kept_terms
from flows.wiring.open_store import prepare_for_writing
from flows.wiring.pools import ModelPools, pool_factory
from flows.wiring.preflight import require_watermarks, resolve_scanners
from infra.composing.kept_terms import KeptTerms
from infra.engines import open_engine
from infra.errors import EngineError
from infra.integrity.key_files import open_integrity_keys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore, Pool, Screener
from infra.provenance.certificates import load_identity
from infra.provenance.development_certificate import development_folder, development_identity
from infra.provenance.signing import C2paSigner
from infra.screening.inline import InlineScreener
from infra.screening.measure import measure
from infra.screening.processes import ProcessScreener
from infra.settings import Settings
from infra.stores import open_store
from infra.tables import open_tables
from tasks.runs.resources import Resources, ScreeningContext


@contextmanager
def open_resources(
    job: RefreshJob, settings: Settings, *, publishes: bool = True, opener: EngineOpener = open_engine
) -> Iterator[tuple[Resources, ScreeningContext]]:
    """Open what a run needs; engines and screening processes start with the first shard.

    `publishes`: False for a part of a run, so that the machine that makes it needs no signing key. `opener` opens an
    engine from its spec, possibly in another process, so it must pickle where the pool is Ray's.
    """
    require_pinned_weights(job.recipe)
    require_watermarks(job.recipe, settings)
    signer = open_signer(settings) if publishes else None  # before anything is written
    keys = open_integrity_keys(settings)
    store, tables = open_store(job.store), open_tables(job.store)
    trust = StoredWorkTrust(keys, prepare_for_writing(store, tables, settings).tagged_since)
    terms = kept_terms(job.policy)
    pools = ModelPools(
        pool_factory(store, settings),
        lambda model: engine_opener(job, model, settings, opener),
        lambda: composing_pool(store, settings, terms, trust),
    )
    scanners, _ = resolve_scanners(job.policy)
    with ExitStack() as stack:
        screener = stack.enter_context(closing(open_screener(store, settings, trust, terms)))
        stack.enter_context(closing(pools))
        screening = ScreeningContext(
            store=store,
            screener=screener,
            policy=job.policy,
            finishes=job.recipe.finishes_by_digest,
            deadline_seconds=settings.screen_seconds,
            watermark=settings.watermark,
            scanners=scanners,
            channels=job.recipe.channels,
            shows_article=job.recipe.shows_article,
        )
        yield Resources(store, tables, pools.pool, signer, trust), screening


def open_publishing_resources(url: str, settings: Settings) -> Resources:
    """Open what a run needs that publishes images of earlier runs: store, tables and signer, and no engine."""
    signer = open_signer(settings)  # before anything is written
    keys = open_integrity_keys(settings)
    store, tables = open_store(url), open_tables(url)
    trust = StoredWorkTrust(keys, prepare_for_writing(store, tables, settings).tagged_since)
    return Resources(store, tables, _refuse_pool, signer, trust)


def idle_screening(resources: Resources, job: RefreshJob) -> ScreeningContext:
    """Return the screening context of a run that screens nothing."""
    screener = InlineScreener(resources.store, measure)
    return ScreeningContext(resources.store, screener, job.policy, job.recipe.finishes_by_digest, 0.0)


def _refuse_pool(model: str) -> Pool:
    raise EngineError(f"A run that applies answers generates nothing, and was asked for the engine of {model!r}")


def open_screener(
    store: ObjectStore, settings: Settings, trust: StoredWorkTrust = UNCHECKED, terms: KeptTerms | None = None
) -> Screener:
    """Open the screening processes; a store in memory is visible to this process only, so it is screened here.

    `trust` says which stored work is believed; its keys reach the processes over their pipes. Without `terms` no image
    that keeps a photo's product is proven, so none passes.
    """
    measure_trusting = partial(measure, trust=trust, terms=terms)
    if store.url.startswith("memory://"):
        return InlineScreener(store, measure_trusting)
    return ProcessScreener(settings.screeners or len(os.sched_getaffinity(0)), measure_trusting)


def open_signer(settings: Settings) -> C2paSigner | None:
    """Return the signer of published images: by the settings' certificate, else by this machine's development one.

    None where signing is switched off. Raises `ProvenanceConfigError` for a certificate or key that cannot sign, before
    any image is made.
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
    return C2paSigner(identity, settings.c2pa_timestamp_url)
