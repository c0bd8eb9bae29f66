"""Early checks: what is wrong with a command's source, recipe, policy or store, said before anything heavy starts.

Inputs: the parameters of a refresh or a plan, and the settings. Outputs: nothing, or the error that the run itself
would end in after a server, an engine and a lease were started. Nothing is written. The run checks all of it again, as
its source may have changed meanwhile; so what only a long read can tell (an http download, gigabytes of JSON) is left
to it. Nothing imported here loads Prefect, torch or a scanner.
"""

from pathlib import Path

from catalogs.runs.job import RefreshJob
from flows.engines.model_versions import resolve_registry_versions
from flows.parameters import RefreshParameters
from flows.wiring.open_store import open_for_reading
from flows.wiring.preflight import require_pinned_weights
from infra.errors import InvalidStoreAddress
from infra.settings import Settings
from infra.sources.opening_cost import opens_quickly
from infra.stores.addresses import parse_address
from tasks.runs.job_source import open_job_source, open_validator, source_options


def require_usable_inputs(parameters: RefreshParameters, settings: Settings, *, generates: bool = True) -> None:
    """Raise the `InputError` or `ExternalError` in which a run of these parameters would end.

    `generates`: False for a plan, which takes weights that are not pinned and warns of them.
    """
    job, _ = parameters.resolve_job()
    _require_store_folder(job.store)
    open_for_reading(job.store)
    _require_readable_source(job)
    if generates:
        require_pinned_weights(resolve_registry_versions(job, settings).recipe, settings)


def _require_store_folder(store: str) -> None:
    """Raise `InvalidStoreAddress` for a store on disk whose place a file has."""
    address = parse_address(store)
    if address.scheme != "file":
        return
    folder = Path(address.location)
    existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if existing is not None and not existing.is_dir():
        raise InvalidStoreAddress(f"The store {store!r} cannot be a folder: {str(existing)!r} is a file. Give another.")


def _require_readable_source(job: RefreshJob) -> None:
    """Open the source and find the recipe's columns in it. Raises `UnreadableSource` and `MissingColumns`."""
    if opens_quickly(job.source, source_options(job)):
        open_validator(job, open_job_source(job))
