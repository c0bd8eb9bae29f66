"""S12: what is installed is a file that constraints.txt lists by its sha256, whatever an index or a mirror serves."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.paths import ROOT

WHEEL = "mug-1.0-py3-none-any.whl"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Print nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder as a package index over loopback; return it and its address."""
    folder = tmp_path / "index"
    (folder / "mug").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


def publish(folder: Path, colour: str) -> str:
    """Put version 1.0 of `mug` on the index; return the sha256 of its wheel. The page names that same sha256."""
    path = folder / "mug" / WHEEL
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("mug.py", f"COLOUR = {colour!r}\n")
        wheel.writestr("mug-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mug\nVersion: 1.0\n")
        wheel.writestr("mug-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("mug-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "mug" / "index.html").write_text(f'<a href="{WHEEL}#sha256={digest}">{WHEEL}</a>')
    return digest


def makefile_options() -> list[str]:
    """Return the options that the Makefile gives pip for everything that it installs by name."""
    found = re.search(
        r"^LOCKED := install(.*) -c constraints\.txt$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    assert found
    return found[1].split()


def install(
    constraints: str, url: str, folder: Path, *names: str, options: Sequence[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Install as the Makefile does (or with other options), from one index, into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "constraints.txt").write_text(constraints)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    given = makefile_options() if options is None else options
    pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]
    command = [*pip, *given, "-c", "constraints.txt", "--index-url", url, "--target", "installed", *names]
    environment |= {"PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_s12_a_file_that_was_replaced_on_the_index_is_refused(index: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = index
    listed = f"mug==1.0 \\\n    --hash=sha256:{publish(folder, 'red')}\n"
    honest = install(listed, url, tmp_path, "mug")
    assert honest.returncode == 0, honest.stderr
    replaced = publish(folder, "evil")
    refused = install(listed, url, tmp_path / "other", "mug")
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert replaced in refused.stderr
    assert not (tmp_path / "other" / "installed" / "mug.py").exists()
    by_version = install("mug==1.0\n", url, tmp_path / "before", "mug", options=())
    assert by_version.returncode == 0  # so it was: a version alone takes whatever stands under it
    assert "evil" in (tmp_path / "before" / "installed" / "mug.py").read_text()


def test_s12_a_package_that_is_not_listed_is_refused(index: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = index
    publish(folder, "red")
    refused = install("", url, tmp_path, "mug")
    assert refused.returncode == 1
    assert "--require-hashes" in refused.stderr


def test_s12_a_source_archive_runs_no_script_while_it_is_installed(index: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = index
    archive, mark = folder / "mug" / "mug-1.0.tar.gz", tmp_path / "script-ran"
    script = f"open({str(mark)!r}, 'w').close()\n".encode()
    with tarfile.open(archive, "w:gz") as content:
        member = tarfile.TarInfo("mug-1.0/setup.py")
        member.size = len(script)
        content.addfile(member, io.BytesIO(script))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / "mug" / "index.html").write_text(f'<a href="{archive.name}#sha256={digest}">{archive.name}</a>')
    refused = install(f"mug==1.0 --hash=sha256:{digest}\n", url, tmp_path, "mug", "--no-build-isolation")
    assert refused.returncode == 1, refused.stdout
    assert not mark.exists()


def test_make_installs_nothing_but_the_checkout_without_a_hash() -> None:
    installs = re.findall(r"\$\(PIP\).*", (ROOT / "Makefile").read_text("utf-8"))
    loose = [line for line in installs if "$(LOCKED)" not in line and "--require-hashes" not in line]
    assert loose == ["$(PIP) install --no-deps --no-build-isolation -e ."]
    unbuilt = [line for line in installs if "--no-binary" in line]
    assert len(unbuilt) == 1  # the one package without wheels for Linux, and it is named
    assert "--no-binary pdqhash --no-build-isolation" in unbuilt[0]


def test_pip_itself_is_taken_out_of_the_constraints_with_its_hashes(tmp_path: Path) -> None:
    command = re.search(r"@(sed -n '.*') constraints\.txt > \.venv/pip\.txt", (ROOT / "Makefile").read_text("utf-8"))
    assert command
    script = command[1].replace("$$", "$") + f" {ROOT / 'constraints.txt'}"
    lines = subprocess.run(script, shell=True, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S602
    assert lines[0].startswith("pip==")
    assert len(lines) >= 2
    assert all("--hash=sha256:" in line for line in lines[1:])
