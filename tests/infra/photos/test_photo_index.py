"""What changed is read, what did not is known, and 500,000 photos are compared as tables."""

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import DocumentUnreadable
from infra.interfaces import ObjectInfo
from infra.photos.photo_index import (
    KNOWN,
    LISTING,
    MISSING,
    PHOTO_INDEX,
    READ,
    list_photos,
    load_index,
    look_up,
    only_references,
    save_index,
    with_rows,
    without_references,
)
from infra.stores import open_store
from infra.stores.memory import MemoryStore

NOW = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
ROOT = "file:///data/shop/"


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def index(*rows: tuple[str, str, datetime]) -> pa.Table:
    """Return an index; a photo's digest is that of its reference and version."""
    return pa.Table.from_pylist(
        [
            {"reference": name, "version": version, "sha256": digest(name + version), "looked_at": looked_at}
            for name, version, looked_at in rows
        ],
        PHOTO_INDEX,
    )


def listing(**versions: str) -> pa.Table:
    return pa.table([[ROOT + name for name in versions], list(versions.values())], schema=LISTING)


def states(found: pa.Table) -> dict[str, str]:
    return {row["reference"].rpartition("/")[2]: row["state"] for row in found.to_pylist()}


def test_a_photo_of_the_listed_version_is_known_and_another_is_read() -> None:
    known = index(*((ROOT + name, "v1", NOW - 400 * WEEK) for name in ("same", "moved", "gone")))
    wanted = pa.array([ROOT + name for name in ("same", "moved", "gone", "new", "never")])
    found = look_up(known, listing(same="v1", moved="v2", new="v1", other="v9"), wanted, NOW, WEEK)
    assert states(found) == {"same": KNOWN, "moved": READ, "gone": MISSING, "new": READ, "never": MISSING}
    assert found["sha256"].to_pylist() == [digest(f"{ROOT}samev1"), None, None, None, None]
    assert found["version"].to_pylist() == ["v1", "v1", "v1", "", ""]


def test_references_keep_their_order_and_may_be_wanted_twice() -> None:
    wanted = pa.chunked_array([[f"{ROOT}b", f"{ROOT}a"], [f"{ROOT}b"]])
    found = look_up(index((f"{ROOT}b", "v1", NOW)), listing(a="v1", b="v1"), wanted, NOW, WEEK)
    assert found["reference"].to_pylist() == wanted.to_pylist()
    assert found["state"].to_pylist() == [KNOWN, READ, KNOWN]


def test_a_photo_without_a_version_is_read_in_every_run() -> None:
    found = look_up(index((f"{ROOT}a", "", NOW)), listing(a="v1"), pa.array([f"{ROOT}a"]), NOW, WEEK)
    assert states(found) == {"a": READ}


def test_a_refused_file_is_known_with_its_reason_for_some_days_and_then_read_again() -> None:
    refused = index((f"{ROOT}a", "v1", NOW), (f"{ROOT}b", "v1", NOW)).to_pylist()
    refused[0] |= {"reason": "photo.animated", "refusal": "The photo has several frames."}
    known, wanted = pa.Table.from_pylist(refused, PHOTO_INDEX), pa.array([f"{ROOT}a", f"{ROOT}b"])
    found = look_up(known, listing(a="v1", b="v1"), wanted, NOW, WEEK)
    assert states(found) == {"a": KNOWN, "b": KNOWN}
    assert found["sha256"].to_pylist() == found["earlier"].to_pylist() == [None, digest(f"{ROOT}bv1")]
    assert found["reason"].to_pylist() == ["photo.animated", None]
    assert found["refusal"].to_pylist() == ["The photo has several frames.", None]
    late = look_up(known, listing(a="v1", b="v1"), wanted, NOW + WEEK, WEEK)
    assert states(late) == {"a": READ, "b": KNOWN}
    assert late["reason"].to_pylist() == [None, None]
    moved = look_up(known, listing(a="v2", b="v2"), wanted, NOW, WEEK)
    assert states(moved) == {"a": READ, "b": READ}
    assert moved["version"].to_pylist() == ["", "v1"], "what was refused is not compared"
    assert moved["earlier"].to_pylist() == [None, digest(f"{ROOT}bv1")]


def test_an_index_without_some_references_keeps_the_others() -> None:
    known = index(*((f"{ROOT}{letter}", "v1", NOW) for letter in "abc"))
    assert without_references(known, pa.array([f"{ROOT}c"]))["reference"].to_pylist() == [f"{ROOT}a", f"{ROOT}b"]


def test_the_web_is_asked_again_in_the_second_half_of_the_days_and_not_all_at_once() -> None:
    names = [f"https://cdn.shop.example/{number}.jpg" for number in range(400)]
    known, nothing = index(*((name, "etag 1", NOW) for name in names)), listing()
    asked = [
        look_up(known, nothing, pa.array(names), NOW + WEEK * share, WEEK)["state"].to_pylist().count(READ)
        for share in (0.0, 0.49, 0.6, 0.75, 0.9, 1.0)
    ]
    assert asked[:2] == [0, 0]
    assert asked[-1] == 400
    assert [abs(count - wanted) < 40 for count, wanted in zip(asked[2:5], (80, 200, 320), strict=True)] == [True] * 3
    unknown = look_up(known, nothing, pa.array(["https://cdn.shop.example/new.jpg"]), NOW, WEEK)
    assert (unknown["state"].to_pylist(), unknown["version"].to_pylist()) == ([READ], [""])
    due = look_up(known, nothing, pa.array(names[:1]), NOW + WEEK, WEEK)
    assert due["version"].to_pylist() == ["etag 1"], "the request is conditional"


@pytest.mark.parametrize("wanted", [[], [f"{ROOT}a", "https://cdn.shop.example/a.jpg"]])
def test_an_empty_index_knows_nothing(wanted: list[str]) -> None:
    found = look_up(PHOTO_INDEX.empty_table(), LISTING.empty_table(), pa.array(wanted, pa.string()), NOW, WEEK)
    assert found["state"].to_pylist() == [READ if name.startswith("https") else MISSING for name in wanted]


def test_what_was_read_takes_the_place_of_what_was_known() -> None:
    before = index((f"{ROOT}a", "v1", NOW), (f"{ROOT}b", "v1", NOW))
    after = with_rows(before, index((f"{ROOT}b", "v2", NOW), (f"{ROOT}c", "v1", NOW)))
    assert sorted(zip(after["reference"].to_pylist(), after["version"].to_pylist(), strict=True)) == [
        (f"{ROOT}a", "v1"),
        (f"{ROOT}b", "v2"),
        (f"{ROOT}c", "v1"),
    ]
    assert with_rows(before, PHOTO_INDEX.empty_table()) is before, "so that an idle run writes nothing"


def test_what_a_catalogue_no_longer_names_is_forgotten() -> None:
    before = index((f"{ROOT}a", "v1", NOW), (f"{ROOT}b", "v1", NOW))
    assert only_references(before, pa.array([f"{ROOT}b", f"{ROOT}z"]))["reference"].to_pylist() == [f"{ROOT}b"]
    assert only_references(before, pa.array([f"{ROOT}b", f"{ROOT}a"])) is before
    empty = PHOTO_INDEX.empty_table()
    assert only_references(empty, pa.array([f"{ROOT}a"])) is empty


def test_a_listing_names_its_photos_as_references_do() -> None:
    store = MemoryStore("listed")
    store.write("photos/a.jpg", b"12345")
    (info,) = store.list("")
    found = list_photos("store:", store.list("photos/"))
    assert found.to_pylist() == [{"reference": "store:photos/a.jpg", "version": info.version}]
    many = (ObjectInfo(f"{number}.jpg", number, NOW, etag="e") for number in range(70_000))
    assert list_photos(ROOT, many).num_rows == 70_000
    assert list_photos(ROOT, ()).schema == LISTING


def test_a_file_whose_name_is_no_utf_8_spoils_no_listing(tmp_path: Path) -> None:
    for name in (b"a.jpg", "größe.jpg".encode(), b"latin-\xfc.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"1")
    found = list_photos(ROOT, open_store(str(tmp_path)).list(""))
    assert sorted(found["reference"].to_pylist()) == [f"{ROOT}a.jpg", f"{ROOT}größe.jpg"]


def test_an_index_comes_back_from_a_store_as_it_was_written() -> None:
    store, written = MemoryStore("index"), index((f"{ROOT}b", "v1", NOW), (f"{ROOT}a", "", NOW))
    assert load_index(store, "photos.parquet").equals(PHOTO_INDEX.empty_table())
    save_index(store, "photos.parquet", written)
    assert load_index(store, "photos.parquet").equals(written.sort_by("reference"))
    store.write("photos.parquet", b"PAR1 damaged")
    with pytest.raises(DocumentUnreadable, match=r"photos\.parquet"):
        load_index(store, "photos.parquet")


NAMES = st.sampled_from([f"{ROOT}{letter}" for letter in "abcde"] + [f"https://cdn.shop.example/{n}" for n in "xyz"])
VERSIONS = st.sampled_from(["", "v1", "v2"])
AGES = st.integers(0, 14).map(lambda days: NOW - timedelta(days=days))


@given(
    st.dictionaries(NAMES, st.tuples(VERSIONS, AGES)),
    st.dictionaries(NAMES.filter(lambda name: name.startswith(ROOT)), st.sampled_from(["v1", "v2"])),
    st.lists(NAMES),
    st.integers(0, 3),
)
def test_the_tables_say_what_a_plain_loop_says(known: Any, listed: Any, wanted: list[str], skipped: int) -> None:
    rows = index(*((name, version, looked_at) for name, (version, looked_at) in known.items()))
    rows = pa.concat_tables([index(*[("https://padding", "v", NOW)] * skipped), rows]).combine_chunks().slice(skipped)
    table = pa.table([list(listed), list(listed.values())], schema=LISTING)
    found = look_up(rows, table, pa.array(wanted, pa.string()), NOW, WEEK)
    for row in found.to_pylist():
        name = row["reference"]
        version, looked_at = known.get(name, ("", None))
        if name.startswith("https"):
            wait = WEEK * (0.5 + 0.5 * digest(name + version)[0] / 256)
            state = KNOWN if looked_at is not None and looked_at + wait > NOW else READ
        elif name not in listed:
            state = MISSING
        else:
            state = KNOWN if name in known and version == listed[name] else READ
        assert (row["state"], row["version"]) == (state, version), name
        assert row["sha256"] == (digest(name + version) if state == KNOWN else None)
