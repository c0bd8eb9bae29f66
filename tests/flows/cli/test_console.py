"""What every command needs to speak: JSON that any program reads, and settings with a clear error."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import yaml

from catalogs.errors import SettingsError
from flows.cli.console import print_json, print_progress, print_yaml, read_settings
from tests.infra.test_visible_text import acts


def test_one_document_is_printed_with_every_script_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"title": "湯呑み 🎉", "when": datetime(2026, 11, 22, tzinfo=UTC), "none": None})
    out = capsys.readouterr().out
    assert "湯呑み 🎉" in out
    assert json.loads(out) == {"title": "湯呑み 🎉", "when": "2026-11-22T00:00:00+00:00", "none": None}


def test_settings_come_from_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_SHARD_SIZE", "7")
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    assert (read_settings().shard_size, read_settings().single_writer) == (7, True)


def test_a_setting_that_cannot_be_is_named_by_its_variable_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_LEASE_SECONDS", "-3")
    with pytest.raises(SettingsError, match=r"PACKSHOT_LEASE_SECONDS: .* greater than 0; it was '-3'"):
        read_settings()


def test_the_command_line_loads_no_heavy_library_before_a_command_needs_one() -> None:
    heavy = "{'prefect', 'pyarrow', 'numpy', 'pandas', 'fsspec', 'botocore', 'deltalake', 'cv2', 'torch'}"
    code = f"import sys, flows.cli; print(sorted({heavy} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_s6_json_and_yaml_hold_what_acts_on_a_terminal_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"title": "Größe \x1b[2J\x9b\x7f\u202e\u2028 🎉", "lone": "\ud800", "lines": "a\nb"}
    print_json(document)
    text = capsys.readouterr().out
    assert (acts(text, allowed="\n"), "Größe" in text) == ([], True)
    assert json.loads(text) == document
    rules = {"words": ["\x85next", "\u202eturned", "plain"]}
    print_yaml(rules)
    text = capsys.readouterr().out
    assert (acts(text, allowed="\n"), yaml.safe_load(text)) == ([], rules)
    print_yaml({"words": ["Größe"]})
    assert capsys.readouterr().out == "words:\n- Größe\n"


def test_s6_progress_is_one_visible_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_progress("Loading \x1b[2J/models\nx")
    assert capsys.readouterr() == ("", "Loading \\x1b[2J/models x …\n")


@pytest.mark.parametrize("value", ["ray://ada:sesame@host:1", "ada:sesame@host:1"])
def test_s8_a_setting_that_may_hold_a_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PACKSHOT_RAY_ADDRESS", value)
    with pytest.raises(SettingsError, match="PACKSHOT_RAY_ADDRESS: ") as caught:
        read_settings()
    assert "sesame" not in str(caught.value)
