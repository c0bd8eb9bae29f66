"""Commands review list, accept, refuse, retry and undo: a person's answers without a browser."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from catalogs.answers.refusal_reasons import REFUSAL_REASONS
from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json, read_settings

if TYPE_CHECKING:
    from tasks.reviews.sku_answers import SkuAnswer, SkuChoice

Skus = Annotated[list[str], typer.Argument(help="SKUs whose waiting images are meant", show_default=False)]
View = Annotated[str | None, typer.Option("--view", help="Only the image of this view")]
Every = Annotated[bool, typer.Option("--all", help="All waiting images of each SKU")]
Why = Annotated[str, typer.Option("--why", help="In your own words; kept with the answer")]
Override = Annotated[bool, typer.Option("--override", help="Also answer what a gate blocked")]
Resolves = Annotated[bool, typer.Option("--resolve", help="End a conflict: the others' answers no longer count")]
Who = Annotated[str | None, typer.Option("--as", help="Who answers; by default the user of this computer")]


def list_waiting(
    store: options.Store,
    catalogue: options.Catalogue = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Only images with this reason")] = None,
    category: Annotated[str | None, typer.Option("--category", help="Only images of this product category")] = None,
    sku: Annotated[str | None, typer.Option("--sku", help="Only this SKU, or those that begin so")] = None,
    since: Annotated[str, typer.Option("--since", help="Only images asked about since this day, as 2026-11-30")] = "",
    blocked: Annotated[bool, typer.Option("--blocked", help="What the gates blocked, in place of what waits")] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="End with 1 where people are late: see PACKSHOT_REVIEW_MAX_WAITING"),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """List the images and prompts that wait for a person, the most urgent first."""
    from catalogs.reviews.review_filter import ReviewFilter
    from flows.cli.views.reviews import show_waiting
    from flows.cli.views.store import show_warnings
    from flows.review_answers import describe_item, find_late_answers
    from flows.wiring.open_store import open_for_reading
    from tasks.reviews.sku_answers import list_open_items

    day = _parse_day(since) if since else None
    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    filters = ReviewFilter(reason or "", category or "", sku=sku or "", since=day, blocked=blocked)
    items = list_open_items(opened, tables, name, filters)
    described = [describe_item(item, opened.url) for item in items]
    late = find_late_answers(opened, name, [each.item for each in items], read_settings()) if check else []
    everything = ReviewFilter(blocked=blocked)
    hidden = 0 if items or filters == everything else len(list_open_items(opened, tables, name, everything))
    if as_json:
        print_json({"catalogue": name, "items": described} | ({"late": late} if check else {}))
    else:
        show_waiting(open_console(), described, blocked=blocked, hidden=hidden)
        show_warnings(open_console(), late)
    if late:
        raise typer.Exit(1)


def _parse_day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise OptionError(f"--since: {text!r} is no day; give one as 2026-11-30") from None


def accept(
    skus: Skus,
    store: options.Store,
    catalogue: options.Catalogue = None,
    view: View = None,
    every: Every = False,
    why: Why = "",
    override: Override = False,
    resolve: Resolves = False,
    who: Who = None,
    as_json: options.Json = False,
) -> None:
    """Accept images: the next refresh, or `review apply`, publishes them as they are."""
    from catalogs.answers.answer import AnswerKind
    from tasks.reviews.sku_answers import SkuAnswer, SkuChoice

    answer = SkuAnswer(AnswerKind.ACCEPT, why=why, resolves=resolve)
    _answer(store, catalogue, SkuChoice(skus, view, every, override), answer, who, as_json=as_json)


def refuse(
    skus: Skus,
    store: options.Store,
    reason: Annotated[str, typer.Option("--reason", help=f"Why: {', '.join(REFUSAL_REASONS)}")],
    catalogue: options.Catalogue = None,
    view: View = None,
    every: Every = False,
    why: Why = "",
    resolve: Resolves = False,
    who: Who = None,
    as_json: options.Json = False,
) -> None:
    """Refuse images: they are not published, and not generated again by themselves."""
    from catalogs.answers.answer import AnswerKind
    from tasks.reviews.sku_answers import SkuAnswer, SkuChoice

    answer = SkuAnswer(AnswerKind.REFUSE, reason, why, resolves=resolve)
    _answer(store, catalogue, SkuChoice(skus, view, every, override=True), answer, who, as_json=as_json)


def retry(
    skus: Skus,
    store: options.Store,
    catalogue: options.Catalogue = None,
    prompt: Annotated[
        str, typer.Option("--prompt", help="A prompt in place of the row's own, until the row's prompt fields move")
    ] = "",
    view: View = None,
    every: Every = False,
    why: Why = "",
    override: Override = False,
    who: Who = None,
    as_json: options.Json = False,
) -> None:
    """Ask for another attempt, which the next refresh generates: one beyond the budget, judged as usual."""
    from catalogs.answers.answer import AnswerKind
    from tasks.reviews.sku_answers import SkuAnswer, SkuChoice

    answer = SkuAnswer(AnswerKind.RETRY, why=why, prompt=prompt)
    _answer(store, catalogue, SkuChoice(skus, view, every, override), answer, who, as_json=as_json)


def undo(
    store: options.Store,
    skus: Annotated[
        list[str] | None, typer.Argument(help="SKUs; without any, your newest answer", show_default=False)
    ] = None,
    catalogue: options.Catalogue = None,
    who: Who = None,
    as_json: options.Json = False,
) -> None:
    """Take your newest answer back, or your newest about each of these SKUs."""
    from flows.cli.views.reviews import show_undone
    from flows.review_answers import person_named, take_back
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    taken = take_back(opened, tables, name, person_named(who), skus or (), read_settings())
    if as_json:
        print_json({"catalogue": name, "undone": [answer.document() for answer in taken]})
    else:
        show_undone(open_console(), taken)


def _answer(
    store: str, catalogue: str | None, choice: "SkuChoice", answer: "SkuAnswer", who: str | None, *, as_json: bool
) -> None:
    from flows.cli.views.reviews import show_answers
    from flows.review_answers import describe_given, give_answers, person_named
    from flows.wiring.open_store import open_for_reading

    opened, tables = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    given = give_answers(opened, tables, name, person_named(who), choice, answer, read_settings())
    if as_json:
        print_json({"catalogue": name, "answers": [describe_given(each) for each in given]})
    else:
        show_answers(open_console(), given)
