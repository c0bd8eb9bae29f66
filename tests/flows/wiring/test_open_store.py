"""Stores as commands open them: upgraded before they are written, refused where they are newer."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.store_version import LAYOUT
from flows.wiring.open_store import open_existing, open_for_reading, open_for_writing
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json


def test_a_store_that_is_written_has_today_s_layout(tmp_path: Path) -> None:
    store, tables = open_for_writing(str(tmp_path), Settings(), create=True)
    assert read_json(store, layout.STORE_VERSION)["layout"] == LAYOUT
    assert store.url == tables.url


def test_a_store_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    store, _ = open_for_reading(str(tmp_path))
    assert list(store.list("")) == []


def test_where_there_is_no_store_none_is_made_but_by_one_who_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    for opening in (lambda: open_existing(str(folder)), lambda: open_for_writing(str(folder), Settings())):
        with pytest.raises(OptionError, match=r"--store: there is no store at file://.*/none: .*`packshot refresh`"):
            opening()
    assert not folder.exists()
    open_for_writing(str(folder), Settings(), create=True)
    assert open_existing(str(folder))[0].url == f"file://{folder}"


@pytest.mark.parametrize("key", ["runs/r1/run.json", "manifest/home/_delta_log/0.json", "open/home/r1.json"])
def test_an_older_store_without_a_document_is_a_store(tmp_path: Path, key: str) -> None:
    open_store(str(tmp_path)).write(key, b"{}")
    assert open_existing(str(tmp_path))[0].url == f"file://{tmp_path}"


def test_a_store_of_a_newer_packshot_is_neither_read_nor_written(tmp_path: Path) -> None:
    write_json(open_store(str(tmp_path)), layout.STORE_VERSION, {"layout": LAYOUT + 1, "packshot": "99.0"})
    with pytest.raises(OptionError, match="newer Packshot"):
        open_for_reading(str(tmp_path))
    with pytest.raises(OptionError, match="newer Packshot"):
        open_for_writing(str(tmp_path), Settings())
