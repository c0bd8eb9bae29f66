"""Views of people's keys: a new one with its token, and a list without any.

Inputs: access keys. Outputs: Rich tables on the given console.
"""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from catalogs.access.access_key import AccessKey
from catalogs.answers.person import scope_names
from flows.cli.views.tables import new_table, plain_text
from tasks.reporting import formatting


def show_new_key(console: Console, token: str, key: AccessKey) -> None:
    """Print a token on a line of its own, and what to do with it."""
    may = ", ".join(scope_names(key.scopes))
    until = f" until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
    console.print(Text(f"{key.name} may {may}{until}. The token, which is not shown again:"), soft_wrap=True)
    console.print(Text(f"\n{token}\n"), soft_wrap=True)
    console.print("Hand it over on a way that nobody else reads; the console's sign-in asks for it.", soft_wrap=True)


def show_keys(console: Console, keys: Sequence[AccessKey], now: datetime) -> None:
    """Print a key a line, and what became of it."""
    if not keys:
        console.print("Nobody has a key: `packshot keys add NAME` makes one.", soft_wrap=True)
        return
    table = new_table("name", "may", "key", "made", "by", "state")
    for key in keys:
        cells = (key.name, ", ".join(scope_names(key.scopes)), key.id, _day(key.created_at), key.created_by)
        table.add_row(*(plain_text(cell) for cell in cells), _state(key, now))
    console.print(table)


def _state(key: AccessKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "opens"
    return f"{'opens until' if key.is_active(now) else 'expired'} {_day(key.expires_at)}"


def _day(when: datetime) -> str:
    return formatting.format_compact_datetime(when)
