"""What only files can do: links, temporary names, other processes, and being killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from infra.errors import ObjectMissing, StoreError
from infra.stores import open_store
from infra.stores.local import LocalStore

ROUNDS = 30


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path / "store"))


def test_a_link_inside_the_store_leads_nowhere(store: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store.write("inside", b"1")
    (tmp_path / "store" / "folder").symlink_to(outside)
    (tmp_path / "store" / "file").symlink_to(outside / "secret")
    for key in ("folder/secret", "folder/new", "file"):
        for use in (store.read, store.exists, lambda name: store.write(name, b"2"), lambda name: store.delete([name])):
            with pytest.raises(StoreError, match="symbolic link"):
                use(key)
    assert [info.key for info in store.list("")] == ["inside"]
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


def test_the_store_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    store = open_store(str(tmp_path / "link"))
    store.write("a/b", b"1")
    assert (tmp_path / "disk" / "a" / "b").read_bytes() == b"1"


def test_half_written_files_are_in_no_listing_and_can_be_removed(store: LocalStore, tmp_path: Path) -> None:
    store.write("a/b", b"1")
    left = tmp_path / "store" / "a" / ".tmp-left"
    left.write_bytes(b"half")
    assert [info.key for info in store.list("")] == ["a/b"]
    assert store.remove_leftovers(datetime.now(UTC) - timedelta(days=1)) == 0
    assert store.remove_leftovers(datetime.now(UTC) + timedelta(seconds=5)) == 1
    assert not left.exists()
    assert store.read("a/b") == b"1"


def test_writing_leaves_no_temporary_file_and_deleting_no_empty_folder(store: LocalStore, tmp_path: Path) -> None:
    store.write("a/b/1", b"1")
    store.write_once("a/b/1", b"2")
    store.write_once("a/b/2", b"2")
    assert sorted(path.name for path in (tmp_path / "store" / "a" / "b").iterdir()) == ["1", "2"]
    store.delete(["a/b/1", "a/b/2"])
    assert list((tmp_path / "store").iterdir()) == []


def test_a_file_in_the_way_is_a_sentence(store: LocalStore) -> None:
    store.write("a", b"1")
    with pytest.raises(StoreError, match="could not write 'a/b'"):
        store.write("a/b", b"2")
    with pytest.raises(ObjectMissing):
        store.read("a/b")
    store.write("folder/x", b"1")
    with pytest.raises(StoreError, match="could not write 'folder'"):
        store.write("folder", b"2")
    assert store.delete(["a/b"]) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_sentence(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="could not write 'a': Permission denied"):
        store.write("a", b"1")


def test_a_full_disk_is_a_sentence_and_leaves_nothing(store: LocalStore) -> None:
    with pytest.raises(StoreError, match="File name too long"):
        store.write("x" * 300, b"1")
    assert list(store.list("")) == []


_gate: Callable[[], object]


def lend_gate(gate: Callable[[], object]) -> None:
    global _gate
    _gate = gate


def contend(url: str, number: int) -> list[bool]:
    store = open_store(url)
    won = []
    for round_number in range(ROUNDS):
        _gate()
        won.append(store.write_once(f"staging/{round_number}.png", bytes([number]) * 100_000))
    return won


def test_of_racing_processes_exactly_one_makes_each_object(store: LocalStore) -> None:
    spawn = get_context("spawn")
    barrier = spawn.Barrier(3, timeout=60)
    with spawn.Pool(3, initializer=lend_gate, initargs=(barrier.wait,)) as processes:
        answers = processes.starmap(contend, [(store.url, number) for number in range(3)], chunksize=1)
    for round_number, won in enumerate(zip(*answers, strict=True)):
        assert won.count(True) == 1
        assert store.read(f"staging/{round_number}.png") == bytes([won.index(True)]) * 100_000


def test_a_killed_writer_leaves_whole_objects_only(store: LocalStore) -> None:
    script = (
        "import itertools; from infra.stores import open_store\n"
        f"store = open_store({store.url!r}); print('go', flush=True)\n"
        "for number in itertools.count():\n"
        "    data = bytes([number % 256]) * 3_000_000\n"
        "    store.write_once(f'once/{number % 50}', data); store.write('again', data)\n"
        "    if number % 50 == 49: store.delete(f'once/{n}' for n in range(50))"
    )
    found = 0
    for kill in range(4):
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "go\n"
        time.sleep(0.03 + 0.043 * kill)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for info in store.list(""):
            data = store.read(info.key)
            assert len(data) == info.size == 3_000_000
            assert len(set(data)) == 1
            found += 1
    assert found > 0


def test_a_file_in_a_store_s_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"no folder")
    with pytest.raises(StoreError, match=r"cannot be used: Not a directory\. Name a folder"):
        list(LocalStore(str(tmp_path / "store")).list("keys/"))
