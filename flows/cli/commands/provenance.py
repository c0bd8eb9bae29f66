"""provenance: what one picture says of where it comes from, and whether it may be believed."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli import options
from flows.cli.console import console, print_json, read_settings

if TYPE_CHECKING:
    from tasks.maintenance.inspect_image import Provenance


def provenance(
    picture: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A file, or s3://bucket/key")],
    store: Annotated[
        str | None, typer.Option("--store", envvar="PACKSHOT_STORE", help="A store whose rows it is looked for in")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say which marks a picture carries, whether its signature holds, and which picture of a store it is."""
    from infra.provenance.certificates import load_anchors
    from infra.provenance.image_input import read_picture
    from infra.provenance.watermarks import registered_watermark
    from infra.stores import open_store
    from infra.tables import open_tables
    from tasks.maintenance.inspect_image import look_at_picture, owners

    settings = read_settings()
    anchors = load_anchors(settings.c2pa_trust) if settings.c2pa_trust else ""
    watermark = registered_watermark(settings.watermark) if settings.watermark else None
    found = look_at_picture(read_picture(picture), anchors, watermark)
    rows = None if store is None else [asdict(row) for row in owners(open_store(store), open_tables(store), found)]
    document = _document(picture, found, rows) | {
        "watermark": None if watermark is None else {"name": watermark.name, "payload": found.hidden}
    }
    if as_json:
        print_json(document)
    else:
        from flows.cli.views.reports import show_provenance

        show_provenance(console(), document)
    if not found.marked:
        raise typer.Exit(1)


def _document(picture: str, found: "Provenance", rows: list[dict[str, Any]] | None) -> dict[str, Any]:
    credential = found.c2pa
    return {
        "file": picture,
        "format": found.format,
        "bytes": found.bytes,
        "sha256": found.sha256,
        "pixel_sha": found.pixel_sha,
        "marked": found.marked,
        "xmp": {"source_type": found.source_type},
        "c2pa": {
            "present": credential.present,
            "holds": credential.holds,
            "trusted": credential.state == "trusted",
            **asdict(credential),
        },
        "problems": found.problems,
        "rows": rows,
    }
