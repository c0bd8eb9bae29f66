"""A store's size is told by kind, and a sweep leaves it for reports."""

from pathlib import Path

from catalogs import layout
from infra.stores import open_store
from infra.stores.json_objects import read_json
from tasks.maintenance.store_sizes import KindSize, measure_store, record_sizes


def test_sizes_are_told_by_kind_the_largest_first(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.write("staging/ab/x.png", b"12345")
    store.write("published/shoes/x/y.jpg", b"123")
    store.write("published/shoes/x/z.jpg", b"1234")
    assert measure_store(store) == [KindSize("published", 2, 7), KindSize("staged", 1, 5)]
    record_sizes(store)
    document = read_json(store, layout.STORE_SIZES)
    assert document["kinds"]["published"] == {"files": 2, "bytes": 7}
