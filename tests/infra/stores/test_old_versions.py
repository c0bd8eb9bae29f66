"""On a versioned bucket the old versions of deleted objects go with them, and none of any other object."""

from typing import Any
from uuid import uuid4

import pytest

from infra.stores import old_versions, open_store
from infra.stores.old_versions import OldVersions, open_old_versions, versions_of
from infra.stores.s3 import S3Store


@pytest.fixture
def versioned(s3_url: str) -> S3Store:
    """Return a store in a versioned bucket of its own: others must not find their deletions kept."""
    del s3_url  # for its environment
    store = open_store(f"s3://versioned-{uuid4().hex}/shop")
    assert isinstance(store, S3Store)
    store.request("create_bucket")
    assert open_old_versions(store) is None, "this bucket keeps no versions yet"
    store.request("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    return store


def versions(store: S3Store, key: str) -> list[dict[str, Any]]:
    return list(versions_of(store, key))


def test_the_versions_of_deleted_objects_go_and_those_of_live_ones_stay(versioned: S3Store) -> None:
    for key in ("gone", "gone-too", "live"):
        versioned.write(key, b"1")
        versioned.write(key, b"2")
    versioned.delete(["gone"])
    assert len(versions(versioned, "gone")) == 3, "two versions and a marker"
    found = open_old_versions(versioned)
    assert isinstance(found, OldVersions)
    found.delete_of(["gone", "live"])
    assert [len(versions(versioned, key)) for key in ("gone", "gone-too", "live")] == [0, 2, 2]
    assert versioned.read("live") == b"2"
    assert found.note() == ("the bucket keeps old versions, so deleting frees nothing by itself; 3 were deleted too")


def test_what_is_too_much_for_one_sweep_is_left_to_a_lifecycle_rule(
    versioned: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_versions, "MAX_KEYS", 1)
    for key in ("a", "b"):
        versioned.write(key, b"1")
    versioned.delete(["a", "b"])
    found = OldVersions(versioned, keys_left=1)
    found.delete_of(["a", "b"])
    assert [len(versions(versioned, key)) for key in ("a", "b")] == [0, 2]
    assert "others stay, since more than 1 objects were deleted: give the bucket a lifecycle rule" in found.note()


def test_where_versions_may_not_be_deleted_the_sweep_says_which_rule_to_set(versioned: S3Store) -> None:
    class Refusing(S3Store):
        def _call(self, method: str, **arguments: object) -> dict[str, Any]:
            if method == "list_object_versions":
                raise PermissionError("Access Denied")
            return super()._call(method, **arguments)

    found = OldVersions(Refusing(*versioned.url.removeprefix("s3://").split("/")))
    found.delete_of(["a"])
    assert found.deleted == 0
    assert "NoncurrentVersionExpiration" in found.note()


def test_a_disk_keeps_no_versions(tmp_path: Any) -> None:
    assert open_old_versions(open_store(str(tmp_path))) is None
