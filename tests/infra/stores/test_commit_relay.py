"""A single writer commits tables to a server without conditional puts: once a version, and through no other's door."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from infra.errors import CommitConflict
from infra.stores import open_store
from infra.stores.commit_relay import open_relay
from infra.stores.conditional_writes import require_conditional_writes
from infra.stores.s3_client import S3Access, open_client
from infra.tables import open_tables
from tests.fixtures.object_stores import BUCKET
from tests.fixtures.s3_vendors import VendorUrl
from tests.paths import ROOT


@pytest.fixture
def store_url(s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Lend a store whose server refuses conditions, with the promise of a single writer, and probed."""
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    with s3_vendor_url("conditions-501") as url:
        require_conditional_writes(open_store(url), single_writer=True)
        yield url
        process = open_relay(S3Access.from_environment(), BUCKET).process
        process.kill()
        process.wait()


def test_a_version_is_committed_once_and_a_second_commit_on_it_is_a_conflict(store_url: str) -> None:
    schema = pa.schema([("sku", pa.string()), ("object", pa.string())])
    tables = open_tables(store_url)
    tables.ensure("manifest/shop", schema)
    rows = pa.table({"sku": ["A", "B"], "object": ["a.jpg", "b.jpg"], "_op": ["put", "put"]})
    base = tables.version("manifest/shop")
    assert base is not None
    assert tables.merge("manifest/shop", rows, on=["sku"], base_version=base, metadata={"run": "1"}) == base + 1
    with pytest.raises(CommitConflict):
        open_tables(store_url).merge("manifest/shop", rows, on=["sku"], base_version=base, metadata={"run": "2"})
    assert tables.read("manifest/shop", ("sku", "object")).num_rows == 2
    assert open_client(S3Access.from_environment()).conditions.refused


def test_nothing_is_served_without_the_relay_s_own_name_nor_from_another_bucket(store_url: str) -> None:
    open_store(store_url).write("a", b"1")
    relay = open_relay(S3Access.from_environment(), BUCKET)
    address = urlsplit(relay.options["AWS_ENDPOINT_URL"])
    key = f"{store_url.removeprefix('s3://')}/a"

    def get(path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", address.port or 0)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert get(f"{address.path}/{key}") == (200, b"1")
    for path in (f"/{key}", f"/{'0' * 32}/{key}", f"{address.path}/other-bucket/a", f"{address.path}/{BUCKET}2/a", "/"):
        assert get(path) == (403, b""), path
    assert not {"sesame-open", "testing"} & {*relay.options.values()}


def test_a_relay_that_died_is_started_anew(store_url: str) -> None:
    tables = open_tables(store_url)
    tables.ensure("manifest/shop", pa.schema([("sku", pa.string())]))
    first = open_relay(S3Access.from_environment(), BUCKET)
    assert open_relay(S3Access.from_environment(), BUCKET) is first
    first.process.kill()
    first.process.wait()
    assert tables.version("manifest/shop") == 0
    assert open_relay(S3Access.from_environment(), BUCKET).process.pid != first.process.pid


def test_a_relay_ends_with_the_process_that_started_it(store_url: str) -> None:
    code = (
        "from infra.stores.commit_relay import open_relay; from infra.stores.s3_client import S3Access;"
        f"print(open_relay(S3Access.from_environment(), {BUCKET!r}).process.pid)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    stat = f"/proc/{done.stdout.strip()}/stat"
    deadline = time.monotonic() + 20
    while _runs(stat):
        assert time.monotonic() < deadline, "the relay outlived its parent"
        time.sleep(0.05)


def _runs(stat: str) -> bool:
    try:
        with open(stat, encoding="ascii") as file:  # noqa: PTH123 - of the kernel's
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
