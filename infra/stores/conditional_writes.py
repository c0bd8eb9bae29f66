"""Probe of a store's conditional writes, on which every lease and every commit rests.

Inputs: an open store, and whether the operator promises to be its only writer. Outputs: nothing, or a `StoreError`. The
probe is one object under `probe/`, which is deleted afterwards. Servers that accept the condition and ignore it
(`rclone serve s3`, for one) are found only by trying; others refuse it with 501 (Backblaze B2, for one).
"""

from uuid import uuid4

from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.s3 import S3Store


def require_conditional_writes(store: ObjectStore, *, single_writer: bool) -> None:
    """Refuse a store that cannot keep two writers apart, unless `single_writer` promises that there is one.

    With that promise only a bucket is probed, which learns by it whether its server refuses conditions altogether.
    Raises `StoreError` for a store that cannot be written, or that ignores the condition of a conditional write.
    """
    try:
        safe = single_writer and not isinstance(store, S3Store)
        safe = safe or supports_conditional_writes(store) or single_writer
    except StoreError as error:
        raise StoreError(f"The store {store.url} cannot be used: {error}") from error
    if not safe:
        raise StoreError(
            f"{store.url} overwrites what a conditional write should leave alone, so two runs could not be kept apart;"
            " use another store, or set PACKSHOT_SINGLE_WRITER=1 if nothing else ever writes there"
        )


def emulates_conditional_writes(store: ObjectStore) -> bool:
    """Tell whether a bucket was seen to refuse conditions, so that keys are looked up before they are written."""
    return isinstance(store, S3Store) and store.emulates_conditions


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
