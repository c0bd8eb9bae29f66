"""Many objects are deleted by one request, or by one each where the server wants it so; other errors stay errors."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stores import open_store
from infra.stores.s3_deletes import delete_objects
from infra.stores.s3_errors import PartialDeleteError
from tests.fixtures.s3_vendors import VendorUrl


def test_a_server_that_takes_no_batches_of_deletions_gets_one_request_each(s3_vendor_url: VendorUrl) -> None:
    with s3_vendor_url("content-md5") as url:
        store = open_store(url)
        for number in range(5):
            store.write(f"{number}", b".")
        assert store.delete(["0", "1", "2", "never"]) == 4
        assert [info.key for info in store.list("")] == ["3", "4"]


def refusal(code: str, message: str = "") -> OSError:
    error = OSError(message)
    error.__cause__ = ClientError({"Error": {"Code": code}}, "DeleteObjects")
    return error


@pytest.mark.parametrize(
    ("code", "message", "singly"),
    [
        ("NotImplemented", "", True),
        ("MethodNotAllowed", "", True),
        ("MissingContentMD5", "", True),
        ("InvalidRequest", "Missing required header for this request: Content-MD5.", True),
        ("InvalidRequest", "too many keys", False),
        ("AccessDenied", "", False),
        ("SlowDown", "", False),
    ],
)
def test_only_a_server_that_takes_no_batches_is_asked_again_one_by_one(code: str, message: str, singly: bool) -> None:
    asked: list[str] = []

    def request(method: str, **arguments: Any) -> dict[str, Any]:
        raise refusal(code, message)

    def retrying(method: str, **arguments: Any) -> dict[str, Any]:
        asked.append(arguments["Key"])
        return {}

    if singly:
        delete_objects(request, retrying, ["a", "b"])
    else:
        with pytest.raises(OSError, match=message or None):
            delete_objects(request, retrying, ["a", "b"])
    assert sorted(asked) == (["a", "b"] if singly else [])


def test_an_object_that_cannot_be_deleted_by_itself_is_an_error() -> None:
    def request(method: str, **arguments: Any) -> dict[str, Any]:
        raise refusal("NotImplemented" if method == "delete_objects" else "AccessDenied", method)

    with pytest.raises(OSError, match=r"delete_object$"):
        delete_objects(request, request, ["a", "b"])


def test_a_batch_that_was_deleted_in_part_is_an_error_of_its_own() -> None:
    with pytest.raises(PartialDeleteError, match="'b' and 0 others were not deleted"):
        delete_objects(lambda *_, **__: {"Errors": [{"Key": "b", "Code": "AccessDenied"}]}, lambda *_, **__: {}, ["a"])
