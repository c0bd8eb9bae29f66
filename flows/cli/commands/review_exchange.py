"""Commands review export and review import: what waits and what was answered as CSV, or as tasks of Label Studio."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.commands.review_stats import Since, require_month
from flows.cli.commands.store import require_outside_store, resolve_catalogue
from flows.cli.console import open_console, print_json

if TYPE_CHECKING:
    from tasks.reviews.answer_exchange import AnswerImport

MAX_CELL = 100_000
"""Characters of one cell that are read."""
MAX_BAD_SHOWN = 5
ExchangeFile = Annotated[Path, typer.Argument(help="The file", show_default=False)]


def review_export(
    file: ExchangeFile,
    store: options.Store,
    catalogue: options.Catalogue = None,
    kind: Annotated[
        Literal["csv", "label-studio"], typer.Option("--format", help="csv, or the tasks that Label Studio imports")
    ] = "csv",
    answered: Annotated[
        bool, typer.Option("--answered", help="Export the answers that were given, and not what waits (CSV only)")
    ] = False,
    since: Since = "",
    as_json: options.Json = False,
) -> None:
    """Write what waits for people, or what they answered, to a file that is not there yet."""
    from catalogs.reviews.answer_csv import COLUMNS, item_cells
    from catalogs.reviews.label_studio import label_studio_task
    from flows.wiring.open_store import open_for_reading
    from tasks.reviews.answer_exchange import answered_rows, waiting_items

    _check_export(kind, answered, since)
    opened, tables = open_for_reading(store)
    require_outside_store("FILE", file, opened.url)
    name = resolve_catalogue(opened, catalogue)
    items = [] if answered else list(waiting_items(opened, tables, name))
    rows = list(answered_rows(opened, name, since)) if answered else [item_cells(item, opened.url) for item in items]
    try:
        with file.open("x", encoding="utf-8", newline="") as output:
            if kind == "csv":
                # A spreadsheet that splits at semicolons must not find a cell, and a formula, within another cell.
                writer = csv.DictWriter(output, list(COLUMNS), quoting=csv.QUOTE_ALL)
                writer.writeheader()
                writer.writerows(rows)
            else:
                json.dump([label_studio_task(item, opened.url) for item in items], output, indent=1, ensure_ascii=False)
    except FileExistsError:
        raise OptionError(f"FILE: {str(file)!r} is there already; give a name that is not") from None
    except OSError as error:
        raise OptionError(f"FILE: {str(file)!r} cannot be written ({error.strerror})") from None
    if as_json:
        print_json({"catalogue": name, "file": str(file), "format": kind, "rows": len(rows)})
    else:
        open_console().print(f"{len(rows):,} rows written", highlight=False)


def _check_export(kind: str, answered: bool, since: str) -> None:
    require_month(since)
    if answered and kind != "csv":
        raise OptionError("--answered: answers are exported as CSV only; leave out --format label-studio")
    if since and not answered:
        raise OptionError("--since: it chooses among answers; give --answered too, or leave it out")


def review_import(
    file: ExchangeFile,
    store: options.Store,
    catalogue: options.Catalogue = None,
    by: Annotated[str, typer.Option("--by", help="Who answered, where a row does not say it")] = "",
    override: Annotated[
        bool, typer.Option("--override", help="Rows may accept what a gate blocked: you answer for their scope")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good rows of a file that has bad ones, and name those")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Take the answers of a CSV file in: all of them, or none where a row is wrong."""
    from flows.wiring.open_store import open_for_reading
    from tasks.reviews.answer_exchange import AnswerImporter

    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    importer = AnswerImporter(opened, tables, name, may_override=override)
    found = importer.check(_read_rows(file), by)
    if found.bad and not skip_bad:
        raise OptionError(_name_bad_rows(file, found))
    written = importer.write(found.answers)
    document = {"catalogue": name, **asdict(written), "unanswered": found.unanswered}
    document |= {"bad": [{"line": bad.line, "reason": bad.reason} for bad in found.bad]}
    if as_json:
        print_json(document)
    else:
        _show(document)
    if found.bad:
        raise typer.Exit(1)


def _read_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with the line that it ends on. Raises `OptionError` for a file that is no such table."""
    from catalogs.reviews.answer_csv import BINDING_COLUMNS
    from tasks.reviews.answer_exchange import MAX_ROWS

    csv.field_size_limit(MAX_CELL)
    reader: csv.DictReader[str] | None = None
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            missing = [name for name in (*BINDING_COLUMNS, "kind") if name not in (reader.fieldnames or ())]
            if missing:
                raise OptionError(
                    f"FILE: {str(file)!r} has no column {missing[0]!r}; begin with `packshot review export`"
                )
            for number, row in enumerate(reader):
                if number == MAX_ROWS:
                    raise OptionError(f"FILE: {str(file)!r} has more than {MAX_ROWS:,} rows; split it")
                yield reader.line_num, {name: text for name, text in row.items() if isinstance(text, str)}
    except OSError as error:
        raise OptionError(f"FILE: {str(file)!r} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        at = f", after line {reader.line_num}" if reader is not None else ""
        raise OptionError(f"FILE: {str(file)!r} is no CSV in UTF-8{at} ({error})") from None


def _name_bad_rows(file: Path, found: "AnswerImport") -> str:
    shown = "; ".join(f"line {bad.line}: {bad.reason}" for bad in found.bad[:MAX_BAD_SHOWN])
    more = f"; and {len(found.bad) - MAX_BAD_SHOWN:,} more" if len(found.bad) > MAX_BAD_SHOWN else ""
    rows = "1 row" if len(found.bad) == 1 else f"{len(found.bad):,} rows"
    return (
        f"FILE: {rows} of {str(file)!r} cannot be imported, and nothing was: {shown}{more}."
        " Correct them, or give --skip-bad"
    )


def _show(document: dict[str, Any]) -> None:
    from flows.cli.views.reviews import UNTIL_AGREED
    from flows.cli.views.tables import print_line
    from tasks.reporting.formatting import printable

    console = open_console()
    again = f", {document['already_given']:,} given already" if document["already_given"] else ""
    print_line(
        console, f"{document['imported']:,} answers imported{again}, {document['unanswered']:,} rows without an answer"
    )
    if document["differing"]:
        print_line(console, f"People differ about {document['differing']:,} of them: {UNTIL_AGREED}.")
    bad: Iterable[dict[str, Any]] = document["bad"]
    for row in bad:
        print_line(console, ("left out  ", "yellow"), printable(f"line {row['line']}: {row['reason']}", 300))
