"""The integrity key of a host: named by a setting, or made once, private, and shared by all its processes."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.errors import IntegrityKeyError
from infra.integrity.key_files import integrity_key_path, open_integrity_keys
from infra.integrity.keyring import IntegrityKeys
from infra.settings import Settings

KEY, OTHER = "a" * 64, "b" * 64


def test_a_key_is_made_once_and_its_owner_alone_can_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    first = open_integrity_keys(Settings())
    path = tmp_path / "share" / "packshot" / "integrity" / "keys"
    assert integrity_key_path(Settings()) == path
    assert first is not None
    assert first.ids == IntegrityKeys([path.read_bytes().strip()]).ids
    assert len(path.read_text("ascii").strip()) == 64
    assert [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent)] == [0o600, 0o700]
    again = open_integrity_keys(Settings())
    assert again is not None
    assert again.ids == first.ids


def test_processes_that_make_it_at_once_all_get_the_same_one(tmp_path: Path) -> None:
    command = (
        "import sys; from infra.integrity.key_files import open_integrity_keys as make; "
        "from infra.settings import Settings; sys.stdin.read(); print(make(Settings()).ids)"
    )
    environment = {"XDG_DATA_HOME": str(tmp_path), "PATH": ""}
    words = [sys.executable, "-c", command]
    started = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # all of them begin now
    said = {process.stdout.read() for process in started if process.stdout is not None}
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert len(said) == 1


def test_the_environment_gives_keys_that_no_print_of_the_settings_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_INTEGRITY_KEY", f"{KEY},{OTHER}")
    settings = Settings()
    keys = open_integrity_keys(settings)
    assert keys is not None
    assert keys.ids == IntegrityKeys([KEY.encode(), OTHER.encode()]).ids
    assert "aaaa" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_named_file_gives_the_keys_and_is_never_made(tmp_path: Path) -> None:
    named = Settings(integrity_key_file=str(tmp_path / "mounted"))
    with pytest.raises(IntegrityKeyError, match=r"PACKSHOT_INTEGRITY_KEY_FILE: there is no file .*mounted"):
        open_integrity_keys(named)
    (tmp_path / "mounted").write_text(f"{OTHER}\n{KEY}\n")
    keys = open_integrity_keys(named)
    assert keys is not None
    assert keys.ids == IntegrityKeys([OTHER.encode(), KEY.encode()]).ids


def test_the_environment_comes_before_a_file_and_the_switch_before_both(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(OTHER)
    settings = Settings(integrity_key=SecretStr(KEY), integrity_key_file=str(tmp_path / "keys"))
    keys = open_integrity_keys(settings)
    assert keys is not None
    assert keys.ids == IntegrityKeys([KEY.encode()]).ids
    assert open_integrity_keys(settings.model_copy(update={"integrity": False})) is None


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "no integrity key"), (b"short", "5 characters"), (b"\xff" * 40, "ASCII")]
)
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(IntegrityKeyError, match=words) as refused:
        open_integrity_keys(Settings(integrity_key_file=str(tmp_path / "keys")))
    assert str(tmp_path / "keys") in str(refused.value)


def test_a_folder_that_cannot_hold_a_key_is_named_with_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packshot").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(IntegrityKeyError, match=r"PACKSHOT_INTEGRITY_KEY or PACKSHOT_INTEGRITY_KEY_FILE, or set PACK"):
        open_integrity_keys(Settings())
