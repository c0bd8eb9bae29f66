"""A console as a process: it says where it is, lets its user in, ends cleanly, and starts nowhere unsafe."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from catalogs.errors import OptionError
from flows.cli.serving import ServingOptions, choose_catalogues
from flows.wiring.open_store import open_for_writing
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.memory import MemoryStore
from tests.fixtures.command_line import RunCli
from tests.fixtures.waiting import eventually
from tests.paths import ROOT


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store that is there, without a catalogue."""
    opened, _ = open_for_writing(f"file://{tmp_path}/store", Settings(), create=True)
    return opened.url


@contextmanager
def console(*words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "flows.cli", "review", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read_document(process: "subprocess.Popen[str]") -> dict[str, object]:
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    document: dict[str, object] = json.loads("".join(lines))
    return document


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_console_says_where_it_is_lets_its_user_in_and_ends_cleanly(store: str, ending: int) -> None:
    with console("--store", store, "--port", "0", "--json") as process:
        said = read_document(process)
        assert said["catalogues"] == []
        url = str(said["url"])
        assert url.startswith(f"http://127.0.0.1:{said['port']}/start?secret=")
        with httpx.Client(trust_env=False, timeout=60) as browser:
            assert eventually(lambda: answers(url.partition("/start")[0]))
            assert browser.get(url).status_code == 200
            assert "This store has no catalogue yet" in browser.get(url.partition("/start")[0] + "/").text
            open_store(store).write("manifest/home/_delta_log/0.json", b"")
            open_store(store).write("manifest/garden/_delta_log/0.json", b"")
            assert eventually(lambda: "garden" in browser.get(url.partition("/start")[0] + "/").text), "it follows"
            process.send_signal(ending)
            _, log = process.communicate()
    assert process.returncode == 0
    assert "Next start link  http://127.0.0.1:" in log
    assert "Ended" in log
    assert url.partition("secret=")[2] not in log, "the secret that was printed for the person is in no log"
    (info,) = open_store(store).list("access/")
    assert b'"event": "sign-in"' in open_store(store).read(info.key)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/sign-in", trust_env=False).status_code == 200
    except httpx.ConnectError:
        return False


def test_elsewhere_it_does_not_start_without_keys(run_cli: RunCli, store: str) -> None:
    said = run_cli("review", "--store", store, "--host", "0.0.0.0", "--port", 0)  # noqa: S104
    assert said.exit_code == 2
    assert "others can reach 0.0.0.0, and nobody has a key" in said.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--host", "no host"), "--host: 'no host' is no address"),
        (("--catalogue", "garden"), "--catalogue: the store "),
        (("--trust-header", "X-User"), "--trust-header: say by --proxy"),
        (("--trust-header", "X-User", "--proxy", "proxy"), "--proxy: 'proxy' does not appear to be an IPv4 or IPv6"),
        (("--header-scopes", "all"), "--header-scopes: 'all' is no scope"),
        (("--public-url", "review"), "--public-url: give scheme and host alone"),
    ],
)
def test_what_is_wrong_is_named(run_cli: RunCli, store: str, words: tuple[str, ...], sentence: str) -> None:
    said = run_cli("review", "--store", store, "--port", 0, *words)
    assert said.exit_code == 2
    assert sentence in said.stderr


@pytest.mark.parametrize("command", ["review", "gallery"])
def test_a_mistyped_store_is_named_and_not_made(run_cli: RunCli, tmp_path: Path, command: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("no store")
    for folder in ("none", "other"):
        said = run_cli(command, "--store", tmp_path / folder, "--port", 0)
        assert said.exit_code == 2
        assert f"--store: there is no store at file://{tmp_path}/{folder}: it is not there, or" in said.stderr
        assert "begin with `packshot refresh`" in said.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["notes.txt", "other"]


def test_a_server_that_does_not_start_leaves_no_handler_behind(run_cli: RunCli, store: str) -> None:
    """A handler of an ended command would write to the stderr that it had, which is closed by then."""
    before = [*logging.getLogger().handlers], logging.getLogger("flows.web").level, signal.getsignal(signal.SIGTERM)
    said = run_cli("review", "--store", store, "--port", 0, "--trust-header", "X-User")
    assert said.exit_code == 2
    after = [*logging.getLogger().handlers], logging.getLogger("flows.web").level, signal.getsignal(signal.SIGTERM)
    assert after == before


def test_the_catalogues_are_those_with_a_release_or_an_open_run() -> None:
    store = MemoryStore("catalogues-to-choose")
    store.write("manifest/home/_delta_log/0.json", b"")
    store.write("open/garden/r1.json", b"")
    store.write("manifest/notes.txt", b"")
    assert choose_catalogues(store, ()).names == ("garden", "home")
    assert choose_catalogues(store, ("home", "home")).names == ("home",)
    with pytest.raises(OptionError, match="has no 'attic'; it has garden, home"):
        choose_catalogues(store, ("home", "attic"))


def test_the_defaults_are_loopback_and_no_trust() -> None:
    options = ServingOptions().server_options()
    assert (options.host, options.port, options.trust_header, options.proxies) == ("127.0.0.1", 8420, "", ())
