"""Command review apply: take people's answers now, and publish what they accepted."""

from typing import Annotated

import typer

from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings


def apply(
    store: options.Store,
    catalogue: options.Catalogue = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would be done, and do nothing")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for another run of the catalogue, or fail at once")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Take people's answers now: publish what was accepted, remember what was refused, withdraw refused live images.

    What needs an engine or the catalogue, such as another attempt, waits for the next refresh and is named.
    """
    from flows.cli.views.reviews import show_applied
    from flows.cli.views.store import show_warnings
    from flows.purging import purge_amendments
    from flows.review_apply import apply_answers, preview_answers
    from flows.run.executors import open_thread_executor
    from flows.wiring.composition import open_publishing_resources
    from flows.wiring.open_store import open_for_reading

    warnings: list[str] = []
    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    if dry_run:
        applied = preview_answers(opened, tables, name)
    else:
        settings = read_settings()
        resources = open_publishing_resources(store, settings)
        with open_thread_executor() as executor:
            applied = apply_answers(resources, name, settings, executor, wait=wait)
        warnings = purge_amendments(opened, tables, name, settings)
    document = {**applied.document(), "warnings": warnings}
    if as_json:
        print_json(document)
    else:
        _show_run(document, opened.url)
        show_applied(open_console(), document)
        show_warnings(open_console(), warnings)
    if applied.held:
        raise typer.Exit(1)


def _show_run(document: dict[str, object], store_url: str) -> None:
    from catalogs import layout
    from catalogs.runs.report_schema import RunReport
    from flows.cli.views.reports import show_report

    report = document["run"]
    if isinstance(report, dict):
        page = f"{store_url.rstrip('/')}/{layout.RunFiles(report['run_id']).report_page}"
        show_report(open_console(), RunReport.from_json(report), page)
