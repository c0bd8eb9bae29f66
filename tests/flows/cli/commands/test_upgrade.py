"""The command upgrade: what it says before and after, as tables and as JSON."""

import json
from pathlib import Path

import pytest

from catalogs.errors import OptionError
from catalogs.store_version import LAYOUT
from catalogs.table_schemas import MANIFEST
from flows.cli.commands.upgrade import upgrade
from infra.tables import open_tables
from tests.tasks.maintenance.test_upgrade import older


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--store: there is no store at"):
        upgrade(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_an_older_store_is_told_about_then_upgraded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_tables(str(tmp_path)).ensure("manifest/shoes", older(MANIFEST))
    upgrade(str(tmp_path), dry_run=True)
    assert f"layout 1 would become {LAYOUT}" in capsys.readouterr().out
    upgrade(str(tmp_path), as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["layout_before"], document["layout"], document["needed"]) == (1, LAYOUT, True)
    assert document["actions"] == [f"add to manifest/shoes: {', '.join(MANIFEST.names[-2:])}"]
    upgrade(str(tmp_path))
    assert "nothing to do" in capsys.readouterr().out
