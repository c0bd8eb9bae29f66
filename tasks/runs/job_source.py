"""Open a job's source, as its recipe and its options say.

Inputs: a `RefreshJob`. Outputs: the opened source. Planning, a run's fingerprint and a dry run read it
the same way.
"""

from catalogs.runs.job import RefreshJob
from infra.sources import Source, open_source
from infra.sources.source_options import SourceOptions


def open_job_source(job: RefreshJob) -> Source:
    """Return the job's source. Raises `infra.errors.UnreadableSource`, and `StoreError` for a storage that fails."""
    return open_source(job.source, SourceOptions(**job.source_settings.chosen))
