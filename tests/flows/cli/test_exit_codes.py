"""How commands end: each kind of error with its code, one visible sentence, and never a traceback."""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from catalogs.errors import InputError, OptionError
from flows.cli.exit_codes import run_command_line
from infra.errors import StoreError, UnreadableSource
from tests.fixtures.command_line import RunCli
from tests.infra.test_visible_text import acts
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "packshot" / "errors"


@pytest.fixture
def end(capsys: pytest.CaptureFixture[str]) -> Callable[[BaseException | None], tuple[Any, str]]:
    """Return what runs a command that raises, to its exit code and stderr."""

    def run(error: BaseException | None) -> tuple[Any, str]:
        def command() -> None:
            if error is not None:
                raise error

        app = typer.Typer()
        app.command()(command)
        with pytest.raises(SystemExit) as caught:
            run_command_line(app, [])
        return caught.value.code, capsys.readouterr().err

    return run


End = Callable[[BaseException | None], tuple[Any, str]]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (None, 0, ""),
        (typer.Exit(1), 1, ""),
        (OptionError("--port: no"), 2, "packshot: --port: no\n"),
        (UnreadableSource("It is damaged"), 2, "packshot: It is damaged\n"),
        (StoreError("It is away"), 3, "packshot: It is away\n"),
        (RuntimeError("Failed to reach API at http://ada:sesame@host/api/"), 3,
         "packshot: The Prefect server cannot be reached (Failed to reach API at http://…@host/api/);"
         " unset PREFECT_API_URL to use a local one\n"),
        (KeyboardInterrupt(), 130, "packshot: Interrupted; give the same command again to go on\n"),
    ],
)  # fmt: skip
def test_each_ending_has_its_code_and_one_sentence(
    end: End, error: BaseException | None, code: int, message: str
) -> None:
    assert end(error) == (code, message)


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("x"), RecursionError("deep"), MemoryError(), BrokenPipeError(32, "a socket's"), KeyError()],
)
def test_an_unexpected_error_is_exit_3_with_one_sentence_and_a_file(end: End, error: Exception, state: Path) -> None:
    code, shown = end(error)
    [path] = state.iterdir()
    assert (code, shown.count("\n"), "Traceback" in shown) == (3, 1, False)
    assert f"its traceback is in {path}. Try again, and report the file" in shown
    assert "Traceback (most recent call last)" in path.read_text("utf-8")


def test_s6_an_error_of_a_hostile_text_is_one_visible_line(end: End) -> None:
    code, shown = end(InputError("it has \x1b[2Jh2, \x1b]0;PWNED\x07\n\x9b31m\u202e\ud800h1"))
    assert (code, acts(shown, allowed="\n"), shown.count("\n")) == (2, [], 1)
    assert "\\x1b[2Jh2, \\x1b]0;PWNED\\x07 \\x9b31m\\u202e\\ud800h1" in shown


@pytest.mark.parametrize(
    "words",
    [
        ["why", "a", "b\x1b[2J"],
        ["\x1b]0;PWNED\x07"],
        ["why", "--\x1b[31m"],
        ["sweep", "s", "--keep-releases", "\x9b1m"],
    ],
)
def test_s6_arguments_are_repeated_visibly(run_cli: RunCli, words: list[str]) -> None:
    done = run_cli(*words)
    assert (done.exit_code, acts(done.stderr + done.stdout, allowed="\n")) == (2, [])
    assert "--help lists what there is" in done.stderr


def test_no_arguments_show_the_help_and_nothing_else(run_cli: RunCli) -> None:
    done = run_cli()
    assert (done.exit_code, done.stderr, "refresh" in done.stdout) == (2, "", True)


def packshot(*words: str, stdout: Any = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "flows.cli", *words], stdout=stdout, stderr=subprocess.PIPE)


def test_a_reader_that_has_gone_ends_a_command_in_silence() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = packshot("channels", "--json", stdout=writer)
    os.close(writer)
    assert (process.communicate()[1], process.returncode) == (b"", 141)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_behind_stdout_is_said_in_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        process = packshot("channels", stdout=full)
        message = process.communicate()[1]
    assert process.returncode == 3
    assert message == b"packshot: The output could not be written (No space left on device)\n"


def test_ctrl_c_while_a_command_works_is_exit_130() -> None:
    code = (
        "import os, signal, typer\n"
        "from flows.cli.exit_codes import run_command_line\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        f"def wait() -> None: os.kill(os.getpid(), {int(signal.SIGINT)}); signal.pause()\n"
        "run_command_line(app, [])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "packshot: Interrupted; give the same command again to go on\n")


def test_a_threads_own_error_is_a_sentence_too(tmp_path: Path) -> None:
    code = (
        "import threading, typer\n"
        "from flows.cli.exit_codes import run_command_line\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def work() -> None:\n"
        "    thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
        "run_command_line(app, [])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert done.stderr.startswith(
        "packshot: Unexpected error: ZeroDivisionError: division by zero; its traceback is in"
    )


def writers_of(path: Path) -> Iterator[str]:
    """Yield every way to a terminal in a module, other than a console's own print."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in {"print", "Console"} or called.endswith((".echo", ".secho", "stdout.write", "stderr.write")):
            yield f"{path.relative_to(ROOT).as_posix()}: {called}"


def test_s6_commands_write_through_the_console_alone() -> None:
    found = [line for path in sorted((ROOT / "flows").rglob("*.py")) for line in writers_of(path)]
    assert set(found) == {"flows/cli/console.py: typer.echo", "flows/cli/exit_codes.py: print"}
