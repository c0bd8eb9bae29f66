"""Command why: the story of one SKU, from the store alone."""

from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings


def why(
    sku: Annotated[str, typer.Argument(help="The SKU, as the catalogue says it")],
    store: options.Store,
    catalogue: options.Catalogue = None,
    as_json: options.Json = False,
) -> None:
    """Say why a SKU shows what it shows: its images, attempts, refusals, and what the next run will do."""
    from flows.cli.views.sku_story import show_story
    from flows.wiring.open_store import open_for_reading
    from infra.public_links import public_link
    from tasks.reporting.sku_story import tell_story

    opened, tables = open_for_reading(store)
    story = tell_story(opened, tables, resolve_catalogue(opened, catalogue), sku)
    for slot in story["slots"]:
        if slot["live"] is not None:
            slot["live"]["url"] = public_link(read_settings().public_url, slot["live"]["object"])
    if as_json:
        print_json(story)
    else:
        show_story(open_console(), story)
