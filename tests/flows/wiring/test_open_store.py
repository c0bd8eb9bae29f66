"""Stores as commands open them: upgraded before they are written, refused where they are newer."""

from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.store_version import LAYOUT
from flows.wiring.open_store import open_for_reading, open_for_writing
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.json_objects import read_json, write_json


def test_a_store_that_is_written_has_today_s_layout(tmp_path: Path) -> None:
    store, tables = open_for_writing(str(tmp_path), Settings())
    assert read_json(store, layout.STORE_VERSION)["layout"] == LAYOUT
    assert store.url == tables.url


def test_a_store_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    store, _ = open_for_reading(str(tmp_path))
    assert list(store.list("")) == []


def test_a_store_of_a_newer_packshot_is_neither_read_nor_written(tmp_path: Path) -> None:
    write_json(open_store(str(tmp_path)), layout.STORE_VERSION, {"layout": LAYOUT + 1, "packshot": "99.0"})
    with pytest.raises(OptionError, match="newer Packshot"):
        open_for_reading(str(tmp_path))
    with pytest.raises(OptionError, match="newer Packshot"):
        open_for_writing(str(tmp_path), Settings())
