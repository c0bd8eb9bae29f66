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
    """Return the terminal."""
    from rich.console import Console

    return Console()


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout, and nothing else."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1, default=str))


def read_settings() -> "Settings":
    """Return the PACKSHOT_* settings, or say which is wrong."""
    from catalogs.rule_files import first_field_error
    from infra.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = first_field_error(error)
        name = f"PACKSHOT_{str(first.path[0]).upper()}"
        raise SettingsError(f"{name}: {first.message}; it was {first.value!r}") from None
