"""Object stores: bytes under keys, on a disk, in a bucket, or in memory.

Inputs: a store's URL. Outputs: an `ObjectStore`, opened by `open_store`. Each adapter is imported when a store of its
kind is opened: the command line reads addresses at its start, and needs none of their libraries for that.
"""

from typing import TYPE_CHECKING

from infra.stores.addresses import parse_address

if TYPE_CHECKING:
    from infra.interfaces import ObjectStore

__all__ = ["open_store"]


def open_store(url: str) -> "ObjectStore":
    """Open the store at `file:///folder`, `s3://bucket/prefix`, `memory://name` or a plain folder.

    Nothing is touched yet. The store pickles as its URL. Raises `InvalidStoreAddress` for any other URL.
    """
    address = parse_address(url)
    if address.scheme == "s3":
        from infra.stores.s3 import S3Store

        return S3Store(address.location, address.prefix)
    if address.scheme == "memory":
        from infra.stores.memory import MemoryStore

        return MemoryStore(f"{address.location}/{address.prefix}" if address.prefix else address.location)
    from infra.stores.local import LocalStore

    return LocalStore(address.location)
