"""Commands of the gallery: what releases show, in a browser, or copied into a folder."""

from pathlib import Path
from typing import Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options, serving
from flows.cli.commands.store import require_outside_store, resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings

DEFAULT_SAMPLE = 500

gallery_app = typer.Typer(
    name="gallery",
    help="Look at what releases show, read only: in a browser, or as a folder that opens from a disk.",
    invoke_without_command=True,
)


@gallery_app.callback()
def gallery(
    context: typer.Context,
    store: Annotated[str | None, options.option("store")] = None,
    catalogue: serving.Catalogues = None,
    host: serving.Host = serving.DEFAULT_HOST,
    port: serving.Port = serving.DEFAULT_PORT,
    public_url: serving.PublicUrl = None,
    trust_header: serving.TrustHeader = None,
    proxy: serving.Proxy = None,
    header_scopes: serving.HeaderScopes = None,
    open_: serving.Open = False,
    as_json: options.Json = False,
) -> None:
    """Look at what releases show: without a command in a browser, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    if store is None:
        raise OptionError("--store: say whose releases are to be shown; `packshot gallery --help` lists the commands.")
    from flows.web.gallery.gallery_routes import gallery_part

    where = serving.ServingOptions(host, port, public_url, trust_header, proxy or (), header_scopes)
    parts = [gallery_part(read_settings().public_url)]
    served = serving.Serving(store, catalogue or (), lambda: parts, read_only=True)
    serving.serve_until_ended(served, where, opens=open_, as_json=as_json)


@gallery_app.command()
def export(
    store: options.Store,
    out: Annotated[Path, typer.Option("--out", help="The folder to write; it must not be there, or be empty")],
    catalogue: options.Catalogue = None,
    release: Annotated[int | None, typer.Option("--release", min=1, help="This release; by default the newest")] = None,
    sku: Annotated[list[str] | None, typer.Option("--sku", help="All images of this SKU; may be repeated")] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, help=f"This many images, always the same; {DEFAULT_SAMPLE} without --sku"),
    ] = None,
    photos: Annotated[
        bool,
        typer.Option("--photos", help="Also small copies of the shop's photos whose products are kept"),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Copy images of a release into a folder that opens from a disk, without a server or a network."""
    from flows.cli.views.gallery import show_export
    from flows.wiring.open_store import open_for_reading
    from tasks.gallery.export_selection import select_sample, select_skus
    from tasks.gallery.gallery import Gallery
    from tasks.gallery.gallery_export import export_gallery

    if sku and sample is not None:
        raise OptionError("--sample: give either --sku or --sample.")
    opened, tables = open_for_reading(store)
    require_outside_store("--out", out, opened.url)
    shown = Gallery(opened, tables, resolve_catalogue(opened, catalogue))
    found = shown.releases.find(release)
    if found is None:
        raise OptionError(_tell_kept(release, [kept.version for kept in shown.releases.all()], shown.catalogue))
    index = shown.index(found)
    selection = select_skus(index, sku) if sku else select_sample(index, sample or DEFAULT_SAMPLE)
    exported = export_gallery(shown, found, selection, out, photos=photos)
    if as_json:
        print_json(exported.document())
    else:
        show_export(open_console(), exported)


def _tell_kept(release: int | None, kept: list[int], catalogue: str) -> str:
    if not kept:
        return f"--catalogue: {catalogue!r} has no release yet, so there is nothing to export."
    return f"--release: {release} is not kept; there is {', '.join(map(str, kept))}."
