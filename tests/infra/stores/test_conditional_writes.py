"""A store that ignores the condition of a write is found by trying, and refused."""

from pathlib import Path

import pytest

from infra.coordination.leases import acquire
from infra.errors import LeaseHeld, StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.conditional_writes import emulates_conditional_writes, require_conditional_writes
from tests.fixtures.object_stores import UnconditionalLocalStore
from tests.fixtures.s3_vendors import VendorUrl


def test_a_store_without_conditional_writes_is_refused_unless_one_writer_is_promised(tmp_path: Path) -> None:
    store: ObjectStore = UnconditionalLocalStore(str(tmp_path))
    with pytest.raises(StoreError, match="PACKSHOT_SINGLE_WRITER=1"):
        require_conditional_writes(store, single_writer=False)
    require_conditional_writes(store, single_writer=True)
    require_conditional_writes(open_store(str(tmp_path)), single_writer=False)
    assert list(store.list("")) == []


def test_a_server_that_refuses_conditions_serves_a_single_writer_s_leases_too(
    s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_vendor_url("conditions-501") as url:
        with pytest.raises(StoreError, match=r"cannot be used: .*PACKSHOT_SINGLE_WRITER=1"):
            require_conditional_writes(open_store(url), single_writer=False)
        monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
        store = open_store(url)
        assert not emulates_conditional_writes(store)
        require_conditional_writes(store, single_writer=True)
        assert emulates_conditional_writes(store)
        lease = acquire(store, "leases/shop", "first", 60)
        with pytest.raises(LeaseHeld, match="first"):
            acquire(open_store(url), "leases/shop", "second", 60)
        lease.renew()
        lease.release()
        acquire(store, "leases/shop", "second", 60).check()


def test_a_server_that_ignores_conditions_is_taken_for_a_single_writer_without_emulation(
    s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    with s3_vendor_url("conditions-ignored") as url:
        store = open_store(url)
        with pytest.raises(StoreError, match="overwrites what a conditional write should leave alone"):
            require_conditional_writes(store, single_writer=False)
        require_conditional_writes(store, single_writer=True)
        assert not emulates_conditional_writes(store)
