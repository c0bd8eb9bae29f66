"""A7: a batch is compared, at its commit, with what another run has published since it was planned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from catalogs.keys import slot_id
from catalogs.photos.kept_request import KeptResult
from catalogs.runs.release_batch import NO_WITHDRAWALS, ReleaseBatch, WithdrawalKey, withdrawal_key
from catalogs.table_schemas import DECISIONS, MANIFEST, RECORDS, REFRESHED_DIGESTS, REPLACED_SLOTS, RETIRED_SLOTS
from infra.errors import TableError
from infra.interfaces import Commit, TableStore
from infra.stores.parquet_objects import write_table
from infra.testing.faulty_store import FaultInjector
from infra.testing.faulty_tables import FaultyTables
from tasks.gates.late_duplicates import find_late_duplicates
from tests.fixtures.run_rows import RUN_ID, Row, attempt_row, decision_row, fingerprint_of, write_policy
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A shop of a bag, whose run `RUN_ID` was planned against its first release."""
    shop = StoreScenario(tmp_path)
    released(shop, "r0", {"bag/front": "green"})
    write_policy(shop.store)
    return shop


def released(shop: StoreScenario, run_id: str, labels: dict[str, str | None], **other: Any) -> None:
    """Publish pictures with the records of the run that made them; a word's fingerprint is that of the word."""
    shop.release(run_id, labels, **other)
    rows = [row for row in live(shop).values() if row["run_id"] == run_id]
    made = [
        attempt_row(labels[f"{row['sku']}/{row['view']}"] or "", finished_sha=row["pixel_sha"])
        | {"fingerprint": fingerprint_of(labels[f"{row['sku']}/{row['view']}"] or "")}
        for row in rows
    ]
    write_table(shop.store, layout.RunFiles(run_id).record("s"), pa.Table.from_pylist(made, schema=RECORDS))


def live(shop: StoreScenario) -> dict[bytes, Any]:
    rows = shop.tables.read(layout.manifest_table(CATALOGUE), MANIFEST.names).to_pylist()
    return {row["slot_id"]: row for row in rows}


def late(
    shop: StoreScenario,
    *decisions: Row,
    withdrawn: frozenset[WithdrawalKey] = NO_WITHDRAWALS,
    tables: TableStore | None = None,
    **parts: pa.Table,
) -> set[str]:
    """Return the SKUs whose image is not to be published, of a batch that was planned against release 1."""
    made = [attempt_row("x") | {name: row[name] for name in ("request_key", "finish_digest")} for row in decisions]
    write_table(shop.store, layout.RunFiles(RUN_ID).record("s"), pa.Table.from_pylist(made, schema=RECORDS))
    table = pa.Table.from_pylist(list(decisions), schema=DECISIONS)
    batch = ReleaseBatch(
        CATALOGUE,
        RUN_ID,
        table,
        REFRESHED_DIGESTS.empty_table(),
        parts.pop("retired", RETIRED_SLOTS.empty_table()),
        base_version=1,
        **parts,
    )
    base = shop.tables.version(layout.manifest_table(CATALOGUE))
    assert base is not None
    found = find_late_duplicates(shop.store, tables or shop.tables, batch, base, live(shop), withdrawn)
    return {row["sku"] for row in decisions if withdrawal_key(row) in found}  # type: ignore[arg-type]


def test_a_copy_of_what_another_run_published_meanwhile_is_not_published(scenario: StoreScenario) -> None:
    """A7: two runs that decided before either committed were never compared."""
    released(scenario, "r1", {"mug/front": "red"})
    same_pixels = decision_row("cup/front", "red", request_key=b"another request")
    near = decision_row("hat/front", "blue", fingerprint=fingerprint_of("red"))
    assert late(scenario, same_pixels, near, decision_row("shirt/front", "white")) == {"cup", "hat"}


def test_the_same_request_is_the_same_image_and_no_copy(scenario: StoreScenario) -> None:
    released(scenario, "r1", {"mug/front": "red"})
    assert late(scenario, decision_row("cup/front", "red")) == set()


def test_what_was_live_when_the_batch_was_planned_or_is_gone_again_is_not_compared(scenario: StoreScenario) -> None:
    copy = decision_row("cup/front", "green", request_key=b"another request")
    assert late(scenario, copy) == set(), "it was compared when the batch was decided"
    released(scenario, "r1", {"mug/front": "red"})
    released(scenario, "r2", {"mug/front": None})
    assert late(scenario, decision_row("cup/front", "red", request_key=b"another request")) == set()


def test_nothing_is_read_where_no_commit_came_since_the_plan(scenario: StoreScenario) -> None:
    scenario.store.delete([layout.RunFiles(RUN_ID).policy])
    assert late(scenario, decision_row("cup/front", "green", request_key=b"another request")) == set()


def test_a_picture_that_stays_since_its_replacement_is_late_is_compared_too(scenario: StoreScenario) -> None:
    """Bag was to become red, which another run has published by now: so it stays green, and cup is its copy."""
    (bag,) = live(scenario).values()
    released(scenario, "r1", {"mug/front": "red"})
    replacing = decision_row(
        "bag/front", "red", request_key=b"another request", kind="changed", live_file_sha=bag["file_sha"]
    )
    copy = decision_row("cup/front", "green", request_key=b"a third request")
    assert late(scenario, replacing, copy) == {"bag", "cup"}
    own = decision_row("bag/front", "white", kind="changed", live_file_sha=bag["file_sha"])
    assert late(scenario, own, copy) == set(), "white replaces green, so cup is no copy"


def test_a_withdrawn_replacement_leaves_its_picture_live(scenario: StoreScenario) -> None:
    (bag,) = live(scenario).values()
    released(scenario, "r1", {"mug/front": "red"})
    own = decision_row("bag/front", "white", kind="changed", live_file_sha=bag["file_sha"])
    copy = decision_row("cup/front", "green", request_key=b"a third request")
    key = withdrawal_key(own)  # type: ignore[arg-type]
    assert late(scenario, own, copy, withdrawn=frozenset({key})) == {"cup"}


def test_another_variant_s_picture_that_stays_is_compared_too(scenario: StoreScenario) -> None:
    """Bag moves to variant b, which is a copy by now: so variant a stays green, and cup is its copy."""
    (bag,) = live(scenario).values()
    released(scenario, "r1", {"mug/front": "red"})
    moving = decision_row("bag/front", "red", request_key=b"another request", slot_id=slot_id("bag", "front", "b", 0))
    replaced = {"slot_id": moving["slot_id"], "sku": "bag", "live_slot_id": bag["slot_id"]}
    table = pa.Table.from_pylist([replaced | {"live_file_sha": bag["file_sha"]}], schema=REPLACED_SLOTS)
    copy = decision_row("cup/front", "green", request_key=b"a third request")
    assert late(scenario, moving, copy, replaced=table) == {"bag", "cup"}


class CleanedLog(FaultyTables):
    """Tables of which a sweep has deleted what came since the plan: the log's entries, or only the changes."""

    def __init__(self, tables: TableStore, *, keeps_log: bool) -> None:
        super().__init__(tables, FaultInjector())
        self.keeps_log = keeps_log

    def history(self, table: str, limit: int | None = None, *, after: int | None = None) -> Sequence[Commit]:
        return [c for c in super().history(table, limit, after=after) if self.keeps_log or c.version > 2]

    def changes(self, table: str, version: int) -> pa.Table:
        raise TableError(f"version {version} of {table} was vacuumed")


@pytest.mark.parametrize("keeps_log", [False, True], ids=["no log entry", "no files"])
def test_a_batch_that_was_held_for_longer_than_releases_are_kept_is_compared_with_all(
    scenario: StoreScenario, keeps_log: bool
) -> None:
    """Before: what came in the versions that are gone was not compared, or the release of the batch failed for ever."""
    (bag,) = live(scenario).values()
    released(scenario, "r1", {"mug/front": "red", "hat/front": "blue"})
    released(scenario, "r2", {"hat/front": None})
    tables = CleanedLog(scenario.tables, keeps_log=keeps_log)
    copy = decision_row("cup/front", "red", request_key=b"another request")
    of_bag = decision_row("coat/front", "green", request_key=b"a third request")
    gone = decision_row("sock/front", "blue", request_key=b"a fourth request")
    assert late(scenario, copy, gone, tables=tables) == {"cup"}
    assert late(scenario, of_bag, tables=tables) == {"coat"}
    retired = {"slot_id": bag["slot_id"], "sku": "bag", "live_file_sha": bag["file_sha"]}
    retiring = pa.Table.from_pylist([retired], schema=RETIRED_SLOTS)
    assert late(scenario, of_bag, tables=tables, retired=retiring) == set(), "the bag goes in the same commit"
    replacing = decision_row("bag/front", "red", request_key=b"x", kind="changed", live_file_sha=bag["file_sha"])
    assert late(scenario, replacing, of_bag, tables=tables) == {"bag", "coat"}, "the bag stays green, since red is late"


@pytest.mark.parametrize("keeps_log", [True, False], ids=["with what came since", "with all"])
def test_the_same_photo_under_two_skus_is_no_copy(scenario: StoreScenario, keeps_log: bool) -> None:
    def keeping(photo: str) -> dict[str, Any]:
        return {"kept": KeptResult("stage", photo, "only-photo", "plain-ground", "1", {}, {}, stage="s").text}

    released(scenario, "r1", {"mug/front": "red"}, photo_sha=b"\xab" * 32, **keeping("ab" * 32))
    released(scenario, "r2", {"hat/front": "blue"})
    tables = scenario.tables if keeps_log else CleanedLog(scenario.tables, keeps_log=False)
    of_photo = decision_row("cup/front", "red", request_key=b"another request", **keeping("ab" * 32))
    of_another = decision_row("pot/front", "red", request_key=b"a third request", **keeping("cd" * 32))
    assert late(scenario, of_photo, tables=tables) == set()
    assert late(scenario, of_another, tables=tables) == {"pot"}
