"""Objects in parts, and their makers known again, against a bucket that loses answers on request."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.errors import StoreError
from infra.stores.s3_client import ConditionalPuts
from infra.stores.s3_streams import PART_BYTES, MultipartUpload, RangeReader


class RefusingBucket:
    """Refuses every put and completion with a condition, as some vendors do; otherwise a bucket."""

    def __init__(self) -> None:
        self.bucket = FakeBucket()

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        if given.get("IfNoneMatch"):
            self.bucket.calls.append(f"refused {method}")
            raise said("NotImplemented", 501)
        if method == "head_object" and given["Key"] not in self.bucket.objects:
            raise said("404", 404)
        return self.bucket.call(method, **given)


class FakeBucket:
    """A bucket in a dictionary whose first put or completion may go unheard, after which the client sends it again."""

    def __init__(self, unheard: bool = False) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.uploads: dict[str, tuple[list[bytes], str]] = {}
        self.calls: list[str] = []
        self._unheard = unheard

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        self.calls.append(method)
        answer: dict[str, Any] = getattr(self, method)(**given)
        if self._unheard and method in {"put_object", "complete_multipart_upload"}:
            self._unheard = False
            return self.call(method, **given)
        return answer

    def put_object(self, Key: str, Body: bytes, Metadata: dict[str, str], **more: str) -> dict[str, Any]:  # noqa: N803
        if more.get("IfNoneMatch") and Key in self.objects:
            raise said("PreconditionFailed", 412)
        self.objects[Key] = (Body, Metadata["writer"])
        return {}

    def create_multipart_upload(self, Key: str, Metadata: dict[str, str], **_: str) -> dict[str, Any]:  # noqa: N803
        self.uploads[Key] = ([], Metadata["writer"])
        return {"UploadId": Key}

    def upload_part(self, UploadId: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.uploads[UploadId][0].append(Body)
        return {"ETag": "e"}

    def complete_multipart_upload(self, Key: str, **more: Any) -> dict[str, Any]:  # noqa: N803
        if Key not in self.uploads:
            raise said("NoSuchUpload", 404)
        if more.get("IfNoneMatch") and Key in self.objects:
            raise said("PreconditionFailed", 412)
        parts, writer = self.uploads.pop(Key)
        self.objects[Key] = (b"".join(parts), writer)
        return {}

    def abort_multipart_upload(self, UploadId: str, **_: str) -> dict[str, Any]:  # noqa: N803
        self.uploads.pop(UploadId)
        return {}

    def head_object(self, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Metadata": {"writer": self.objects[Key][1]}}


def said(code: str, status: int) -> OSError:
    error = OSError(code)
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.__cause__ = ClientError(answer, "PutObject")
    return error


SIZES = pytest.mark.parametrize("size", [0, 5, PART_BYTES * 2 + 3], ids=["empty", "small", "large"])


@SIZES
@pytest.mark.parametrize("unheard", [False, True])
def test_an_object_is_its_maker_s_also_where_the_answer_was_lost(size: int, unheard: bool) -> None:
    bucket = FakeBucket(unheard)
    draft = MultipartUpload(bucket.call, "key", {})
    draft.write(bytes(size))
    assert bucket.objects == {}
    assert draft.finish(once=True) is True
    assert bucket.objects["key"][0] == bytes(size)
    assert bucket.uploads == {}


@SIZES
def test_somebody_else_s_object_is_left_alone_and_no_upload_stays(size: int) -> None:
    bucket = FakeBucket()
    bucket.objects["key"] = (b"theirs", "somebody")
    draft = MultipartUpload(bucket.call, "key", {})
    draft.write(bytes(size))
    assert draft.finish(once=True) is False
    assert (bucket.objects["key"][0], bucket.uploads) == (b"theirs", {})


def test_parts_are_of_one_size_and_few() -> None:
    bucket = FakeBucket()
    draft = MultipartUpload(bucket.call, "key", {})
    for _ in range(20):
        draft.write(bytes(1_000_000))
    assert [len(part) for part in bucket.uploads["key"][0]] == [PART_BYTES, PART_BYTES]
    draft.close()
    draft.abort()
    assert (bucket.objects, bucket.uploads) == ({}, {})


def test_ranges_are_read_with_seeking_and_a_short_answer_is_told() -> None:
    data = bytes(range(200))
    asked: list[tuple[int, int]] = []

    def fetch(start: int, end: int) -> bytes:
        asked.append((start, end))
        return data[start:end]

    with io.BufferedReader(RangeReader(fetch, len(data)), 64) as source:
        source.seek(-3, io.SEEK_END)
        assert source.read() == data[-3:]
        source.seek(10)
        assert source.read(5) == data[10:15]
    assert asked == [(197, 200), (10, 74)]
    with pytest.raises(StoreError, match="answered 200 bytes where 64 were requested"):
        io.BufferedReader(RangeReader(lambda _start, _end: data, len(data)), 64).read(5)


@pytest.mark.parametrize(("size", "method"), [(3, "put_object"), (2 * PART_BYTES + 3, "complete_multipart_upload")])
def test_a_single_writer_looks_a_key_up_where_conditions_are_refused_and_asks_in_vain_once(
    size: int, method: str
) -> None:
    refusing, conditions = RefusingBucket(), ConditionalPuts(single_writer=True)
    written = []
    for fill in (b"a", b"b"):
        upload = MultipartUpload(refusing.call, "key", {}, conditions)
        upload.write(fill * size)
        written.append(upload.finish(once=True))
    assert written == [True, False]
    assert refusing.bucket.objects["key"][0] == b"a" * size
    assert refusing.bucket.uploads == {}
    assert refusing.bucket.calls.count(f"refused {method}") == 1


def test_without_the_promise_a_refused_condition_is_an_error_and_nothing_is_written() -> None:
    refusing = RefusingBucket()
    upload = MultipartUpload(refusing.call, "key", {}, ConditionalPuts(single_writer=False))
    upload.write(b"a")
    with pytest.raises(OSError, match="NotImplemented"):
        upload.finish(once=True)
    assert refusing.bucket.objects == {}
