"""Storage options of deltalake for a store: where its bucket is, and how its commits are kept apart.

Inputs: a store's address and the environment. Outputs: deltalake's `storage_options`; empty for a folder.
deltalake commits by a conditional put and has no other way in a bucket. Where the server was seen to refuse those, and
a single writer is promised, all its requests go through a relay of this process (`infra.stores.commit_relay`).
"""

from infra.stores.addresses import StoreAddress
from infra.stores.commit_relay import open_relay
from infra.stores.s3_client import S3Access, open_client


def delta_options(address: StoreAddress) -> dict[str, str]:
    """Return the storage options of the tables below an address."""
    if address.scheme != "s3":
        return {}
    access = S3Access.from_environment()
    options = access.for_deltalake(address.location)
    if not open_client(access).conditions.refused:
        return options
    return options | open_relay(access, address.location).options
