"""Tables keep untrusted text as text and fit the terminal."""

import io

import pytest
from rich.console import Console

from flows.cli.views.tables import facts_table, new_table, plain_text, plain_texts, print_columns, print_line

HOSTILE = "[bold]x[/] :boom: \x1b[2J"
SHOWN = "[bold]x[/] :boom: \\x1b[2J"


def console(width: int = 80, *, colours: bool = False) -> Console:
    system = "truecolor" if colours else None
    return Console(file=io.StringIO(), width=width, force_terminal=colours, color_system=system)  # type: ignore[arg-type]


def written(face: Console) -> str:
    assert isinstance(face.file, io.StringIO)
    return face.file.getvalue()


def test_untrusted_text_is_neither_markup_nor_an_escape_sequence() -> None:
    face = console()
    table = new_table("name", "other")
    table.add_row(*plain_texts(HOSTILE, HOSTILE))
    face.print(table)
    face.print(facts_table({"file": HOSTILE}))
    print_line(face, ("Warning: ", "yellow"), HOSTILE.replace("\x1b", ""))
    assert written(face).count(SHOWN) == 3
    assert "[bold]x[/] :boom: [2J" in written(face)
    assert "\x1b" not in written(face)


def test_a_cell_is_cut_where_a_limit_is_given() -> None:
    assert plain_text("x" * 500, 10).plain == "x" * 9 + "…"


def test_numbers_are_aligned_right() -> None:
    face = console()
    table = new_table("name", "count", right={"count"})
    table.add_row("a", "1")
    table.add_row("b", "1,000")
    face.print(table)
    assert [line.rstrip() for line in written(face).splitlines()] == ["name  count", "a         1", "b     1,000"]


@pytest.mark.parametrize(("width", "lines"), [(80, 3), (20, 6)])
def test_small_tables_stand_side_by_side_where_there_is_room(width: int, lines: int) -> None:
    face = console(width)
    print_columns(face, [("slots", [("new", "5")]), ("rows", [("input", "12")]), ("none", [])])
    assert len(written(face).splitlines()) == lines
    assert "none" not in written(face)


def test_only_counts_above_zero_are_coloured() -> None:
    face = console(colours=True)
    print_columns(face, [("slots", [("blocked", "0"), ("failed", "3")])])
    assert "\x1b[35m3" in written(face)
    assert "\x1b[31m" not in written(face)
