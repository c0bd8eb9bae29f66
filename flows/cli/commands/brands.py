"""Commands brands list, add and remove: which brands a shop sells, by which rows without a brand are judged."""

from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings

brands_app = typer.Typer(name="brands", help="List and change the brands that a shop sells.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(help="Brands of the policy in force", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the fact")]


@brands_app.command("list")
def list_(store: options.Store, catalogue: options.Catalogue = None, as_json: options.Json = False) -> None:
    """List which brands the shop sells, the newest fact first: since when, from what, who changed it and why."""
    from flows.cli.views.brands import show_shop_brands
    from flows.shop_brand_changes import list_shop_brands
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    listed = list_shop_brands(opened, tables, resolve_catalogue(opened, catalogue))
    if as_json:
        print_json(listed)
    else:
        show_shop_brands(open_console(), listed)


@brands_app.command()
def add(
    brands: Names,
    store: options.Store,
    reason: Reason,
    catalogue: options.Catalogue = None,
    as_json: options.Json = False,
) -> None:
    """Record that the shop sells these brands; rows that wait because of them are judged again by the next refresh."""
    _change(store, catalogue, reason, add=brands, as_json=as_json)


@brands_app.command()
def remove(
    brands: Names,
    store: options.Store,
    reason: Reason,
    catalogue: options.Catalogue = None,
    as_json: options.Json = False,
) -> None:
    """Record that the shop sells these brands no more, and that no run learns them again; live images stay."""
    _change(store, catalogue, reason, remove=brands, as_json=as_json)


def _change(
    store: str,
    catalogue: str | None,
    reason: str,
    *,
    add: list[str] | None = None,
    remove: list[str] | None = None,
    as_json: bool,
) -> None:
    from flows.cli.views.brands import show_change
    from flows.run.job_policy import current_person
    from flows.shop_brand_changes import ShopBrandsChange, change_shop_brands
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    change = ShopBrandsChange(add or (), remove or (), reason, current_person())
    changed = change_shop_brands(opened, tables, name, change, read_settings())
    if as_json:
        print_json(changed)
    else:
        show_change(open_console(), changed)
