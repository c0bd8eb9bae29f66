"""Open Delta tables below a store's URL, with translated errors and repeated operations.

Inputs: a store's address, a table's name and version. Outputs: an open `DeltaTable`, or `TableError`.
Every error of deltalake becomes `TableUnavailable`, which may be repeated; refusals, a vendor's or our own, never are.
In a bucket, the client below deltalake waits for refusals and outages to pass, but gives up on an answer that is cut
off in its middle, and on a log entry that is not visible yet. Whole operations are therefore repeated here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from infra.errors import TableError, TableUnavailable
from infra.stores import open_store
from infra.stores.addresses import StoreAddress
from infra.stores.key_validation import check_key
from infra.stores.retry import RetryPolicy
from infra.stores.s3_client import S3Access, open_client
from infra.stores.s3_errors import RETRY_ADVICE
from infra.tables.arrow_types import normalize_schema
from infra.tables.delta_errors import delta_refusal_advice, describe_delta_error
from infra.tables.delta_options import delta_options
from infra.tables.schema_upgrade import TABLE_PROPERTIES
from infra.tables.table_paths import require_no_links, require_own_files

T = TypeVar("T")

_MAX_ATTEMPTS = 6  # of an operation whose answer is incomplete; outages are waited for by the client below


class DeltaClient:
    """Opens the tables below one address. Each open table has one user at a time, so threads may share the client."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self.url = address.url
        self._idle: dict[str, DeltaTable] = {}

    @property
    def retry_policy(self) -> RetryPolicy | None:
        """Return the bucket's retry policy; None for a folder, which answers or fails at once."""
        return open_client(S3Access.from_environment()).retry_policy if self._address.scheme == "s3" else None

    def retry(self, operation: Callable[[], T]) -> T:
        """Run a whole operation, and repeat it where a bucket's answer was incomplete."""
        policy = self.retry_policy
        if policy is None:
            return operation()
        try:
            return policy.call(operation, max_attempts=_MAX_ATTEMPTS)
        except TableUnavailable as error:
            raise TableUnavailable(f"{str(error).rstrip('.')}; {RETRY_ADVICE}.") from error.__cause__

    def find(self, table: str, version: int | None = None) -> DeltaTable | None:
        """Open one version of a table (the newest by default); return None where there is no table."""
        uri = self._table_uri(table)
        with translate_errors(table):
            try:
                found = DeltaTable(uri, version=version, storage_options=self._storage_options())
            except TableNotFoundError:
                return None
            require_own_files(table, found)
            return found

    def open(self, table: str, version: int | None = None) -> DeltaTable:
        """Open one version of a table (the newest by default); raise `TableError` where there is no table."""
        target = self.find(table, version)
        if target is None:
            raise TableError(f"There is no table {table!r} in {self.url}; the first refresh creates it.")
        return target

    def create(self, table: str, schema: pa.Schema) -> DeltaTable:
        """Create an empty table, or open the one that another process created first."""
        uri = self._table_uri(table)
        # mode="ignore" was seen to commit a second, empty version 1 when two processes race.
        try:
            with translate_errors(table):
                DeltaTable.create(
                    uri,
                    schema,
                    mode="error",
                    configuration=TABLE_PROPERTIES,
                    storage_options=self._storage_options(),
                    commit_properties=CommitProperties(max_commit_retries=0),
                )
        except TableError:
            if self.find(table) is None:
                raise
        return self.open(table)

    @contextmanager
    def newest(self, table: str) -> Iterator[DeltaTable | None]:
        """Lend a table, opened at its newest version, to one caller; None where there is no table.

        An open table is kept: to bring it up to date takes a listing and what is new, to open it anew thirty requests.
        After an error it is not kept.
        """
        self._table_uri(table)  # links may have come since
        target = self._idle.pop(table, None)
        if target is not None:
            try:
                target.update_incremental()
                require_own_files(table, target)
            except (DeltaError, OSError):
                target = None
        target = target or self.find(table)
        yield target
        if target is not None:
            self._idle[table] = target

    def _table_uri(self, table: str) -> str:
        """Return where deltalake finds a table. Raises `StoreError` where that lies behind a symbolic link."""
        check_key(table)
        if self._address.scheme == "file":
            require_no_links(open_store(self.url), table)
        return self._address.join(table)

    def _storage_options(self) -> dict[str, str]:
        return delta_options(self._address)


def read_schema(target: DeltaTable) -> pa.Schema:
    """Return a table's columns in normalized Arrow types."""
    return normalize_schema(pa.schema(target.schema().to_arrow()))


@contextmanager
def translate_errors(table: str) -> Iterator[None]:
    """Raise `TableUnavailable`, which names the table, for every error of deltalake and Arrow.

    A vendor's refusal becomes a `TableError` that says what to set: it does not pass by itself, so it is not repeated.
    """
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        reason, advice = describe_delta_error(error), delta_refusal_advice(error)
        if advice is not None:
            raise TableError(f"The store refused table {table!r} ({reason}): {advice}.") from error
        raise TableUnavailable(f"Table {table!r} could not be served: {reason}.") from error
