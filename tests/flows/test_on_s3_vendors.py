"""Nights of a shop at a vendor without conditional writes, whose operator promises to be the only writer."""

from pathlib import Path

import pytest

from infra.settings import Settings
from tests.fixtures.crash_harness import CrashHarness, assert_slots_accounted_for, assert_store_consistent, plain_rows
from tests.fixtures.s3_vendors import VendorUrl

pytestmark = pytest.mark.usefixtures("reduced_audit")


@pytest.mark.slow
def test_a_single_writer_publishes_and_finds_nothing_to_do_the_next_night(
    s3_vendor_url: VendorUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    settings = Settings(shard_size=5, single_writer=True)
    with s3_vendor_url("conditions-501") as url:
        shop = CrashHarness(tmp_path, plain_rows(4), settings=settings, screen_in_processes=True, url_override=url)
        night = shop.refresh()
        assert_slots_accounted_for(night)
        assert night["slots"]["published"] == night["slots"]["new"] > 0
        again = shop.refresh()
        assert again["slots"]["unchanged"] == night["slots"]["published"]
        assert again["images"]["generated"] == 0
        assert_store_consistent(shop.store, shop.tables)
