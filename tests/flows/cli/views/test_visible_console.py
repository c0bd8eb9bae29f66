"""S6: below every view nothing but Rich itself moves the cursor."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from flows.cli.console import open_console
from flows.cli.views.visible_console import VisibleConsole
from tests.infra.test_visible_text import acts

SGR = re.compile("\x1b\\[[0-9;]*m")


@given(st.text(st.characters(codec=None), max_size=40))
def test_s6_a_view_that_forgot_is_made_visible(text: str) -> None:
    console = VisibleConsole()
    with console.capture() as captured:
        table = Table(title=text)
        table.add_column(text)
        table.add_row(Text(text, "bold red"))
        console.print(text, table, Text(text))
    assert acts(captured.get(), allowed="\n") == []


def test_s6_colours_stay_richs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    console = open_console()
    with console.capture() as captured:
        console.print(Text("\x1b[31mred\x1b[0m", "green"))
    assert SGR.sub("", captured.get()) == "\\x1b[31mred\\x1b[0m\n"
    assert SGR.search(captured.get())


def test_brackets_and_colons_are_text() -> None:
    console = open_console()
    with console.capture() as captured:
        console.print("[bold]a[/bold] :smile: [link=https://evil]b[/link]")
    assert captured.get() == "[bold]a[/bold] :smile: [link=https://evil]b[/link]\n"


def test_what_would_pass_by_it_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        open_console().out("\x1b[2J")
