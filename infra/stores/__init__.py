"""Object stores: bytes under keys, on a disk, in a bucket, or in memory.

Inputs: a store's URL. Outputs: an `ObjectStore`, opened by `open_store`.
"""

from infra.interfaces import ObjectStore
from infra.stores.addresses import parse_address
from infra.stores.local import LocalStore
from infra.stores.memory import MemoryStore
from infra.stores.s3 import S3Store

__all__ = ["open_store"]


def open_store(url: str) -> ObjectStore:
    """Open the store at `file:///folder`, `s3://bucket/prefix`, `memory://name` or a plain folder.

    Nothing is touched yet. The store pickles as its URL. Raises `InvalidStoreAddress` for any other URL.
    """
    address = parse_address(url)
    if address.scheme == "s3":
        return S3Store(address.location, address.prefix)
    if address.scheme == "memory":
        return MemoryStore(f"{address.location}/{address.prefix}" if address.prefix else address.location)
    return LocalStore(address.location)
