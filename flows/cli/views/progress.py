"""How far a run has come, for a person who watches it.

Comes in: small calls while a run works. Goes out: two lines on stderr that move, so that `--json` on stdout stays
clean; where stderr is no terminal (a log, cron), one plain line a stage and not one control character.
"""

from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.spinner import Spinner
from rich.table import Column, Table
from rich.text import Text

from flows.run.observers import NullObserver
from tasks.reporting import formatting as figures


class _ImageCounts(ProgressColumn):
    """Images done of all, the share that was refused, how fast, and how long still."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis"))

    def render(self, task: Task) -> Text:
        """Return the words right of the bar."""
        words = [f"{int(task.completed):,}/{int(task.total or 0):,}"]
        refused = task.fields["refused"]
        if refused:
            words.append(f"{figures.format_percent(refused / (refused + task.fields['passed']))} refused")
        if task.speed:
            words.append(f"{task.speed:,.1f} images/s" if task.speed >= 1 else f"{1 / task.speed:.1f} s an image")
        if task.time_remaining and not task.finished:
            words.append(f"{figures.format_duration(task.time_remaining)} left")
        return Text("  ".join(words))


class ProgressObserver(NullObserver):
    """Two lines on stderr while a run works: the stage, and a bar of images. Safe to call from several threads."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._is_interactive = self._console.is_terminal and not self._console.is_dumb_terminal
        self._bar = Progress(BarColumn(bar_width=14), _ImageCounts(), console=self._console, auto_refresh=False)
        self._images = self._bar.add_task("", total=None, visible=False, passed=0, refused=0)
        self._passed = self._refused = 0
        self._lock = Lock()
        self._stage = ""
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin to draw, where there is a terminal."""
        if self._is_interactive:
            # stdout is not ours: redirecting it here would carry a report's JSON to stderr.
            self._live = Live(console=self._console, transient=True, redirect_stdout=False, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the two lines away, also after an error."""
        self.finish()

    def on_stage(self, name: str) -> None:
        """Say what the run is doing now."""
        with self._lock:
            again, self._stage = name == self._stage, name
            if again:
                return
            if self._live is not None:
                line = Table.grid(Column(), Column(no_wrap=True, overflow="ellipsis"), padding=(0, 1, 0, 0))
                line.add_row(Spinner("dots"), Text(figures.printable(name)))
                self._live.update(Group(line, self._bar), refresh=True)
            elif not self._is_interactive:
                self._console.print(Text(figures.printable(name)), soft_wrap=True)

    def on_images_planned(self, images: int) -> None:
        """Say how many images there are to make; it may grow as new attempts join."""
        self._bar.update(self._images, total=images, visible=images > 0)

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """Count images that are made, and what the gates said of them."""
        with self._lock:
            self._passed += passed
            self._refused += refused
            self._bar.update(self._images, advance=images, passed=self._passed, refused=self._refused)

    def finish(self) -> None:
        """End the drawing; calling it twice is fine."""
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.stop()
