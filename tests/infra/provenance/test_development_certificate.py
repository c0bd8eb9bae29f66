"""The development certificate: created once, private, and renewed where it cannot sign."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.errors import ProvenanceConfigError
from infra.provenance.development_certificate import DEVELOPMENT_ISSUER, development_folder, development_identity
from tests.fixtures.signing_identities import (
    new_identity,
)

FILES = ["development-root.pem", "development.lock", "development.pem"]


def test_a_development_certificate_is_made_once_and_its_owner_alone_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "share" / "c2pa"
    first = development_identity(str(folder))
    assert (first.name, first.development) == (DEVELOPMENT_ISSUER, True)
    assert "untrusted" in first.name
    assert first.expires > datetime.now(UTC) + timedelta(days=3000)
    assert development_identity(str(folder)) == first
    assert stat.S_IMODE((folder / "development.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert b"PRIVATE" not in (folder / "development-root.pem").read_bytes()


@pytest.mark.parametrize("damage", ["expired", "cut short", "another's"])
def test_a_development_certificate_that_cannot_sign_is_made_anew(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "development.pem"
    if damage == "expired":
        development_identity(str(tmp_path), datetime.now(UTC) - timedelta(days=20 * 365))
    elif damage == "cut short":
        development_identity(str(tmp_path))
        place.write_bytes(place.read_bytes()[:700])
    else:
        place.write_bytes(new_identity().key + new_identity().chain)
    before = place.read_bytes()
    made = development_identity(str(tmp_path))
    assert made.expires > datetime.now(UTC)
    assert place.read_bytes() != before
    assert development_identity(str(tmp_path)) == made


def test_processes_that_make_it_at_once_all_get_the_same_one(tmp_path: Path) -> None:
    command = (
        "import sys; from infra.provenance.development_certificate import development_identity as make; "
        "sys.stdin.read(); print(make(sys.argv[1]).chain.decode())"
    )
    words = [sys.executable, "-c", command, str(tmp_path / "new")]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # all of them begin now
    said = set()
    for process in started:
        assert process.stdout is not None
        said.add(process.stdout.read())
        assert process.wait() == 0
    assert len(said) == 1
    assert said.pop().strip() == development_identity(str(tmp_path / "new")).chain.decode().strip()
    assert sorted(os.listdir(tmp_path / "new")) == FILES  # noqa: PTH208


def test_a_folder_that_cannot_be_written_says_which_setting_mends_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProvenanceConfigError, match=r"another folder by PACKSHOT_C2PA_FOLDER, or set PACKSHOT_C2PA=0"):
        development_identity(str(tmp_path / "file" / "c2pa"))


def test_it_is_kept_among_the_users_own_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert development_folder() == "/data/packshot/c2pa"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert development_folder() == "~/.local/share/packshot/c2pa"
