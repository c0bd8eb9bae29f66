"""Open a job's source, as its recipe and its options say, and the validator of its rows.

Inputs: a `RefreshJob`. Outputs: the opened source; the validator. Planning, a run's fingerprint, a dry run and the
checks before a run read it the same way.
"""

from catalogs.errors import MissingColumns
from catalogs.ingest.named_columns import named_columns
from catalogs.ingest.row_validation import RowValidator
from catalogs.recognition.recipe_hint import recipe_hint
from catalogs.runs.job import RefreshJob
from infra.sources import Source, open_source
from infra.sources.source_options import SourceOptions


def open_job_source(job: RefreshJob) -> Source:
    """Return the job's source. Raises `infra.errors.UnreadableSource`, and `StoreError` for a storage that fails."""
    return open_source(job.source, source_options(job))


def source_options(job: RefreshJob) -> SourceOptions:
    """Return how the job's source is read."""
    return SourceOptions(**job.source_settings.chosen)


def open_validator(job: RefreshJob, source: Source) -> RowValidator:
    """Return the validator of the source's rows. Raises `MissingColumns`, with a recipe that would fit the source."""
    try:
        return RowValidator(job.recipe, source.columns_and_paths(named_columns(job.recipe)))
    except MissingColumns as error:
        raise MissingColumns(f"{error} {recipe_hint(job.recipe, source.columns)}") from None
