"""Reference pages of the command line: commands, settings, errors and exit codes."""

import contextlib
import inspect
import io
from collections.abc import Iterator
from typing import Any

import typer
from markdown_tables import code, sentence, table
from model_pages import annotation_text, field_row

import catalogs.errors
import flows.cli
import infra.errors
from flows.cli.exit_codes import run_command_line
from infra.settings import Settings

# The command line


def cli() -> str:
    """Return the page of all commands."""
    root = typer.main.get_command(flows.cli.app)
    parts = [
        "# Command line",
        "`packshot COMMAND --help` prints the same. Commands that report take `--json` and then print one JSON document"
        " and nothing else. Exit codes: [errors and exit codes](errors-and-exit-codes.md). An option with a variable"
        " takes its value from there when it is not given.",
    ]
    commands = list(_commands(root, "packshot"))
    parts.append(table(("command", "what it does"), [(_link(name), sentence(c.help)) for name, c in commands]))
    parts += [_command_section(name, command) for name, command in commands]
    return "\n\n".join(parts)


def _link(name: str) -> str:
    return f"[`{name}`](#{name.replace(' ', '-')})"


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield f"{name} {word}", command
            yield from _commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def _command_section(name: str, command: Any) -> str:
    shown = [one for one in command.params if one.name != "help"]
    parts = [f"## {name}", inspect.cleandoc(command.help or "")]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    parts.append(code(" ".join([name, *(_usage(one) for one in arguments), *(["[OPTIONS]"] if options else [])])))
    if shown:
        rows = [(_names(one), _type(one), _default(one), code(one.envvar or ""), one.help or "") for one in shown]
        parts.append(table(("argument or option", "type", "default", "variable", "meaning"), rows))
    return "\n\n".join(parts)


def _usage(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    name = f"{name}..." if argument.nargs == -1 else name
    return name if argument.required else f"[{name}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return code(parameter.metavar or parameter.name.upper())
    return ", ".join(code(name) for name in (*parameter.opts, *parameter.secondary_opts))


def _type(parameter: Any) -> str:
    name = "switch" if parameter.param_type_name == "option" and parameter.is_flag else ""
    name = name or annotation_text(parameter.type_descriptor.annotation)
    limits = [f"{word} {value}" for word, value in (("at least", parameter.min), ("at most", parameter.max)) if value]
    repeatable = ["repeatable"] if getattr(parameter, "multiple", False) or parameter.nargs == -1 else []
    return ", ".join([name.removeprefix("list of "), *limits, *repeatable])


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None or value is False or value in ([], ()) or callable(value):
        return ""
    return code("on" if value is True else value)


# Settings


def settings() -> str:
    """Return the page of all PACKSHOT_* settings."""
    rows = [field_row(f"PACKSHOT_{name.upper()}", field) for name, field in Settings.model_fields.items()]
    root = typer.main.get_command(flows.cli.app)
    options = {
        one.envvar: (code(one.envvar), code(one.opts[0]), one.help or "")
        for _, command in _commands(root, "packshot")
        for one in command.params
        if getattr(one, "envvar", None) and one.param_type_name == "option"
    }
    return "\n\n".join(
        [
            "# Settings",
            "Environment variables that say where and how fast. None of them reaches a request key, a digest or a pixel"
            " (a test moves each one and sees no key move); what changes pixels is the [recipe](recipe.md)."
            " Credentials come from the standard `AWS_*` variables or from Prefect blocks, never from these.",
            table(("variable", "type", "default", "meaning"), rows),
            "## Variables that stand for options",
            "These are read where the option is not given. `--recipe`, `--engine`, `--model`, `--precision` and"
            " `--catalogue` stand for recipe fields: they are hashed or they name something.",
            table(("variable", "option", "meaning"), [options[name] for name in sorted(options)]),
        ]
    )


# Errors

EXIT_CODES = (
    (0, "done"),
    (
        1,
        "done, but slots failed or the batch is held; for commands that check (`verify`, `provenance`, `engine verify`,"
        " `engine promote`, `review list --check`): the check did not pass; for `review import --skip-bad`: rows were"
        " left out",
    ),
    (2, "bad input: a file, a column, a value, an option or a setting"),
    (3, "the outside world failed: a store, a GPU, a server; or an unexpected error"),
    (130, "interrupted by Ctrl-C; the same command goes on where it ended (`review`, `gallery` and `up` end with 0)"),
    (141, "whoever read stdout has gone, as behind a pipe into `head`"),
)


def errors() -> str:
    """Return the page of exit codes and error classes."""
    rows = []
    for module in (catalogs.errors, infra.errors):
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == module.__name__:
                parent = kind.__mro__[1].__name__
                again = "yes" if getattr(kind, "transient", False) else ""
                rows.append((code(kind.__name__), code(parent), exit_code_of(kind), again, sentence(kind.__doc__)))
    return "\n\n".join(
        [
            "# Errors and exit codes",
            table(("exit code", "meaning"), EXIT_CODES),
            "Every error below ends a command with one sentence on stderr that names the file, column, setting or"
            " key. Whatever else goes wrong is an `UnexpectedError`: its traceback, without local variables and"
            " credentials, is in a file that only you can read, below `~/.local/state/packshot/errors`"
            " (`XDG_STATE_HOME`); the newest 50 are kept. In every sentence, log line and traceback control"
            " characters are shown as `\\x1b`, and passwords, queries of URLs and the values of secret variables"
            " are cut. The trees are drawn in `catalogs/errors.py` (the input is wrong) and `infra/errors.py` (the"
            " outside world is wrong). The exit code in this table was found by raising each error through the"
            " command line. Transient: the same call may succeed a moment later, so the retry policy"
            " (`infra/stores/retry.py`) repeats it.",
            table(("error", "is a", "exit code", "transient", "meaning"), rows),
        ]
    )


def exit_code_of(kind: type[Exception]) -> int:
    """Return the exit code with which the command line ends when this error is raised."""

    def fail() -> None:
        raise kind("The reference asks.")

    app = typer.Typer()
    app.command()(fail)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            run_command_line(app, [])
    except SystemExit as end:
        return int(end.code or 0)
