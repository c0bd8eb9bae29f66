"""Commands releases, verify and sweep: maintenance of a store."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings

if TYPE_CHECKING:
    from infra.interfaces import ObjectStore


def releases(
    store: options.StoreArgument,
    catalogue: options.Catalogue = None,
    changes: Annotated[
        bool,
        typer.Option("--changes", help="Say what each release changed, and which show the same as the current one"),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """List the releases of a store, newest first, and which of them can be gone back to."""
    from flows.cli.views.store import show_releases
    from flows.wiring.open_store import open_for_reading
    from tasks.runs.release_history import list_releases

    opened, tables = open_for_reading(store)
    listed = list_releases(tables, catalogue, opened, with_changes=changes)
    lines = [asdict(line) for line in listed]
    if as_json:
        print_json({"releases": lines})
    else:
        show_releases(open_console(), lines)


def verify(
    store: options.StoreArgument,
    catalogue: options.Catalogue = None,
    since: Annotated[int | None, typer.Option("--since", help="Only images of later releases than this one")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Only this many images, always the same")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every file: its sha, its pixels, its marks")] = False,
    as_json: options.Json = False,
) -> None:
    """Check that every image of the current release is there, and is what the manifest says."""
    from flows.cli.views.store import show_verification
    from flows.wiring.open_store import open_for_reading
    from tasks.maintenance.verify import verify as verify_release

    opened, tables = open_for_reading(store)
    verification = verify_release(
        opened, tables, resolve_catalogue(opened, catalogue), since=since, sample=sample, deep=deep
    )
    if as_json:
        print_json(asdict(verification))
    else:
        show_verification(open_console(), verification)
    if not verification.sound:
        raise typer.Exit(1)


def sweep(
    store: options.StoreArgument,
    keep_releases: options.KeepReleases = None,
    dry_run: options.SweepDryRun = False,
    as_json: options.Json = False,
) -> None:
    """Delete what no kept release, outcome or open run needs, and nothing younger than a day."""
    from flows.cli.views.store import show_sweep
    from flows.purging import sweep_store

    parameters = options.parse_sweep_parameters(store=store, keep_releases=keep_releases, dry_run=dry_run)
    swept = sweep_store(parameters, read_settings())
    if as_json:
        print_json(asdict(swept))
    else:
        show_sweep(open_console(), swept)


def resolve_catalogue(store: "ObjectStore", name: str | None) -> str:
    """Return the named catalogue, or the only one where none is named. Raises `OptionError`."""
    from tasks.runs.release_history import list_catalogues

    catalogues = list_catalogues(store)
    if name is None and len(catalogues) == 1:
        return catalogues[0]
    if name not in catalogues:
        names = ", ".join(catalogues) or "none"
        raise OptionError(f"--catalogue: the store {store.url} has no {name!r}; it has {names}"
                          if name else f"Say which --catalogue; the store {store.url} has {names}")  # fmt: skip
    return name
