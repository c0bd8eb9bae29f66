"""What the terminal says of people's keys: a token once, and no name can move a cursor."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rich.console import Console

from catalogs.access.access_key import AccessKey, token_sha
from catalogs.answers.person import Scope
from flows.cli.views.access_keys import show_keys, show_new_key

NOW = datetime(2026, 11, 30, 9, 5, tzinfo=UTC)
KEY = AccessKey(token_sha("t"), "[red]ann[/red]", frozenset({Scope.ANSWER, Scope.LOOK}), NOW, "root\x1b[2J")


def test_a_new_key_s_token_stands_on_a_line_of_its_own() -> None:
    console = Console(file=io.StringIO(), width=80)
    show_new_key(console, "packshot_" + "x" * 200, replace(KEY, expires_at=NOW + timedelta(days=30)))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "packshot_" + "x" * 200 in lines, "to be copied whole, whatever the terminal's width"
    assert lines[0].startswith("[red]ann[/red] may look, answer until 2026-12-30 09:05 UTC.")


def test_a_list_says_what_became_of_each_key() -> None:
    console = Console(file=io.StringIO(), width=160)
    expired, later = replace(KEY, expires_at=NOW), replace(KEY, expires_at=NOW + timedelta(days=1))
    show_keys(console, [KEY, expired, later, KEY.revoked(NOW)], NOW)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for state in ("opens\n", "expired 2026-11-30 09:05", "opens until 2026-12-01 09:05", "revoked 2026-11-30 09:05"):
        assert state in "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    assert text.count("[red]ann[/red]") == 4
    assert "\x1b[2J" not in text
    assert KEY.token_sha not in text


def test_without_keys_it_says_how_to_make_one() -> None:
    console = Console(file=io.StringIO(), width=160)
    show_keys(console, [], NOW)
    assert "`packshot keys add NAME` makes one" in console.file.getvalue()  # type: ignore[attr-defined]
