"""Command provenance: the marks of one image, and whether they are valid."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings

if TYPE_CHECKING:
    from tasks.maintenance.inspect_image import ImageProvenance


def provenance(
    picture: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A file, or s3://bucket/key")],
    store: Annotated[
        str | None,
        typer.Option("--store", envvar="PACKSHOT_STORE", help="A store in whose manifest the image is looked up"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Report which marks an image carries, whether its signature holds, and which image of a store it is."""
    from infra.provenance.certificates import load_trust_anchors
    from infra.provenance.image_input import read_image
    from infra.provenance.watermarks import registered_watermark
    from infra.public_links import public_link
    from infra.stores import open_store
    from infra.tables import open_tables
    from tasks.maintenance.inspect_image import find_manifest_rows, inspect_image
    from tasks.reporting.kept_in_words import tell_kept

    settings = read_settings()
    anchors = load_trust_anchors(settings.c2pa_trust) if settings.c2pa_trust else ""
    watermark = registered_watermark(settings.watermark) if settings.watermark else None
    inspection = inspect_image(read_image(picture), anchors, watermark)
    rows = (
        None
        if store is None
        else [
            {**asdict(row), "kept": tell_kept(row.kept), "url": public_link(settings.public_url, row.object)}
            for row in find_manifest_rows(open_store(store), open_tables(store), inspection)
        ]
    )
    document = _document(picture, inspection, rows) | {
        "watermark": None if watermark is None else {"name": watermark.name, "payload": inspection.watermark_payload}
    }
    if as_json:
        print_json(document)
    else:
        from flows.cli.views.provenance import show_provenance

        show_provenance(open_console(), document)
    if not inspection.has_valid_marks:
        raise typer.Exit(1)


def _document(file: str, inspection: "ImageProvenance", rows: list[dict[str, Any]] | None) -> dict[str, Any]:
    credential = inspection.c2pa
    return {
        "file": file,
        "format": inspection.format,
        "bytes": inspection.bytes,
        "sha256": inspection.sha256,
        "pixel_sha": inspection.pixel_sha,
        "marked": inspection.has_valid_marks,
        "xmp": {"source_type": inspection.source_type, "mode": inspection.mark.mode},
        "c2pa": {
            "present": credential.is_present,
            "holds": credential.is_valid,
            "trusted": credential.state == "trusted",
            **asdict(credential),
        },
        "problems": inspection.problems,
        "rows": rows,
    }
