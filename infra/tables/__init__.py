"""Versioned tables with atomic commits.

Inputs: a store's URL. Outputs: a `TableStore`, opened by `open_tables`.
"""

from infra.errors import InvalidStoreAddress
from infra.interfaces import TableStore
from infra.stores.addresses import parse_address
from infra.tables.delta import DeltaTables

__all__ = ["open_tables"]


def open_tables(url: str) -> TableStore:
    """Open the Delta tables of the store at `url` (a folder or `s3://bucket/prefix`). Nothing is touched yet.

    Raises `InvalidStoreAddress` for `memory://`, which keeps no tables, and for folders that Delta cannot address.
    """
    address = parse_address(url)
    if address.scheme == "memory":
        raise InvalidStoreAddress("A memory:// store keeps no tables; use a folder (file://) or s3:// instead.")
    if "%" in address.location:
        raise InvalidStoreAddress(
            f"Delta tables cannot live below a folder with '%' in its name: {address.location!r}; rename it."
        )
    return DeltaTables(address)
