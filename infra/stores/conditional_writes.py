"""Probe of a store's conditional writes, on which every lease and every commit rests.

Inputs: an open store, and whether the operator promises to be its only writer. Outputs: nothing, or a `StoreError`. The
probe is one object under `probe/`, which is deleted afterwards. Servers that accept the condition and ignore it
(`rclone serve s3`, for one) are found only by trying.
"""

from uuid import uuid4

from infra.errors import StoreError
from infra.interfaces import ObjectStore


def require_conditional_writes(store: ObjectStore, *, single_writer: bool) -> None:
    """Refuse a store that cannot keep two writers apart; with `single_writer` nothing is probed.

    Raises `StoreError` for a store that cannot be written, or that ignores the condition of a conditional write.
    """
    try:
        safe = single_writer or supports_conditional_writes(store)
    except StoreError as error:
        raise StoreError(f"The store {store.url} cannot be used: {error}") from error
    if not safe:
        raise StoreError(
            f"{store.url} overwrites what a conditional write should leave alone, so two runs could not be kept apart;"
            " use another store, or set PACKSHOT_SINGLE_WRITER=1 if nothing else ever writes there"
        )


def supports_conditional_writes(store: ObjectStore) -> bool:
    """Return whether `write_once` refuses a second write; the object that it is tried on is deleted afterwards.

    Raises `StoreError` where the store cannot be written at all.
    """
    key = f"probe/{uuid4().hex}"
    try:
        store.write(key, b"first")
        return not store.write_once(key, b"second") and store.read(key) == b"first"
    finally:
        store.delete([key])
