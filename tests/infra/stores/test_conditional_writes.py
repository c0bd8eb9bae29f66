"""A store that ignores the condition of a write is found by trying, and refused."""

from pathlib import Path

import pytest

from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.conditional_writes import require_conditional_writes
from tests.fixtures.object_stores import UnconditionalLocalStore


def test_a_store_without_conditional_writes_is_refused_unless_one_writer_is_promised(tmp_path: Path) -> None:
    store: ObjectStore = UnconditionalLocalStore(str(tmp_path))
    with pytest.raises(StoreError, match="PACKSHOT_SINGLE_WRITER=1"):
        require_conditional_writes(store, single_writer=False)
    require_conditional_writes(store, single_writer=True)
    require_conditional_writes(open_store(str(tmp_path)), single_writer=False)
    assert list(store.list("")) == []
