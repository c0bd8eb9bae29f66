"""Command review stats: what people's answers say of the gates, of the thresholds, and of the people."""

import re
from typing import Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.commands.store import resolve_catalogue
from flows.cli.console import open_console, print_json

Since = Annotated[str, typer.Option("--since", help="The first month whose answers count, as 2026-11; all by default")]


def review_stats(
    store: options.Store,
    catalogue: options.Catalogue = None,
    since: Since = "",
    policy: options.Policy = None,
    as_json: options.Json = False,
) -> None:
    """Say how often each gate is overturned, how well people agree, and how fast they answer."""
    from flows.cli.views.answer_statistics import show_statistics
    from flows.parameters import read_policy
    from flows.wiring.open_store import open_for_reading
    from tasks.policies.answered_images import read_answer_statistics
    from tasks.runs.policy_records import PolicyRecords

    require_month(since)
    opened, _ = open_for_reading(store)
    name = resolve_catalogue(opened, catalogue)
    record = PolicyRecords(opened, name).in_force() if policy is None else None
    rules = record.policy if record is not None else read_policy(policy)
    found = read_answer_statistics(opened, name, rules, since)
    if as_json:
        print_json(found)
    else:
        show_statistics(open_console(), found)


def require_month(since: str) -> None:
    """Raise `OptionError` where `--since` names no month."""
    if since and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", since):
        raise OptionError(f"--since: {since!r} is no month; give one as 2026-11")
