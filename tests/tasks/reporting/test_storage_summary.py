"""A report shows the store's size as the last sweep measured it, and the requests of its run."""

from pathlib import Path

from infra.stores import open_store
from infra.stores.request_count import REQUESTS
from tasks.maintenance.store_sizes import record_sizes
from tasks.reporting.storage_summary import summarize_storage


def test_sizes_are_those_of_the_last_sweep_and_requests_those_of_the_run(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    before = REQUESTS.since()
    assert summarize_storage(store, before).bytes == {}
    store.write("staging/ab/x.png", b"12345")
    record_sizes(store)
    summary = summarize_storage(store, before)
    assert summary.bytes == {"staged": 5}
    assert summary.measured_at is not None
    assert (summary.requests, summary.request_usd) == ({}, None), "a disk takes no requests"


def test_a_buckets_requests_are_counted_and_priced(s3_url: str) -> None:
    store = open_store(s3_url)
    before = REQUESTS.since()
    store.write("staging/ab/x.png", b"12345")
    summary = summarize_storage(store, before)
    assert summary.requests == {"get": 1, "put": 1}
    assert summary.request_usd == 0.000005
