"""Commands rehearse, plan, refresh and release: generate images, or report what would be generated."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from catalogs.errors import InputError, OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings
from flows.parameters import RefreshParameters
from infra.private_files import make_private_folder


def rehearse(
    out: Annotated[Path, typer.Option("--out", help="Where everything is written")] = Path("rehearsal"),
    engine: Annotated[
        Literal["torch", "stub"],
        typer.Option(help="torch: a small Z-Image model draws; stub: drawn cards, at once"),
    ] = "torch",
    as_json: options.Json = False,
) -> None:
    """Run the whole nightly flow on a sample catalogue: no GPU, no network, no server."""
    from importlib import resources

    isolate_prefect(out)
    for name in [name for name in os.environ if name.startswith("PACKSHOT_")]:
        del os.environ[name]
    os.environ["PACKSHOT_C2PA_FOLDER"] = str((out / "c2pa").resolve())  # nothing outside --out is written
    os.environ["XDG_DATA_HOME"] = str((out / "data").resolve())  # the integrity key's folder
    with resources.as_file(resources.files("catalogs") / "data") as data:
        values = _torch_rehearsal_parameters(data) if engine == "torch" else _stub_rehearsal_parameters(data)
        parameters = options.parse_parameters(store=str(out / "store"), **values)
        if engine == "torch":  # the stub rehearses the sample catalogue, which has no photos
            _add_stages(parameters, data)
        report = _run_refresh_flow(parameters, as_json)
    _print_report_and_exit(report, as_json, parameters.store)


def _torch_rehearsal_parameters(data: Path) -> dict[str, str]:
    """Return the parameters of a rehearsal by packshot-nano. Raises `OptionError` where its libraries are missing."""
    from importlib.util import find_spec

    from infra.nano import MODEL_FOLDER

    if missing_packages := [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]:
        raise OptionError(
            f"The rehearsal generates with a small Z-Image model, and {', '.join(missing_packages)} is not installed: "
            "install packshot[torch], or rehearse with --engine stub"
        )
    return {
        "source": str(data / "rehearsal.csv"),
        "recipe": "rehearsal@2",
        "policy": "rehearsal@2",
        "model": str(MODEL_FOLDER),
        "precision": "fp32",
    }


def _add_stages(parameters: RefreshParameters, data: Path) -> None:
    from flows.parameters import read_policy
    from flows.rehearsal_stages import add_rehearsal_stages

    add_rehearsal_stages(parameters.store, data / "stages", read_policy(parameters.policy), read_settings())


def _stub_rehearsal_parameters(data: Path) -> dict[str, str]:
    return {"source": str(data / "sample.csv"), "recipe": "sample"}


@options.refresh_options(exclude=("wait",))
def plan(
    parameters: RefreshParameters,
    prompts: Annotated[int, typer.Option("--prompts", min=0, max=200, help="Rows to show with their prompts")] = 3,
    as_json: options.Json = False,
) -> None:
    """Report what a refresh would make and cost, with the prompts of the first rows; change nothing."""
    from catalogs.runs.report_schema import RunReport
    from flows.cli.views.reports import show_plan
    from flows.wiring.early_checks import require_usable_inputs

    settings = read_settings()
    require_usable_inputs(parameters, settings, generates=False)
    from flows.run.dry_run import plan_refresh

    report = plan_refresh(parameters, settings, prompts)
    if as_json:
        print_json(report)
    else:
        show_plan(open_console(), RunReport.from_json(report))
    if is_wholly_rejected(report):
        raise typer.Exit(InputError.exit_code)


@options.refresh_options()
def refresh(parameters: RefreshParameters, as_json: options.Json = False) -> None:
    """Refresh a catalogue, here and now: the nightly job."""
    _print_report_and_exit(_run_refresh_flow(parameters, as_json), as_json, parameters.store)


def release(
    run: Annotated[str, typer.Argument(help="The held run's id")],
    store: options.Store,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept", help="Name of a check that may fail, once for each; without it, what was let go is published"
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why the batch may be published; required with --accept, and kept")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A SKU whose images go; the others wait for a person. Repeatable")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--except", help="A SKU whose images wait for a person. Repeatable")
    ] = None,
    accepted_only: Annotated[
        bool, typer.Option("--accepted-only", help="Only images that a person has accepted go; the others wait")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Publish a held batch, in whole or in part, by the names of the checks that hold it and with a reason.

    Images that a person refused stay out.
    """
    from catalogs.runs.held_selection import HeldSelection
    from flows.release_held import CheckAcceptance, release_held
    from flows.run.executors import open_thread_executor
    from flows.run.job_policy import current_person

    with open_thread_executor() as executor, _show_progress(as_json):
        selection = HeldSelection(frozenset(only or ()), frozenset(without or ()), accepted_only)
        acceptance = CheckAcceptance(run, accept or [], reason, current_person(), selection)
        report = release_held(store, acceptance, read_settings(), executor)
    _print_report_and_exit(report, as_json, store)


def _run_refresh_flow(parameters: RefreshParameters, as_json: bool) -> dict[str, Any]:
    from flows.wiring.early_checks import require_usable_inputs

    require_usable_inputs(parameters, read_settings())  # before Prefect is imported, and a server started
    with _use_prefect_server(), _show_progress(as_json):
        from flows.refresh import refresh as nightly

        report: dict[str, Any] = nightly(**parameters.model_dump())
    return report


@contextmanager
def _use_prefect_server() -> Iterator[None]:
    """Use the configured Prefect server, or start one for as long as the command runs."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # an error is shown once, by main(), in one sentence
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with ExitStack() as stack:
        from prefect.settings import PREFECT_API_URL

        from flows.orchestration.server_checks import translate_refusal

        stack.enter_context(translate_refusal())
        if not PREFECT_API_URL.value():
            from flows.orchestration.local_server import run_local_server, use_server

            stack.enter_context(use_server(stack.enter_context(run_local_server())))
        yield


def isolate_prefect(out: Path) -> None:
    """Isolate Prefect from the caller's settings and server; call it before Prefect is imported."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    prefect_home = (out / "prefect").resolve()
    make_private_folder(prefect_home)
    os.environ["PREFECT_HOME"] = str(prefect_home)
    os.environ["DO_NOT_TRACK"] = "1"


@contextmanager
def _show_progress(as_json: bool) -> Iterator[None]:
    from flows.cli.views.progress import ProgressObserver
    from flows.run.observers import use_observer

    if as_json:
        yield
        return
    with ProgressObserver() as observer, use_observer(observer):
        yield


def _print_report_and_exit(report: dict[str, Any], as_json: bool, store: str) -> None:
    from catalogs.runs.report_schema import RunReport
    from flows.cli.views.reports import show_report

    if as_json:
        print_json(report)
    else:
        show_report(open_console(), RunReport.from_json(report), _report_url(report, store))
    if is_wholly_rejected(report):
        raise typer.Exit(InputError.exit_code)
    if report["held"] or report["slots"]["failed"]:
        raise typer.Exit(1)


def is_wholly_rejected(report: dict[str, Any]) -> bool:
    """Tell whether not one row of the catalogue was accepted, and some were rejected."""
    return bool(report["rows"]["rejected"]) and not report["rows"]["accepted"]


def _report_url(report: dict[str, Any], store: str) -> str:
    from catalogs import layout
    from infra.stores import open_store

    return f"{open_store(store).url.rstrip('/')}/{layout.RunFiles(report['run_id']).report_page}"
