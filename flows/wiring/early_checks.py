"""Early checks: what is wrong with a command's source, recipe, policy or store, said before anything heavy starts.

Inputs: the parameters of a refresh or a plan, and the settings. Outputs: nothing, or the error that the run itself
would end in after a server, an engine and a lease were started. Nothing is written. The run checks all of it again, as
its source may have changed meanwhile; so what only a long read can tell (an http download, gigabytes of JSON) is left
to it. Nothing imported here loads Prefect, torch, pandas or a scanner.
"""

from catalogs.runs.job import RefreshJob
from flows.engines.model_versions import resolve_registry_versions
from flows.engines.pinned_weights import require_pinned_weights
from flows.parameters import RefreshParameters
from flows.wiring.cutter_versions import require_cutters
from flows.wiring.open_store import open_for_reading
from flows.wiring.photo_columns import names_photos
from infra.settings import Settings
from infra.sources.opening_cost import opens_quickly
from tasks.runs.job_source import open_job_source, open_validator, source_options


def require_usable_inputs(parameters: RefreshParameters, settings: Settings, *, generates: bool = True) -> None:
    """Raise the `InputError` or `ExternalError` in which a run of these parameters would end.

    `generates`: False for a plan, which takes weights that are not pinned and warns of them.
    """
    job, _ = parameters.resolve_job()
    open_for_reading(job.store)
    _require_readable_source(job, settings)
    if generates:
        require_pinned_weights(resolve_registry_versions(job, settings).recipe)


def _require_readable_source(job: RefreshJob, settings: Settings) -> None:
    """Open the source, find the recipe's columns in it, and open the cutters where its first rows name a photo.

    Raises `UnreadableSource`, `MissingColumns` and `CutterUnusable`.
    """
    if not opens_quickly(job.source, source_options(job)):
        return
    source = open_job_source(job)
    open_validator(job, source)
    if names_photos(job.recipe, source):
        require_cutters(job.recipe, settings)
