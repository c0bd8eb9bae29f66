"""One contract, asked of every object store."""

import io
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.conditional_writes import supports_conditional_writes

BAD_KEYS = [
    "",
    "/etc/passwd",
    "../outside",
    "a/../../outside",
    "a/./b",
    "a//b",
    "a/",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "a/.tmp-b",
    "x" * 1025,
]


@pytest.fixture(params=["memory", "local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return open_store(f"memory://{uuid4().hex}")
    if request.param == "local":
        return open_store(str(tmp_path / "a store with spaces, 100% odd"))
    return open_store(request.getfixturevalue("s3_url"))


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_what_is_written_is_read_back(store: ObjectStore) -> None:
    store.write("staging/ab/one.png", b"\x89PNG", content_type="image/png")
    assert store.read("staging/ab/one.png") == b"\x89PNG"
    assert store.exists("staging/ab/one.png")
    assert store.size("staging/ab/one.png") == 4
    assert [store.info("staging/ab/one.png")] == list(store.list("staging/"))


def test_the_store_s_time_is_the_one_that_dates_its_objects(store: ObjectStore) -> None:
    before = store.now()
    store.write("runs/r/run.json", b"{}")
    (info,) = store.list("runs/")
    after = store.now()
    whole_second = timedelta(seconds=1)
    assert before - whole_second <= info.modified <= after + whole_second
    assert before.tzinfo is not None


def test_a_write_replaces_what_was_there(store: ObjectStore) -> None:
    store.write("runs/r/run.json", b"a long first text")
    store.write("runs/r/run.json", b"short")
    assert store.read("runs/r/run.json") == b"short"


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.write("empty", b"")
    assert store.write_once("empty/once.txt" if "memory" in store.url else "empty-once", b"") is True
    assert store.read("empty") == b""
    assert store.size("empty") == 0


def test_the_first_write_wins(store: ObjectStore) -> None:
    assert store.write_once("staging/ab/one.png", b"first", content_type="image/png") is True
    assert store.write_once("staging/ab/one.png", b"second") is False
    assert store.read("staging/ab/one.png") == b"first"


def test_of_many_threads_exactly_one_makes_the_object(store: ObjectStore) -> None:
    gate = threading.Barrier(8)

    def contend(number: int) -> bool:
        gate.wait()
        return store.write_once("contended/one", bytes([number]) * 50_000)

    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(contend, range(8)))
        assert won.count(True) == 1
        assert store.read("contended/one") == bytes([won.index(True)]) * 50_000
        store.delete(["contended/one"])


def test_a_missing_object_is_named(store: ObjectStore) -> None:
    for look in (store.read, store.size, lambda key: store.open_input(key).__enter__()):
        with pytest.raises(ObjectMissing, match="'runs/nowhere/run"):
            look("runs/nowhere/run.json")
    assert store.exists("runs/nowhere/run.json") is False


def test_a_folder_is_no_object(store: ObjectStore) -> None:
    store.write("runs/r/run.json", b"{}")
    assert store.exists("runs/r") is False
    for look in (store.read, store.size):
        with pytest.raises(ObjectMissing):
            look("runs/r")


def test_a_listing_is_deep_in_key_order_and_by_text(store: ObjectStore) -> None:
    for key in ("runs/b/2", "runs/b/10", "runs/a/z/deep", "runs/a-1", "runs/ä", "running", "other/x"):
        store.write(key, key.encode())
    assert keys(store, "runs/") == ["runs/a-1", "runs/a/z/deep", "runs/b/10", "runs/b/2", "runs/ä"]
    assert keys(store, "runs/b") == ["runs/b/10", "runs/b/2"]
    assert keys(store, "runs/b/1") == ["runs/b/10"]
    assert keys(store, "runs/a/z/deep") == ["runs/a/z/deep"]
    assert keys(store, "run")[0] == "running"
    assert len(keys(store, "")) == 7
    assert keys(store, "nothing/here") == []


def test_a_listing_tells_sizes_and_times(store: ObjectStore) -> None:
    before = datetime.now(UTC)
    store.write("review/shoes/one.jpg", b"12345")
    (info,) = store.list("review/")
    assert (info.key, info.size) == ("review/shoes/one.jpg", 5)
    assert info.modified.utcoffset() == timedelta(0)
    assert abs(info.modified - before) < timedelta(minutes=5)


def test_a_version_moves_with_the_content_and_is_the_same_in_a_listing_and_alone(store: ObjectStore) -> None:
    versions = []
    for content in (b"12345", b"123456"):
        store.write("photos/mug.jpg", content)
        (info,) = store.list("photos/")
        assert info.version == store.info("photos/mug.jpg").version
        versions.append(info.version)
    assert versions[0] != versions[1]


def test_the_store_dates_its_objects_by_the_clock_that_it_tells(store: ObjectStore) -> None:
    before = store.now()
    store.write("runs/r/run.json", b"{}")
    (info,) = store.list("runs/r/")
    assert before - timedelta(seconds=2) <= info.modified <= store.now() + timedelta(seconds=2)
    assert before.tzinfo is not None


def test_deleting_forgives_what_is_missing(store: ObjectStore) -> None:
    store.write("a/1", b"1")
    store.write("a/2", b"2")
    assert store.delete(["a/1", "a/never", "never/at/all"]) == 3
    assert keys(store, "") == ["a/2"]
    assert store.delete([]) == 0
    store.delete(["a/2"])
    store.write("a/3", b"3")
    assert keys(store, "") == ["a/3"]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_leads_elsewhere_is_refused(store: ObjectStore, key: str) -> None:
    for use in (
        store.read,
        store.exists,
        store.size,
        lambda name: store.write(name, b""),
        lambda name: store.write_once(name, b""),
        lambda name: store.delete([name]),
        lambda name: store.open_input(name).__enter__(),
        lambda name: store.open_output(name).__enter__(),
    ):
        with pytest.raises(ValueError, match="key"):
            use(key)


def test_a_prefix_that_leads_elsewhere_is_refused(store: ObjectStore) -> None:
    for prefix in ("/", "../", "a/../b", "a//b", "a\0", "a\\"):
        with pytest.raises(ValueError, match="key"):
            store.list(prefix)


def test_keys_may_hold_any_script(store: ObjectStore) -> None:
    key = "published/schuhe/größe-靴-👟/front a+b=c&d?e#f%20.jpg"
    store.write(key, b"shoe")
    assert store.read(key) == b"shoe"
    assert keys(store, "published/") == [key]
    assert store.write_once(key, b"other") is False


def test_a_streamed_object_appears_whole_at_the_end(store: ObjectStore) -> None:
    with store.open_output("runs/r/plan.bin") as target:
        for _ in range(20):
            target.write(b"x" * 1_000_000)
        assert store.exists("runs/r/plan.bin") is False
        assert keys(store, "runs/") == []
    assert store.size("runs/r/plan.bin") == 20_000_000


def test_an_exception_leaves_no_streamed_object(store: ObjectStore) -> None:
    store.write("runs/r/plan.bin", b"the one before")
    with suppress(KeyboardInterrupt), store.open_output("runs/r/plan.bin") as target:
        target.write(b"x" * 20_000_000)
        target.close()
        raise KeyboardInterrupt
    assert store.read("runs/r/plan.bin") == b"the one before"
    assert keys(store, "") == ["runs/r/plan.bin"]
    assert store.remove_leftovers(datetime.now(UTC) + timedelta(days=1)) == 0


def test_small_and_empty_streams_work_too(store: ObjectStore) -> None:
    with store.open_output("small") as target:
        target.write(b"1")
    with store.open_output("none"):
        pass
    assert (store.read("small"), store.read("none")) == (b"1", b"")


def test_parquet_streams_out_and_reads_a_part(store: ObjectStore) -> None:
    table = pa.table({"number": list(range(10_000)), "text": ["packshot"] * 10_000})
    with store.open_output("runs/r/slots.parquet") as target, pq.ParquetWriter(target, table.schema) as writer:
        for start in range(0, 10_000, 2_500):
            writer.write_table(table.slice(start, 2_500), row_group_size=2_500)
    with store.open_input("runs/r/slots.parquet") as source:
        file = pq.ParquetFile(source)
        assert file.num_row_groups == 4
        assert file.read_row_group(2, columns=["number"])["number"][0].as_py() == 5_000


def test_reads_can_seek(store: ObjectStore) -> None:
    store.write("long", bytes(range(256)) * 100)
    with store.open_input("long") as source:
        source.seek(-3, io.SEEK_END)
        assert source.read() == b"\xfd\xfe\xff"
        source.seek(256)
        assert source.read(2) == b"\x00\x01"


def test_a_store_travels_as_its_url(store: ObjectStore) -> None:
    store.write("a", b"1")
    twin = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own bytes
    assert twin.url == store.url
    assert twin.read("a") == b"1"
    assert open_store(store.url).read("a") == b"1"


def test_conditional_writes_are_found_and_the_probe_is_cleaned_up(store: ObjectStore) -> None:
    assert supports_conditional_writes(store) is True
    assert keys(store, "") == []
