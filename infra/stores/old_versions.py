"""Old versions of deleted objects: on a versioned bucket a deletion frees nothing until they go too.

Inputs: a store, and the keys of objects that were deleted. Outputs: how many old versions were deleted. Only versions
of a key that has no current object go; what others overwrote or deleted in the bucket is left to its lifecycle rules.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.concurrency import concurrent_map
from infra.stores.s3 import S3Store

LIFECYCLE_ADVICE = (
    "give the bucket a lifecycle rule with NoncurrentVersionExpiration (1 day) and ExpiredObjectDeleteMarker"
)
"""What an operator can do about versions that Packshot may not delete."""
MAX_KEYS = 5_000
"""Keys of one sweep whose versions are looked for, by a request each."""


@dataclass
class OldVersions:
    """Deletes the old versions of deleted objects of one versioned bucket, up to `MAX_KEYS` keys."""

    store: S3Store
    deleted: int = 0
    keys_left: int = MAX_KEYS
    problem: str = ""
    """Why some versions stayed; empty where none did."""

    def delete_of(self, keys: Sequence[str]) -> None:
        """Delete every version of these keys that has no current object."""
        chosen = list(keys)[: self.keys_left]
        self.keys_left -= len(chosen)
        if len(chosen) < len(keys):
            self.problem = f"more than {MAX_KEYS} objects were deleted"
        try:
            found = [version for part in concurrent_map(self.store, self._find, chosen) for version in part]
            for start in range(0, len(found), 1000):
                batch = {"Objects": found[start : start + 1000], "Quiet": True}
                if self.store.request("delete_objects", Delete=batch).get("Errors"):
                    raise StoreError("the bucket refused to delete some of them")
            self.deleted += len(found)
        except StoreError as error:
            self.problem, self.keys_left = str(error).rstrip("."), 0

    def note(self) -> str:
        """Return what a sweep says about the bucket."""
        text = f"the bucket keeps old versions, so deleting frees nothing by itself; {self.deleted} were deleted too"
        return f"{text}; others stay, since {self.problem}: {LIFECYCLE_ADVICE}" if self.problem else text

    def _find(self, key: str) -> list[dict[str, str]]:
        entries = list(versions_of(self.store, key))
        is_deleted = all(not entry["IsLatest"] or "Size" not in entry for entry in entries)  # a marker has no size
        identities = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        return identities if is_deleted else []


def versions_of(store: S3Store, key: str) -> Iterator[dict[str, Any]]:
    """Yield every version and delete marker of one key, as S3 describes them."""
    name = store.object_name(key)
    page = store.request("list_object_versions", key, Prefix=name)
    for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
        if entry["Key"] == name:
            yield entry


def open_old_versions(store: ObjectStore) -> OldVersions | None:
    """Return the old versions of a bucket that keeps or kept them; None for other stores, and where one may not ask."""
    if not isinstance(store, S3Store):
        return None
    try:
        return OldVersions(store) if store.request("get_bucket_versioning").get("Status") else None
    except StoreError:
        return None
