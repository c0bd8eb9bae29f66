"""Log records whose text is safe to show: every logger and handler of the process, the libraries' ones included.

Inputs: none; `install_safe_log_records` is called where a process of ours begins. Outputs: log lines, tracebacks too,
without control characters and credentials. It sits where records are made, and not in a handler: Prefect, Ray and
the standard library's last resort have handlers of their own, and a careless message meets all of them.
"""

import logging
import traceback
from typing import Any

from infra.redaction import redact
from infra.visible_text import visible_lines

OWN_LOGGERS = ("packshot", "flows", "tasks", "infra", "catalogs")
MAX_RECORD_CHARACTERS = 20_000
"""How much of one message or traceback a line holds; a message may quote a catalogue's value of a megabyte."""


class SafeLogRecord(logging.LogRecord):
    """A record whose message and traceback are visible text without credentials."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        error = self.exc_info[1] if self.exc_info else None
        if error is not None:
            # Formatters take this text where it is set, and make no other.
            self.exc_text = safe_lines(format_traceback(error))

    def getMessage(self) -> str:  # noqa: N802 - logging's own name
        """Return the message: one line where it is ours, lines where a library writes several."""
        text = safe_lines(super().getMessage())
        return text.replace("\n", " ") if self.name.partition(".")[0] in OWN_LOGGERS else text


def install_safe_log_records() -> None:
    """Let all loggers of this process make safe records from now on, of warnings too. May be called repeatedly."""
    logging.captureWarnings(True)
    logging.setLogRecordFactory(SafeLogRecord)


def format_traceback(error: BaseException) -> str:
    """Return an exception's traceback with its causes, and without local variables: they may hold secrets."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format()).rstrip()


def safe_lines(text: str, limit: int = MAX_RECORD_CHARACTERS) -> str:
    """Return text with its line breaks, visible and without credentials; of a longer one beginning and end."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}\n…\n{text[-limit // 2 :]}"
    return visible_lines(redact(text))
