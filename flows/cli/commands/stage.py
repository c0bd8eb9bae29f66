"""Commands of `packshot stage`: the libraries of empty scenes on which photos' products are placed."""

from pathlib import Path
from typing import Annotated

import typer

from catalogs.stages.stage import StageState
from flows.cli import options
from flows.cli.commands.stage_offers import add, make
from flows.cli.console import open_console, print_json, read_settings

stage_app = typer.Typer(
    name="stage", help="Keep libraries of empty scenes on which photos' products are placed.", no_args_is_help=True
)

Names = Annotated[list[str], typer.Argument(help="Stages: names, or beginnings of their digests", show_default=False)]
Library = Annotated[str, typer.Option("--library", help="The library: recipes name it as `photo: {stages: NAME}`")]
Who = Annotated[str | None, typer.Option("--by", help="Who says so; by default the user of this computer")]


@stage_app.command("list")
def list_stages(
    store: options.Store,
    library: Annotated[str | None, typer.Option("--library", help="Only this library; by default all")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a page that shows each picture with its drop zone")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List stages: what each is called, its state, size, categories and light, and what the gates doubt."""
    from flows.cli.views.stages import show_libraries
    from flows.wiring.open_store import open_existing
    from tasks.reporting.stage_sheet import write_stage_sheet
    from tasks.stages.stage_libraries import list_libraries, read_library

    opened, _ = open_existing(store)
    libraries = [read_library(opened, name) for name in ([library] if library else list_libraries(opened))]
    if sheet is not None:
        write_stage_sheet(opened, libraries, sheet)
    if as_json:
        shown = [{**each.document(), "number": each.number} for each in libraries]
        print_json({"libraries": shown, "sheet": None if sheet is None else str(sheet)})
    else:
        show_libraries(open_console(), libraries, sheet)


@stage_app.command()
def approve(
    names: Names, library: Library, store: options.Store, by: Who = None, as_json: options.Json = False
) -> None:
    """Say yes to stages: the next refresh chooses among them for new and changed images."""
    _answer(store, library, names, StageState.APPROVED, by, as_json)


@stage_app.command()
def refuse(names: Names, library: Library, store: options.Store, by: Who = None, as_json: options.Json = False) -> None:
    """Say no to stages that are proposed: they are never chosen, and a sweep deletes their pictures in time."""
    _answer(store, library, names, StageState.REFUSED, by, as_json)


@stage_app.command()
def retire(names: Names, library: Library, store: options.Store, by: Who = None, as_json: options.Json = False) -> None:
    """Choose stages for no further image; live images keep them, and the answer says how many do."""
    _answer(store, library, names, StageState.RETIRED, by, as_json)


def _answer(store: str, library: str, names: list[str], state: StageState, by: str | None, as_json: bool) -> None:
    from catalogs.answers.person import check_person_name
    from flows.cli.views.stages import show_answer
    from flows.run.job_policy import current_person
    from flows.wiring.open_store import open_for_writing
    from tasks.reporting.stage_usage import count_live_images
    from tasks.stages.stage_changes import answer_stages

    person = check_person_name(by, "--by") if by is not None else current_person()
    opened, tables = open_for_writing(store, read_settings())
    stages = answer_stages(opened, library, names, state, person)
    live = count_live_images(opened, tables, [stage.sha256 for stage in stages])
    if as_json:
        shown = [{**stage.model_dump(mode="json"), "live_images": live[stage.sha256]} for stage in stages]
        print_json({"library": library, "stages": shown})
    else:
        show_answer(open_console(), stages, live)


stage_app.command()(add)
stage_app.command()(make)
