"""Command upgrade: bring an older store to the layout of this Packshot, or say what that would do."""

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json


def upgrade(
    store: options.StoreArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing")] = False,
    as_json: options.Json = False,
) -> None:
    """Bring an older store to this version's layout; the first refresh does the same by itself."""
    from rich.text import Text

    from flows.wiring.open_store import require_store
    from infra.stores import open_store
    from infra.tables import open_tables
    from tasks.maintenance.upgrade import upgrade as upgrade_store

    opened = open_store(store)
    require_store(opened)
    result = upgrade_store(opened, open_tables(store), dry_run=dry_run)
    if as_json:
        print_json({**asdict(result), "needed": result.needed})
        return
    lines = [f"{result.store} has layout {result.layout}, which is this version's: nothing to do."]
    if result.needed:
        became = "would become" if dry_run else "became"
        lines = [f"{result.store}: layout {result.layout_before} {became} {result.layout}."]
        lines += [f"  {action}" for action in result.actions or ("nothing but to record the layout",)]
    console = open_console()
    for line in lines:
        console.print(Text(line), soft_wrap=True)
