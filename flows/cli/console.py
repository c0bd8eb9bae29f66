"""Console of the commands: the terminal, JSON and YAML on stdout, and the settings, read with a clear error.

Inputs: what a command has to say. Outputs: visible text. Commands write through here alone (a test holds it), so that a
text of a catalogue, a file name or a server's answer never moves a cursor, and none of them has to remember that.
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import typer
from pydantic import SecretStr, ValidationError

from catalogs.errors import SettingsError
from infra.errors import MAX_SENTENCE_CHARACTERS
from infra.visible_text import escape_in_json, has_hidden_characters, printable

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings import Settings


def open_console(*, stderr: bool = False) -> "Console":
    """Return a console that writes to stdout, or to stderr, and lets no control character of a text through."""
    from flows.cli.views.visible_console import VisibleConsole

    return VisibleConsole(stderr=stderr)


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, and nothing else: exact for a program, visible on a terminal.

    Times are written as ISO 8601 has them, and what else JSON does not know as text.
    """
    typer.echo(escape_in_json(json.dumps(document, ensure_ascii=False, indent=1, default=_json_value)))


def print_yaml(document: Mapping[str, Any]) -> None:
    """Print one YAML document on stdout, and nothing else, likewise."""
    import yaml

    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    if has_hidden_characters(text):
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=False)
    typer.echo(text, nl=False)


def print_file(text: str) -> None:
    """Print a packaged file as it is, so that a copy of it is that file."""
    typer.echo(text, nl=False)


def print_progress(message: str) -> None:
    """Print progress on stderr, so that stdout holds only the result."""
    typer.echo(f"{printable(message, MAX_SENTENCE_CHARACTERS)} …", err=True)


def read_settings() -> "Settings":
    """Return the PACKSHOT_* settings. Raises `SettingsError`, which names the first invalid variable."""
    from catalogs.rule_files import first_field_error
    from infra.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        field_error = first_field_error(error)
        name = f"PACKSHOT_{str(field_error.path[0]).upper()}"
        raise SettingsError(f"{name}: {field_error.message}{_shown_value(field_error.value)}") from None


def _json_value(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)  # a datetime is a date too


def _shown_value(value: object) -> str:
    """Return how an error repeats a setting's value; nothing where it may hold a user, a password or a key."""
    return "" if isinstance(value, SecretStr) or set("@?") & set(str(value)) else f"; it was {value!r}"
