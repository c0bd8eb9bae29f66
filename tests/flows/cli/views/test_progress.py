"""Progress moves on a terminal, is plain lines elsewhere, and never touches stdout."""

import io
import json
import re
import sys
import threading

import pytest
from rich.console import Console
from rich.text import Text

from flows.cli.views.progress import ProgressObserver


def terminal(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def frames(console: Console) -> list[list[str]]:
    """Return what stood on the terminal between two clearings, as lines."""
    parts = re.split(r"\x1b\[2K|\x1b\[\?25[hl]", written(console))
    plain = [Text.from_ansi(re.sub(r"\x1b\[1A|\r", "", part)).plain for part in parts]
    return [[line for line in part.splitlines() if line.strip()] for part in plain if part.strip()]


def test_a_log_gets_one_plain_line_a_stage_and_no_control_character() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    with ProgressObserver(console) as face:
        for stage in ("plan", "generate", "generate", "decide [bold]:boom:\x1b[2J"):
            face.on_stage(stage)
            face.on_images_planned(10)
            face.on_images_done(5, passed=4, refused=1)
        face.finish()
    assert written(console) == "plan\ngenerate\ndecide [bold]:boom:\\x1b[2J\n"


def test_a_log_gets_a_line_for_many_photos_and_a_terminal_shows_each() -> None:
    log, shown = Console(file=io.StringIO(), width=80, force_terminal=False), terminal()
    for console in (log, shown):
        with ProgressObserver(console) as face:
            face.on_stage("plan")
            for _ in range(25):
                face.on_photos_read(1_000)
            face.on_stage("generate")
    assert written(log) == "plan\n10,000 photos read\n20,000 photos read\ngenerate\n"
    assert any("plan: 25,000 photos read" in line for frame in frames(shown) for line in frame)


def test_a_dumb_terminal_counts_as_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = terminal()
    with ProgressObserver(console) as face:
        face.on_stage("plan")
    assert written(console) == "plan\n"


@pytest.mark.parametrize("width", [30, 80])
def test_a_terminal_shows_two_lines_at_most(width: int) -> None:
    console = terminal(width)
    with ProgressObserver(console) as face:
        face.on_stage("generate " + "and so on " * 20)
        face.on_images_planned(2_000_000)
        for _ in range(3):
            face.on_images_done(300_000, passed=200_000, refused=100_000)
        face.on_stage("decide")
    shown = frames(console)
    assert max(len(lines) for lines in shown) == 2
    assert max(len(line) for lines in shown for line in lines) <= width


def test_the_bar_says_how_many_and_what_share_was_refused() -> None:
    console = terminal()
    with ProgressObserver(console) as face:
        face.on_stage("generate")
        face.on_images_planned(2000)
        face.on_images_done(0)
        face.on_images_done(1000, passed=600, refused=200)
        face.on_images_done(500, passed=150, refused=50)
        face.on_stage("decide")
    assert "1,500/2,000  25 % refused" in " ".join(line for lines in frames(console) for line in lines)


def test_no_bar_is_drawn_before_there_are_images() -> None:
    console = terminal()
    with ProgressObserver(console) as face:
        face.on_stage("plan")
        face.on_images_planned(0)
        face.on_stage("report")
    assert max(len(lines) for lines in frames(console)) == 1


def test_nothing_is_left_on_the_terminal_and_the_cursor_is_back_even_after_an_error() -> None:
    console = terminal()

    def work() -> None:
        with ProgressObserver(console) as face:
            face.on_stage("plan")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert written(console).endswith("\x1b[2K")
    assert written(console).count("\x1b[?25l") == written(console).count("\x1b[?25h") == 1


def test_what_is_printed_to_stdout_meanwhile_stays_there(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressObserver(terminal()) as face:
        face.on_stage("plan")
        sys.stdout.write(json.dumps({"run_id": "r"}))
    assert json.loads(capsys.readouterr().out) == {"run_id": "r"}


def test_it_writes_to_stderr_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressObserver() as face:
        face.on_stage("plan")
    assert capsys.readouterr() == ("", "plan\n")


def test_threads_may_advance_together() -> None:
    console = terminal()
    with ProgressObserver(console) as face:
        face.on_stage("generate")
        face.on_images_planned(4000)

        def work() -> None:
            for _ in range(500):
                face.on_images_done(2, passed=1, refused=1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        face.on_stage("decide")
    assert "4,000/4,000  50 % refused" in " ".join(line for lines in frames(console) for line in lines)
