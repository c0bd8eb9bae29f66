"""Stores that can do all of it, and stores that cannot: told apart by trying, and left as they were."""

from pathlib import Path

import pytest

from infra.diagnosis import storage
from infra.errors import StoreError
from infra.stores import open_store
from tests.fixtures.object_stores import UnconditionalMemoryStore
from tests.fixtures.s3_vendors import VendorUrl


def check_store(url: str) -> None:
    store = open_store(url)
    findings = storage.check_store(store, single_writer=False)
    assert [(each.name, each.state) for each in findings] == [
        ("store", "ok"), ("store: parts", "ok"), ("store: conditional writes", "ok"), ("store: list, delete", "ok"),
    ]  # fmt: skip
    assert findings[0].found.startswith(f"{store.url}: written and read back in ")
    [tables] = storage.check_tables(url, 120)
    assert (tables.state, tables.found) == ("ok", "of two commits at once the second is refused")
    assert list(store.list("")) == []


def test_a_folder_can_do_all_of_it_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    check_store(str(tmp_path))


def test_a_bucket_can_do_all_of_it_and_nothing_is_left_in_it(s3_url: str) -> None:
    check_store(s3_url)


def test_a_bucket_that_is_not_there_is_told_without_a_key(s3_url: str) -> None:
    url = s3_url.replace("packshot-tests", "no-such-bucket")
    with pytest.raises(StoreError):
        storage.check_store(open_store(url), single_writer=False)
    [tables] = storage.check_tables(url, 120)
    assert (tables.state, tables.advice) == ("failed", storage.CONNECTION_ADVICE)
    assert "sesame-open" not in tables.found


def test_a_store_that_overwrites_is_refused_or_is_one_writers() -> None:
    for single, state in ((False, "failed"), (True, "warning")):
        finding = storage.check_store(UnconditionalMemoryStore("overwriting"), single_writer=single)[2]
        assert (finding.state, finding.found) == (state, "a second write replaced the first")
        assert "PACKSHOT_SINGLE_WRITER=1" in finding.advice


def test_a_promise_that_the_store_does_not_need_is_better_taken_back(tmp_path: Path) -> None:
    finding = storage.check_store(open_store(str(tmp_path)), single_writer=True)[2]
    assert (finding.state, "unset it" in finding.advice) == ("warning", True)


def test_a_vendor_that_refuses_conditions_is_told_by_what_to_set_and_nothing_else(s3_vendor_url: VendorUrl) -> None:
    with s3_vendor_url("conditions-501") as url:
        refused = storage.check_store(open_store(url), single_writer=False)[2]
        assert (refused.name, refused.state, refused.advice) == ("store: conditional writes", "failed", "")
        assert "PACKSHOT_SINGLE_WRITER=1" in refused.found
        [tables] = storage.check_tables(url, 120)
        assert (tables.state, "PACKSHOT_SINGLE_WRITER=1" in tables.advice) == ("failed", True)
        assert tables.found == "NotImplemented, A header you provided implies functionality that is not implemented"


def test_a_single_writer_of_such_a_vendor_can_do_all_of_it_and_is_told_what_that_costs(
    s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    with s3_vendor_url("conditions-501") as url:
        findings = storage.check_store(open_store(url), single_writer=True)
        assert [finding.state for finding in findings] == ["ok", "ok", "warning", "ok"]
        assert "keeps no second run away" in findings[2].found
        [tables] = storage.check_tables(url, 120)
        assert (tables.state, tables.found) == ("ok", "of two commits at once the second is refused")
        assert list(open_store(url).list("")) == []


def test_a_vendor_that_refuses_everything_is_one_finding_with_what_to_set(s3_vendor_url: VendorUrl) -> None:
    with s3_vendor_url("one-region") as url:
        [finding] = storage.check_store(open_store(url), single_writer=False)
        assert (finding.state, finding.advice) == ("failed", "")
        assert finding.found.endswith("set AWS_REGION=eu-central-003.")
        [tables] = storage.check_tables(url, 120)
        assert tables.advice == "Set AWS_REGION=eu-central-003."
        assert "\x1b" not in tables.found
