"""Standard output whose failure is told apart from every other OSError: a reader that has gone, a full disk.

Inputs: a text stream over a file descriptor. Outputs: an equal one, which raises `OutputFailed` and encodes every text.
Without it a broken pipe of a socket to a store and `packshot … | head` look the same, and the interpreter's own last
flush would end a finished run with a traceback and code 120.
"""

import io
import os
from contextlib import suppress
from typing import Any, TextIO


class OutputFailed(OSError):
    """Standard output cannot be written."""


class _OutputFile(io.FileIO):
    """A file descriptor that stays silent after its first failure, which is raised once."""

    failed = False

    def write(self, data: Any, /) -> int:
        if self.failed:
            return len(data)
        try:
            return super().write(data) or 0
        except OSError as error:
            self.failed = True
            raise OutputFailed(error.errno, error.strerror) from None


def open_output_stream(stream: TextIO | None) -> TextIO:
    """Return a stream to write to in place of `stream`; `stream` itself where it has no descriptor (a test's).

    None stands for a stream that the caller has closed (`>&-`): what is written is discarded.
    """
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for the life of the process
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream
    with suppress(OSError):
        stream.flush()
    file = _OutputFile(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        errors="backslashreplace",  # a terminal of few characters must not end a run that has published
        line_buffering=os.isatty(descriptor),
    )
