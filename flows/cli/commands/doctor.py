"""Command doctor: findings about machine, settings, store and server, each with advice."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json

if TYPE_CHECKING:
    from infra.diagnosis import DiagnosticFinding

STATE_LABELS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "failed": ("failed", "red")}


def doctor(
    context: typer.Context,
    store: Annotated[
        str | None, typer.Option("--store", envvar="PACKSHOT_STORE", help="A store to write to, read from and clean up")
    ] = None,
    model: options.Model = None,
    policy: options.Policy = None,
    as_json: options.Json = False,
) -> None:
    """Check whether this machine, the store, the model and the Prefect server are fit for a run."""
    from flows.doctor import run_checks

    findings = run_checks(store, model, _option_variables(context), policy)
    failed = sum(finding.state == "failed" for finding in findings)
    if as_json:
        warnings = sum(finding.state == "warning" for finding in findings)
        print_json({"findings": [vars(finding) for finding in findings], "failed": failed, "warnings": warnings})
    else:
        _show_findings(findings)
    if failed:
        raise typer.Exit(3)


def _option_variables(context: typer.Context) -> set[str]:
    """Return every environment variable that some option of some command reads."""
    commands = getattr(context.find_root().command, "commands", {}).values()
    return {
        str(parameter.envvar)
        for command in commands
        for parameter in command.params
        if getattr(parameter, "envvar", None)
    }


def _show_findings(findings: "list[DiagnosticFinding]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=26, overflow="ellipsis")
    table.add_column(overflow="fold")
    for finding in findings:
        label, colour = STATE_LABELS[finding.state]
        description = Text(finding.found)
        if finding.advice and finding.state != "ok":
            description.append(f"\n→ {finding.advice}", style="bold")
        table.add_row(Text(label, style=colour), Text(finding.name), description)
    open_console().print(table)
