"""Requests are counted by method as they are sent, and priced by S3's list."""

import pytest

from infra.stores import open_store
from infra.stores.request_count import REQUESTS, RequestCount, price_requests


def test_requests_are_counted_by_method_since_an_earlier_answer() -> None:
    count = RequestCount()
    for operation in ("put_object", "get_object", "head_object", "list_objects_v2", "delete_objects", "upload_part"):
        count.add(operation)
    before = count.since()
    assert before == {"delete": 1, "get": 1, "head": 1, "list": 1, "put": 2}
    count.add("get_object")
    assert count.since(before) == {"get": 1}


def test_puts_and_listings_cost_more_than_reads_and_deletions_nothing() -> None:
    million = dict.fromkeys(("put", "list", "get", "head", "delete"), 1_000_000)
    assert price_requests(million) == pytest.approx(10.8)


def test_a_bucket_counts_each_request_that_it_was_sent(s3_url: str) -> None:
    store, before = open_store(s3_url), REQUESTS.since()
    store.write("a", b"1")
    store.read("a")
    store.find("b")
    store.exists("a")
    assert [info.key for info in store.list("")] == ["a"]
    store.delete(["a"])
    assert REQUESTS.since(before) == {"delete": 1, "get": 2, "head": 1, "list": 1, "put": 1}
