"""A rollback and a sweep have a real command purge what is no longer shown, and say where it failed."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import SettingsError
from flows.parameters import SweepParameters
from flows.purging import purge_amendments, sweep_store
from infra.settings import Settings
from tasks.amendments.rollback import rollback
from tests.fixtures.store_scenarios import StoreScenario, three_releases


def purger(folder: Path, exit_code: int = 0) -> Settings:
    """Return settings whose command appends the keys to a file."""
    code = f"import sys; open({str(folder / 'purged')!r}, 'ab').write(sys.stdin.buffer.read()); sys.exit({exit_code})"
    return Settings(purge_command=shlex.join([sys.executable, "-c", code]))


def purged(folder: Path) -> list[str]:
    return [json.loads(line)["key"] for line in (folder / "purged").read_text("utf-8").splitlines()]


def test_a_rollbacks_objects_are_purged_and_a_failure_is_sent_again(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path / "store")
    shop.release("r1", {"shirt/front": "one"})
    shop.release("r2", {"shirt/front": "two"})
    (gone,) = shop.published_objects().values()
    rollback(shop.store, shop.tables, "shoes", 1)
    assert purge_amendments(shop.store, shop.tables, "shoes", Settings()) == []
    assert shop.keys(layout.PURGES) == set(), "nothing is recorded where nothing can be purged"
    (warning,) = purge_amendments(shop.store, shop.tables, "shoes", purger(tmp_path, exit_code=3))
    assert "1 objects may still be shown by the CDN: exit 3" in warning
    assert purge_amendments(shop.store, shop.tables, "shoes", purger(tmp_path)) == []
    assert purge_amendments(shop.store, shop.tables, "shoes", purger(tmp_path)) == []
    assert purged(tmp_path) == [gone, gone], "once in vain, once with success, and not a third time"


def test_a_sweep_purges_what_it_deletes_and_a_dry_one_nothing(tmp_path: Path) -> None:
    shop = three_releases(tmp_path / "store")
    gone = set(shop.published_objects(1).values()) - set(shop.published_objects(3).values())
    url = str(tmp_path / "store")
    assert sweep_store(SweepParameters(store=url, keep_releases=2, dry_run=True), purger(tmp_path)).notes == []
    assert not (tmp_path / "purged").exists()
    assert sweep_store(SweepParameters(store=url, keep_releases=2), purger(tmp_path)).notes == []
    assert set(purged(tmp_path)) == gone
    assert (
        sweep_store(SweepParameters(store=url, keep_releases=1), purger(tmp_path, 1)).notes[0].startswith("1 objects")
    )


def test_a_setting_that_cannot_be_used_is_refused_before_anything_is_deleted(tmp_path: Path) -> None:
    shop = three_releases(tmp_path / "store")
    there = shop.keys()
    with pytest.raises(SettingsError, match="PACKSHOT_PURGE_WEBHOOK must be an https:// address"):
        sweep_store(SweepParameters(store=str(tmp_path / "store")), Settings(purge_webhook="http://cdn.test/"))
    assert shop.keys() == there
