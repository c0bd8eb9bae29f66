"""Commands releases, verify and sweep: maintenance of a store."""

from dataclasses import asdict
from pathlib import Path
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
    from flows.cli.views.store import show_held_batches, show_releases
    from flows.wiring.open_store import open_existing
    from tasks.runs.held_batches import list_held_batches
    from tasks.runs.release_history import list_known_catalogues, list_releases

    opened, tables = open_existing(store)
    listed = list_releases(tables, catalogue, opened, with_changes=changes)
    lines, now = [asdict(line) for line in listed], opened.now()
    names = [catalogue] if catalogue else list_known_catalogues(opened)
    held = [batch for name in names for batch in list_held_batches(opened, name)]
    if as_json:
        print_json({"releases": lines, "held": [batch.document(now) for batch in held]})
    else:
        show_releases(open_console(), lines)
        show_held_batches(open_console(), held, now)


def verify(
    store: options.StoreArgument,
    catalogue: options.Catalogue = None,
    since: Annotated[int | None, typer.Option("--since", help="Only images of later releases than this one")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Only this many images, always the same")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every file: its sha, its pixels, its marks")] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Prove again that products kept from photos are the photos'")
    ] = False,
    sku: Annotated[list[str] | None, typer.Option("--sku", help="With --kept: only this SKU; repeatable")] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="With --kept: how many; else one for each core")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check that every image of the current release is there, and is what the manifest says."""
    if kept:
        _verify_kept(store, catalogue, sample, sku or [], processes, as_json=as_json, others=deep or since is not None)
        return
    if sku or processes:
        raise OptionError("--sku and --processes: they go with --kept; give it too")
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


def _verify_kept(
    store: str,
    catalogue: str | None,
    sample: int | None,
    skus: list[str],
    processes: int | None,
    *,
    as_json: bool,
    others: bool,
) -> None:
    from flows.cli.views.kept_verification import proof_progress, show_kept_verification
    from flows.wiring.open_store import open_for_reading
    from tasks.maintenance.verify_kept import verify_kept

    if others:
        raise OptionError("--kept: it proves all live images, and goes without --deep and --since; give them alone")
    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    with proof_progress(open_console(stderr=True)) as progress:
        result = verify_kept(opened, tables, name, sample=sample, skus=skus, processes=processes, progress=progress)
    if as_json:
        print_json({**asdict(result), "sound": result.sound})
    else:
        show_kept_verification(open_console(), result)
    if not result.sound:
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


def require_outside_store(option: str, path: Path, store_url: str) -> None:
    """Raise `OptionError` for a file or folder to write within the store, which holds nothing but its own objects."""
    from infra.stores.addresses import lies_in_store

    if lies_in_store(path, store_url):
        raise OptionError(f"{option}: {str(path)!r} lies in the store {store_url}; give a place outside it")


def resolve_catalogue(store: "ObjectStore", name: str | None) -> str:
    """Return the named catalogue, or the only one where none is named. Raises `OptionError`."""
    from tasks.runs.release_history import list_known_catalogues

    catalogues = list_known_catalogues(store)
    if not catalogues:
        raise OptionError(
            f"--store: {store.url} holds no catalogue: nothing was published to it, and no run is open. Correct the"
            " address, or begin with `packshot refresh`"
        )
    if name is None and len(catalogues) == 1:
        return catalogues[0]
    if name not in catalogues:
        names = ", ".join(catalogues)
        raise OptionError(f"--catalogue: the store {store.url} has no {name!r}; it has {names}"
                          if name else f"--catalogue: say which; the store {store.url} has {names}")  # fmt: skip
    return name
