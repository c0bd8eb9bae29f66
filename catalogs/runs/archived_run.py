"""Row type of the run archive (`catalogs.table_schemas.RUN_ARCHIVE`): what is left of a run whose folder has gone.

Inputs: none. Outputs: the type. It is apart from `catalogs.table_rows`, whose types travel between the stages of a run.
"""

from datetime import datetime
from typing import TypedDict


class ArchivedRunRow(TypedDict):
    """A row of RUN_ARCHIVE; None where the run had no report."""

    run_id: str
    catalogue: str | None
    scope: str | None
    kind: str | None
    state: str | None
    started_at: datetime | None
    closed_at: datetime | None
    version: int | None
    published: int | None
    review: int | None
    blocked: int | None
    failed: int | None
    deferred: int | None
    retired: int | None
    generated: int | None
    gpu_seconds: float | None
    cost: float | None
