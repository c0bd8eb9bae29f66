"""Console of the commands: the terminal, JSON on stdout, and the settings, read with a clear error."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError

from catalogs.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings import Settings


def open_console() -> "Console":
    """Return a console that writes to stdout."""
    from rich.console import Console

    return Console()


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, and nothing else."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1, default=str))


def read_settings() -> "Settings":
    """Return the PACKSHOT_* settings. Raises `SettingsError`, which names the first invalid variable."""
    from catalogs.rule_files import first_field_error
    from infra.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        field_error = first_field_error(error)
        name = f"PACKSHOT_{str(field_error.path[0]).upper()}"
        raise SettingsError(f"{name}: {field_error.message}; it was {field_error.value!r}") from None
