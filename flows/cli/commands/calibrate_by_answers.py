"""The part of `policy calibrate` that goes by people's answers: propose thresholds that would have agreed with them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalogs.errors import OptionError
from flows.cli.console import open_console, print_json

if TYPE_CHECKING:
    from catalogs.policy.schema import Policy


def calibrate_by_answers(
    store: str | None,
    catalogue: str | None,
    rules: "Policy",
    policy: str | None,
    miss_cost: float,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print the proposals with what they cost, and write a policy where `out` is given. Nothing is put in force."""
    from catalogs.policy.answer_calibration import calibrate_from_answers, calibration_document
    from flows.cli.commands.proposed_policy_file import write_proposed_policy
    from flows.cli.commands.store import resolve_catalogue
    from flows.wiring.open_store import open_for_reading
    from tasks.policies.answered_images import read_answered_images

    if store is None:
        raise OptionError("--from-answers: name the store with the answers: --store URL and --catalogue NAME")
    opened, _ = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    images = read_answered_images(opened, name)
    calibration = calibrate_from_answers(images, rules, miss_cost)
    if out is not None:
        source = f"{len(images):,} answered images of {name}"
        write_proposed_policy(out, rules, policy, calibration.proposals, source)
    document = {"pictures": len(images), "of": f"the catalogue {name}", "out": str(out) if out is not None else None}
    document |= calibration_document(calibration, miss_cost)
    if as_json:
        print_json(document)
    else:
        _show(document)


def _show(document: Mapping[str, Any]) -> None:
    from flows.cli.views.tables import new_table, plain_text, print_line
    from tasks.reporting.formatting import printable

    console = open_console()
    head = f"{document['pictures']:,} answered images of {document['of']}; a miss is worth {document['miss_cost']:g}"
    print_line(console, (printable(f"{head} needless reviews"), "bold"))
    names = ("score", "of", "now", "misses", "needless", "proposed", "misses then", "needless then")
    table = new_table(*names, right=set(names[1:]))
    for line in document["lines"]:
        sign = "<" if line["side"] == "below" else ">"
        limits = [plain_text(f"{sign} {line[name]:g}") for name in ("present", "proposed")]
        costs = [
            [
                plain_text(_share(line[when], count, rate))
                for count, rate in (("misses", "miss"), ("needless", "needless"))
            ]
            for when in ("now", "then")
        ]
        count = plain_text(f"{line['images']:,}")
        table.add_row(plain_text(_name(line, "score")), count, limits[0], *costs[0], limits[1], *costs[1])
    console.print(table)
    if document["too_few"]:
        few = ", ".join(f"{_name(line, 'reason')} {line['side']} ({line['images']})" for line in document["too_few"])
        print_line(
            console, ("Left alone: ", "yellow"), printable(f"fewer than {document['minimum']} answers: {few}", 400)
        )
    if document["out"]:
        print_line(console, printable(f"Written to {document['out']}; nothing is in force."))


def _name(line: Mapping[str, Any], field: str) -> str:
    return f"{line[field]} of {line['category']}" if line["category"] else str(line[field])


def _share(cost: Mapping[str, Any], count: str, rate: str) -> str:
    """Return how many there were, and up to which share there may be."""
    high = cost[f"{rate}_rate"]["high"]
    return f"{cost[count]}" + (f" (to {high:.0%})" if high is not None else "")
