"""What only S3 does: content types, missing buckets, uploads in parts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.errors import ObjectMissing, StoreError
from infra.stores import open_store, s3
from infra.stores.retry import RetryPolicy
from infra.stores.s3 import S3Store
from infra.stores.s3_client import S3Access, S3Client
from infra.stores.store_clock import StoreClock


@pytest.fixture
def files(s3_url: str) -> Any:
    from s3fs import S3FileSystem

    return S3FileSystem(**S3Access.from_environment().for_s3fs())


def test_the_content_type_is_kept(s3_url: str, files: Any) -> None:
    store = open_store(s3_url)
    store.write("a.jpg", b"1", content_type="image/jpeg")
    store.write_once("b.jpg", b"1", content_type="image/jpeg")
    for name in ("a.jpg", "b.jpg"):
        assert files.info(f"{s3_url}/{name}")["ContentType"] == "image/jpeg"


def test_what_caches_may_do_with_an_object_is_kept(s3_url: str, files: Any) -> None:
    store = open_store(s3_url)
    store.write("a.jpg", b"1", cache_control="no-cache")
    store.write_once("b.jpg", b"1", content_type="image/jpeg", cache_control="max-age=5")
    bucket, prefix = s3_url.removeprefix("s3://").split("/")
    told = {name: files.call_s3("head_object", Bucket=bucket, Key=f"{prefix}/{name}") for name in ("a.jpg", "b.jpg")}
    assert {name: head["CacheControl"] for name, head in told.items()} == {"a.jpg": "no-cache", "b.jpg": "max-age=5"}


def test_a_bucket_that_is_not_there_is_no_missing_object(s3_url: str) -> None:
    store = open_store("s3://no-such-bucket-here/x")
    for use in (lambda: store.read("a"), lambda: store.write("a", b""), lambda: list(store.list(""))):
        with pytest.raises(StoreError, match="bucket") as failure:
            use()
        assert not isinstance(failure.value, ObjectMissing)
        assert "sesame" not in str(failure.value)


def test_no_secret_is_in_a_store_s_text(s3_url: str) -> None:
    store = open_store(s3_url)
    store.write("a", b"1")
    assert "sesame" not in f"{store!r} {store!s} {vars(store)}"


def test_a_large_object_is_written_once_in_parts(s3_url: str) -> None:
    store = open_store(s3_url)
    large = bytes(101 * 2**20)
    assert store.write_once("large", large) is True
    assert store.write_once("large", b"second") is False
    assert store.size("large") == len(large)


def test_listing_and_deleting_go_on_past_a_page(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_LIST_PAGE_SIZE", 3)
    monkeypatch.setattr(s3, "_DELETE_BATCH_SIZE", 2)
    store = open_store(s3_url)
    names = [f"many/{number:02d}" for number in range(11)]
    for name in names:
        store.write(name, b".")
    assert [info.key for info in store.list("many/")] == names
    assert store.delete(iter(names[:9])) == 9
    assert [info.key for info in store.list("")] == names[9:]


class PartialDeleteFiles:
    """Files of a server that deletes half of what is asked for first, and answers for the rest with a code."""

    def __init__(self, files: Any, code: str) -> None:
        self._files, self._code = files, code
        self.requests = 0

    def call_s3(self, method: str, **arguments: Any) -> Any:
        self.requests += method == "delete_objects"
        if method != "delete_objects" or self.requests > 1:
            return self._files.call_s3(method, **arguments)
        wanted = arguments["Delete"]["Objects"]
        self._files.call_s3(method, **arguments | {"Delete": {"Objects": wanted[::2], "Quiet": True}})
        return {"Errors": [{"Key": each["Key"], "Code": self._code} for each in wanted[1::2]]}


@pytest.mark.parametrize(("code", "left"), [("InternalError", []), ("AccessDenied", ["b", "d"])])
def test_what_a_server_left_of_a_deletion_is_asked_for_again_where_that_may_help(
    s3_url: str, files: Any, code: str, left: list[str]
) -> None:
    store = S3Store(*s3_url.removeprefix("s3://").split("/"))
    forgetful = PartialDeleteFiles(files, code)
    vars(store)["_client"] = S3Client(forgetful, RetryPolicy(5.0), StoreClock(3.0))
    for name in "abcd":
        store.write(name, b".")
    if left:
        with pytest.raises(StoreError, match=r"'a'.*AccessDenied.*b' and 1 others were not deleted"):
            store.delete("abcd")
    else:
        assert store.delete("abcd") == 4
    assert [info.key for info in store.list("")] == left


def test_an_upload_that_a_killed_writer_left_is_aborted_when_old(s3_url: str, files: Any) -> None:
    store = open_store(s3_url)
    bucket, prefix = s3_url.removeprefix("s3://").split("/")
    files.call_s3("create_multipart_upload", Bucket=bucket, Key=f"{prefix}/runs/plan")
    files.call_s3("create_multipart_upload", Bucket=bucket, Key="elsewhere/plan")
    assert store.remove_leftovers(datetime(2009, 1, 1, tzinfo=UTC)) == 0  # moto begins every upload in 2010
    assert store.remove_leftovers(datetime.now(UTC) + timedelta(days=1)) == 1
    uploads = files.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads", [])
    assert [upload["Key"] for upload in uploads] == ["elsewhere/plan"]


def test_a_prefix_sees_nothing_of_its_neighbours(s3_url: str) -> None:
    open_store(s3_url).write("a", b"1")
    open_store(f"{s3_url}-more").write("b", b"2")
    assert [info.key for info in open_store(s3_url).list("")] == ["a"]


def test_a_version_is_the_etag_so_that_other_bytes_of_one_size_in_one_second_have_another(s3_url: str) -> None:
    store, versions = open_store(s3_url), []
    for content in (b"first", b"other", b"first"):
        store.write("photos/mug.jpg", content)
        versions.append(store.info("photos/mug.jpg").version)
    assert versions[0] == versions[2] != versions[1]
    assert versions[0].startswith("5 ")
