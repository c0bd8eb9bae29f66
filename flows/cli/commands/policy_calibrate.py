"""Command policy calibrate: thresholds that fit the images that were accepted."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json

if TYPE_CHECKING:
    from catalogs.policy.schema import Policy
    from catalogs.policy.threshold_calibration import ThresholdCalibration
    from tasks.policies.accepted_scores import AcceptedScores

PUBLISHED_ONLY_NOTE = (
    "These images have passed the present thresholds, so they can only suggest tighter ones; measure a folder of"
    " accepted images (--from-folder) to see where the policy is too strict"
)
MAX_LEFT_OUT_SHOWN = 5

FromAnswers = Annotated[
    bool, typer.Option("--from-answers", help="Propose what would have agreed with people's answers instead")
]
MissCost = Annotated[
    float, typer.Option("--miss-cost", help="How many needless reviews one missed image is worth, by answers")
]


def calibrate(
    store: Annotated[
        str | None, typer.Option("--store", envvar="PACKSHOT_STORE", help="The store whose published images are used")
    ] = None,
    catalogue: options.Catalogue = None,
    from_folder: Annotated[
        Path | None,
        typer.Option("--from-folder", help="Measure the images of a folder instead; folders in it are categories"),
    ] = None,
    from_answers: FromAnswers = False,
    miss_cost: MissCost = 5.0,
    quantile: Annotated[
        float, typer.Option("--quantile", help="The share of accepted images that each threshold may refuse")
    ] = 0.01,
    policy: options.Policy = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write a policy with the proposals to a file that is not there yet")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Propose thresholds from accepted images (published ones, or a folder) or answers. Nothing is put in force."""
    from catalogs.policy.threshold_calibration import propose_thresholds as propose
    from flows.cli.commands.calibrate_by_answers import calibrate_by_answers
    from flows.cli.commands.proposed_policy_file import write_proposed_policy
    from flows.parameters import read_policy

    if out is not None and out.exists():
        raise OptionError(f"--out: {str(out)!r} is there already, and policies are not written over; give another name")
    rules = read_policy(policy)
    if from_answers:
        if from_folder is not None:
            raise OptionError("--from-answers and --from-folder are two ways to calibrate; give one of them")
        calibrate_by_answers(store, catalogue, rules, policy, miss_cost, out, as_json=as_json)
        return
    scores, origin = _gather_scores(store, catalogue, from_folder, rules)
    calibration = propose(scores.table, rules, quantile)
    if out is not None:
        source = f"{quantile:g} quantile of {len(scores.categories):,} images of {origin}"
        write_proposed_policy(out, rules, policy, calibration.proposals, source)
    document = _document(scores, origin, quantile, calibration, out)
    document["notes"] = [] if from_folder is not None else [PUBLISHED_ONLY_NOTE]
    if as_json:
        print_json(document)
    else:
        _show(document)


def _gather_scores(
    store: str | None, catalogue: str | None, folder: Path | None, policy: "Policy"
) -> "tuple[AcceptedScores, str]":
    from tasks.policies.accepted_scores import measure_folder_scores, read_published_scores

    if folder is not None:
        return measure_folder_scores(folder), f"the folder {folder.name}"
    if store is None:
        raise OptionError("Name the images to measure: --store URL and --catalogue NAME, or --from-folder DIR")
    from flows.cli.commands.store import resolve_catalogue
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    return read_published_scores(opened, tables, name, policy.not_of_scenes), f"the catalogue {name}"


def _document(
    scores: "AcceptedScores", origin: str, quantile: float, calibration: "ThresholdCalibration", out: Path | None
) -> dict[str, Any]:
    return {
        "pictures": len(scores.categories),
        "of": origin,
        "quantile": quantile,
        "lines": [asdict(line) | {"category": line.category or None} for line in calibration.proposals],
        "too_few": dict(calibration.small_categories),
        "refused": {"now": calibration.refused_share_now, "then": calibration.refused_share_proposed},
        "left_out": [{"name": name, "reason": reason} for name, reason in scores.skipped],
        "out": str(out) if out is not None else None,
    }


def _show(document: Mapping[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from tasks.reporting import formatting as figures

    screen = open_console()
    head = f"{document['pictures']:,} accepted images of {document['of']}, quantile {document['quantile']:g}"
    screen.print(Text(f"\n{figures.printable(head, 200)}\n", "bold"))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    names = ("category", "score", "now", "refuses", "1 %", "5 %", "median", "proposed")
    for position, name in enumerate(names):
        table.add_column(name, justify="right" if position > 1 else "left", overflow="fold", no_wrap=position == 1)
    for line in document["lines"]:
        sign = "<" if line["side"] == "below" else ">"
        limit = [f"{sign} {line[name]:g}" if line[name] is not None else "–" for name in ("present", "proposed")]
        numbers = [f"{line[name]:.3g}" for name in ("worst_1", "worst_5", "median")]
        category = figures.printable(line["category"] or "all", 24)
        cells = (category, line["score"], limit[0], figures.format_percent(line["refused"]), *numbers, limit[1])
        table.add_row(*map(Text, cells))
    screen.print(table)
    shares = [figures.format_percent(document["refused"][name]) for name in ("now", "then")]
    screen.print(Text(f"\nTogether they refuse {shares[0]} of these images now, and {shares[1]} as proposed."))
    for note in _notes(document):
        screen.print(Text.assemble(("Note: ", "yellow"), figures.printable(note, 400)), soft_wrap=True)
    if document["out"]:
        screen.print(Text(f"Written to {figures.printable(document['out'])}; nothing is in force."), soft_wrap=True)


def _notes(document: Mapping[str, Any]) -> list[str]:
    small_categories = [f"{name or 'no category'} ({count:,})" for name, count in document["too_few"].items()]
    notes = (
        [f"Too few images of their own, so they share the thresholds of all: {', '.join(small_categories)}"]
        if small_categories
        else []
    )
    skipped = document["left_out"]
    notes += [f"Left out: {entry['name']}: {entry['reason']}" for entry in skipped[:MAX_LEFT_OUT_SHOWN]]
    if len(skipped) > MAX_LEFT_OUT_SHOWN:
        notes.append(f"{len(skipped) - MAX_LEFT_OUT_SHOWN:,} more were left out; --json names them")
    return [*document["notes"], *notes]
