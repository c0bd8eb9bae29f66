"""How a command ends: its exit code, and at most one sentence on stderr.

Inputs: the command line's Typer application. Outputs: `SystemExit`. Every way out passes here, so that no message can
reach a terminal with control characters or credentials, and no defect can end with a traceback and exit code 1, which
means "done, but slots failed" to a scheduler.

    0    done
    1    done, but slots failed, the batch is held, or what was checked does not hold
    2    bad input, options or settings
    3    the world failed, or an unexpected error, whose traceback is in a file
    130  interrupted (Ctrl-C)
    141  whoever read stdout has gone (`packshot … | head`), as for a program that SIGPIPE ended
"""

import errno
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import typer

from catalogs.errors import InputError
from flows.cli.output_stream import OutputFailed, open_output_stream
from infra.errors import ExternalError, error_sentence
from infra.log_records import install_safe_log_records

INTERRUPTED, BROKEN_PIPE = 130, 141


def run_command_line(app: typer.Typer, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name (by default this process's), and exit."""
    install_safe_log_records()
    threading.excepthook = _record_thread_error
    sys.stdout = open_output_stream(sys.stdout)
    sys.stderr = sys.stderr or open_output_stream(None)
    code = _run(app, sys.argv[1:] if arguments is None else list(arguments))
    try:
        sys.stdout.flush()
    except OutputFailed as failure:
        code = _end_output(failure)
    raise SystemExit(code)


def _run(app: typer.Typer, arguments: list[str]) -> int:
    """Run the command and return its exit code. Typer's own `main` would end a broken pipe of any kind with code 1."""
    try:
        command = typer.main.get_command(app)
        with command.make_context("packshot", arguments) as context:
            command.invoke(context)
        return 0
    except typer.Exit as ending:
        return ending.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _end("Interrupted; give the same command again to go on", INTERRUPTED)
    except (InputError, ExternalError) as error:
        return _end(error, error.exit_code)
    except OutputFailed as failure:
        return _end_output(failure)
    except Exception as error:
        return _end_foreign_error(error)


def _end_foreign_error(error: Exception) -> int:
    """End with an error that no module translated: of the arguments' parser, of Prefect's client, or a defect."""
    if (usage := _usage_message(error)) is not None:
        return _end(*usage)
    if _is_prefect_unreachable(error):
        hint = "unset PREFECT_API_URL to use a local one"
        return _end(f"The Prefect server cannot be reached ({error}); {hint}", ExternalError.exit_code)
    return _end_unexpectedly(error)


def _usage_message(error: Exception) -> tuple[str, int] | None:
    """Return what the command line's parser says of wrong arguments; None for any other error."""
    format_message, exit_code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if not callable(format_message) or not isinstance(exit_code, int):
        return None
    message, context = str(format_message()).rstrip("."), getattr(error, "ctx", None)
    if message and context is not None:
        message += f" ({context.command_path} --help lists what there is)"
    return message, exit_code


def _is_prefect_unreachable(error: Exception) -> bool:
    # Prefect has no exception class for this: at the start of a flow run it raises a plain RuntimeError.
    is_startup_failure = isinstance(error, RuntimeError) and str(error).startswith("Failed to reach API at")
    return is_startup_failure or type(error).__module__.split(".")[0] in {"httpx", "httpcore"}


def _end_unexpectedly(error: BaseException) -> int:
    from infra.error_files import record_unexpected_error

    return _end(record_unexpected_error(error), ExternalError.exit_code)


def _end(message: object, exit_code: int) -> int:
    """Say why on stderr; an empty message (a command without arguments has shown its help) says nothing."""
    if not str(message):
        return exit_code
    with suppress(OSError):  # stderr may be gone too
        print(f"packshot: {error_sentence(message)}", file=sys.stderr)  # noqa: T201 - errors go to stderr
    return exit_code


def _end_output(failure: OutputFailed) -> int:
    if failure.errno == errno.EPIPE:
        return BROKEN_PIPE
    return _end(f"The output could not be written ({failure.strerror})", ExternalError.exit_code)


def _record_thread_error(failure: threading.ExceptHookArgs) -> None:
    """Keep the traceback of a thread that nobody waits for, and say so in one sentence."""
    if failure.exc_value is not None and not isinstance(failure.exc_value, SystemExit):
        _end_unexpectedly(failure.exc_value)
