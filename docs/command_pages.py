"""Reference pages that come from imported objects: commands, settings, recipe and policy fields, errors."""

import contextlib
import inspect
import io
import types
import typing
from collections.abc import Iterator
from typing import Any

import typer
from markdown_tables import code, sentence, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import catalogs.errors
import flows.cli
import infra.errors
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
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
    name = name or _annotation(parameter.type_descriptor.annotation)
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


# Settings, recipe, policy


def settings() -> str:
    """Return the page of all PACKSHOT_* settings."""
    rows = [_field_row(f"PACKSHOT_{name.upper()}", field) for name, field in Settings.model_fields.items()]
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


def recipe() -> str:
    """Return the page of the recipe's fields."""
    intro = (
        "# Recipe\n\nA recipe is one YAML file that holds everything that changes the pixels, and how the catalogue's"
        " columns are read. Unknown fields are refused. Start from `catalogs/data/recipes/default.yaml`; what each part"
        " is for stands in [your own catalogue](../start/your-own-catalogue.md)."
    )
    return "\n\n".join([intro, *_model_sections(Recipe)])


def policy() -> str:
    """Return the page of the policy's fields."""
    intro = (
        "# Policy\n\nA policy is one YAML file that holds everything that decides: scanners, words, thresholds,"
        " duplicates, the audit. A file that begins with `extends: default` (or `extends: rehearsal`) says only what"
        " differs. The built-in one is `catalogs/data/policy.yaml`; how to change one:"
        " [policies](../guides/policies.md); codes that it writes: [reason codes](reason-codes.md)."
    )
    return "\n\n".join([intro, *_model_sections(Policy)])


def _model_sections(root: type[BaseModel]) -> list[str]:
    sections = []
    for model in _reachable_models(root):
        rows = [_field_row(name, field) for name, field in model.model_fields.items()]
        sections.append(f"## {model.__name__}\n\n{sentence(model.__doc__)}")
        sections.append(table(("field", "type", "default", "meaning"), rows))
    return sections


def _field_row(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    return code(name), _annotation(field.annotation, field), _field_default(field), field.description or ""


def _reachable_models(root: type[BaseModel]) -> list[type[BaseModel]]:
    models, queue = [], [root]
    while queue:
        model = queue.pop(0)
        if model not in models:
            models.append(model)
            for field in model.model_fields.values():
                queue += _models_in(field.annotation)
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in typing.get_args(annotation) for model in _models_in(one)]


def _annotation(annotation: Any, field: FieldInfo | None = None) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _annotation(arguments[0])
    if origin is typing.Literal:
        return " or ".join(str(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_annotation(one) for one in arguments if one is not type(None))
    if origin is tuple or origin is list:
        return f"list of {_annotation(arguments[0])}"
    if origin is dict:
        return f"mapping of {_annotation(arguments[0])} to {_annotation(arguments[1])}"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "Path": "path"}
    text = names.get(annotation.__name__, annotation.__name__)
    return text + (f", {limits}" if field is not None and (limits := _limits(field)) else "")


def _limits(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
    return ", ".join(
        f"{word} {value:g}"
        for one in field.metadata
        for name, word in words.items()
        if (value := getattr(one, name, None)) is not None
    )


def _field_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel) or value in ({}, (), ""):
        return ""
    if isinstance(value, dict):
        return ", ".join(code(name) for name in value)
    if isinstance(value, tuple):
        return ", ".join(code(one) for one in value)
    return code(str(value).lower() if isinstance(value, bool) else value)


# Errors

EXIT_CODES = (
    (0, "done"),
    (
        1,
        "done, but slots failed or the batch is held; for commands that check (`verify`, `provenance`, `engine verify`,"
        " `engine promote`): the check did not pass",
    ),
    (2, "bad input: a file, a column, a value, an option or a setting"),
    (3, "the outside world failed: a store, a GPU, a server"),
)


def errors() -> str:
    """Return the page of exit codes and error classes."""
    rows = []
    for module in (catalogs.errors, infra.errors):
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == module.__name__:
                parent = kind.__mro__[1].__name__
                rows.append((code(kind.__name__), code(parent), exit_code_of(kind), sentence(kind.__doc__)))
    return "\n\n".join(
        [
            "# Errors and exit codes",
            table(("exit code", "meaning"), EXIT_CODES),
            "Every error below ends a command with one sentence on stderr that names the file, column, setting or key."
            " An unexpected exception prints its traceback. The trees are drawn in `catalogs/errors.py` (the input is"
            " wrong) and `infra/errors.py` (the outside world is wrong). The exit code in this table was found by"
            " raising each error through the command line.",
            table(("error", "is a", "exit code", "meaning"), rows),
        ]
    )


def exit_code_of(kind: type[Exception]) -> int:
    """Return the exit code with which the command line ends when this error is raised."""

    def fail(**_: Any) -> None:
        raise kind("The reference asks.")

    original = flows.cli.app
    flows.cli.app = fail  # type: ignore[assignment]
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            flows.cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        flows.cli.app = original
    raise AssertionError(f"{kind.__name__} does not end the command line")
