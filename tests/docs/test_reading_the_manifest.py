"""The documented reader misses no release, whatever versions without data stand between those it has seen."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalogs import layout
from infra.tables.compaction import MAX_SMALL_FILES
from tasks.maintenance.compact_tables import compact_tables
from tests.docs.documents import blocks
from tests.fixtures.store_scenarios import StoreScenario

TABLE = layout.manifest_table("sample")
(READER,) = [block for block in blocks("python") if "load_cdf" in block.text]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreScenario:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACKSHOT_STORE", str(tmp_path / "store"))
    return StoreScenario(tmp_path / "store", "sample")


def read(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Run the guide's reader; return what it says of each SKU."""
    exec(compile(READER.text, READER.page, "exec"), {"__name__": "__main__"})  # noqa: S102 - running it is the point
    said: list[Any] = [tuple(line.split()[:2]) for line in capsys.readouterr().out.splitlines()]
    return said


def test_the_documented_reader_sees_every_release_once(shop: StoreScenario, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(capsys) == []
    shop.release("r1", {"boot/front": "red"})
    assert read(capsys) == [("insert", "boot")]
    for number in range(MAX_SMALL_FILES):
        shop.release(f"s{number}", {f"sku{number}/front": "red"})
    assert compact_tables(shop.tables, "sample") == [TABLE]
    assert read(capsys) == [("insert", f"sku{number}") for number in range(MAX_SMALL_FILES)]
    assert read(capsys) == []
    shop.release("r2", {"boot/front": "blue"})
    shop.release("r3", {"sku0/front": None})
    newest = shop.tables.version(TABLE)
    assert newest is not None
    shop.tables.mark(TABLE, base_version=newest, metadata={"kind": "fence"})
    newest_alone = shop.tables.changes(TABLE, newest + 1)
    assert isinstance(newest_alone, pa.Table)
    assert len(newest_alone) == 0, "the version that a reader used to ask for"
    assert read(capsys) == [("update_preimage", "boot"), ("update_postimage", "boot"), ("delete", "sku0")]
    assert read(capsys) == []
