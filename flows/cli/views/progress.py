"""Progress of a run on the terminal.

Inputs: an observer's calls while a run works. Outputs: two moving lines on stderr, so that `--json` on stdout stays
clean; where stderr is no terminal (a log, cron), one plain line per stage and no control characters.
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

from flows.cli.console import open_console
from flows.run.observers import NullObserver
from tasks.reporting import formatting

PHOTOS_A_LINE, PHOTOS_A_SIGHT = 10_000, 10
"""Photos after which a log gets a line, and a terminal another number."""


class _ImageCounts(ProgressColumn):
    """Images done and planned, the share that was refused, the speed, and the time left."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis"))

    def render(self, task: Task) -> Text:
        """Return the text right of the bar."""
        texts = [f"{int(task.completed):,}/{int(task.total or 0):,}"]
        refused = task.fields["refused"]
        if refused:
            texts.append(f"{formatting.format_percent(refused / (refused + task.fields['passed']))} refused")
        if task.speed:
            texts.append(f"{task.speed:,.1f} images/s" if task.speed >= 1 else f"{1 / task.speed:.1f} s an image")
        if task.time_remaining and not task.finished:
            texts.append(f"{formatting.format_duration(task.time_remaining)} left")
        return Text("  ".join(texts))


class ProgressObserver(NullObserver):
    """Two lines on stderr while a run works: the stage, and a bar of images. Threads may share it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or open_console(stderr=True)
        self._is_interactive = self._console.is_terminal and not self._console.is_dumb_terminal
        self._bar = Progress(BarColumn(bar_width=14), _ImageCounts(), console=self._console, auto_refresh=False)
        self._images = self._bar.add_task("", total=None, visible=False, passed=0, refused=0)
        self._passed = self._refused = 0
        self._lock = Lock()
        self._stage, self._photos = "", 0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Start drawing, where there is a terminal."""
        if self._is_interactive:
            # stdout must stay as it is: redirecting it here would carry a report's JSON to stderr.
            self._live = Live(console=self._console, transient=True, redirect_stdout=False, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the two lines, also after an error."""
        self.finish()

    def on_wait(self, message: str) -> None:
        """Print it, above the two lines."""
        self._console.print(Text(formatting.printable(message, len(message)), "yellow"), soft_wrap=True)

    def on_stage(self, name: str) -> None:
        """Show the stage."""
        with self._lock:
            again, self._stage = name == self._stage, name
            if again:
                return
            if self._live is not None:
                self._show_line(name)
            elif not self._is_interactive:
                self._console.print(Text(formatting.printable(name)), soft_wrap=True)

    def on_photos_read(self, photos: int) -> None:
        """Show how many photos were asked for: beside the stage, or a line for each `PHOTOS_A_LINE` in a log."""
        with self._lock:
            before, self._photos = self._photos, self._photos + photos
            step = PHOTOS_A_LINE if not self._is_interactive else PHOTOS_A_SIGHT
            if self._photos // step == before // step:
                return
            if self._live is not None:
                self._show_line(f"{self._stage}: {self._photos:,} photos read")
            elif not self._is_interactive:
                self._console.print(Text(f"{self._photos:,} photos read"), soft_wrap=True)

    def _show_line(self, text: str) -> None:
        line = Table.grid(Column(), Column(no_wrap=True, overflow="ellipsis"), padding=(0, 1, 0, 0))
        line.add_row(Spinner("dots"), Text(formatting.printable(text)))
        if self._live is not None:
            self._live.update(Group(line, self._bar), refresh=True)

    def on_images_planned(self, images: int) -> None:
        """Show how many images there are to make; the number grows as new attempts are added."""
        self._bar.update(self._images, total=images, visible=images > 0)

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """Count images that are made, those that the gates passed, and those that they refused."""
        with self._lock:
            self._passed += passed
            self._refused += refused
            self._bar.update(self._images, advance=images, passed=self._passed, refused=self._refused)

    def finish(self) -> None:
        """Stop drawing. May be called twice."""
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            live.stop()
