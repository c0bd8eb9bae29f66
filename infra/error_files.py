"""Tracebacks of unexpected errors, kept in files: a person gets one sentence, and whoever mends it the rest.

Inputs: an exception. Outputs: a file below the user's own state folder (`XDG_STATE_HOME`, by default
`~/.local/state/packshot/errors`), readable by its owner alone. Invariants: a traceback holds no local variables and no
credentials; the newest `MAX_FILES` are kept and the writer removes older ones, so that years of nights fill no disk;
a folder that cannot be written costs the file, never the sentence.
"""

import os
import secrets
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from infra.errors import UnexpectedError, one_line
from infra.log_records import format_traceback, safe_lines

MAX_FILES = 50
"""Files that are kept: a month of nights that all fail, with a child or two each."""
MAX_FILE_CHARACTERS = 100_000
_SUFFIX = ".txt"


def error_folder() -> Path:
    """Return the folder of this user's tracebacks."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "packshot" / "errors"


def record_unexpected_error(error: BaseException) -> UnexpectedError:
    """Keep an error's traceback, and return the error that says where: one sentence for a person.

    Never raises: where no file can be written, the sentence says so.
    """
    what = one_line(error) if str(error).strip() else ""
    name = "Memory ran out" if isinstance(error, MemoryError) else f"Unexpected error: {type(error).__name__}"
    sentence = f"{name}: {what}" if what else name
    try:
        place = f"its traceback is in {_write_error_file(error)}"
    except Exception as failure:
        place = f"its traceback could not be kept ({one_line(failure)})"
    return UnexpectedError(f"{sentence}; {place}. Try again, and report the file if it ends so again.")


def _write_error_file(error: BaseException) -> Path:
    folder = error_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{os.getpid()}-{secrets.token_hex(3)}{_SUFFIX}"
    text = safe_lines(f"{_heading()}\n\n{format_traceback(error)}\n", MAX_FILE_CHARACTERS)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    _remove_old_files(folder)
    return path


def _heading() -> str:
    # The command's name alone: its arguments may be anything, and the flow run or the shell's history has them.
    words = sys.argv[1:2] if sys.argv[1:2] and sys.argv[1].isidentifier() else []
    return " ".join(["packshot", *words, f"on Python {sys.version.split()[0]}"])


def _remove_old_files(folder: Path) -> None:
    """Remove all but the newest files; names begin with the time. Another process may be removing the same ones."""
    for path in sorted(folder.glob(f"*{_SUFFIX}"))[:-MAX_FILES]:
        with suppress(OSError):
            path.unlink()
