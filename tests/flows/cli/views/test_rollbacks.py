"""What a rollback did is shown by kind and by slot, in any width, and foreign text stays text."""

import io
from typing import Any

from rich.console import Console

from flows.cli.views.rollbacks import show_rollback
from tasks.amendments.manifest_change import ManifestChange


def shown(width: int = 80, *, dry_run: bool = False, **fields: Any) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    counts = {"version": 7, "restored": 0, "dropped": 0, "withdrawn": 0, "readmitted": 0}
    identity = {"run_id": "r", "catalogue": "home", "kind": "rollback", "previous": 6, "target": 5}
    change = ManifestChange(**(identity | counts | fields))
    show_rollback(console, change, dry_run=dry_run)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def slots(count: int, **words: Any) -> list[dict[str, Any]]:
    return [
        {"sku": f"mug-{number:02}", "view": "front", "variant": "a", "index": 0, **words} for number in range(count)
    ]


def test_the_kinds_are_counted_and_their_first_slots_named() -> None:
    text = shown(
        restored=1,
        kept_new=1,
        left_out=1,
        withdrawn=1,
        published_meanwhile=1,
        slots={
            "restored": slots(1),
            "left_out": slots(1, reasons=["words.brands"]),
            "published_meanwhile": slots(1, taken_back=False),
        },
    )
    assert text.startswith("Release 7 of home goes back to what release 5 showed: images 1 shown again 0 gone")
    assert "1 new since, stays 1 refused by a policy or like another one, stays as it is" in text
    assert "1 withdrawn: no refresh publishes them again" in text
    assert "mug-00 front a 0 refused by a policy or like another one, stays as it is: words.brands" in text
    assert "mug-00 front a 0 published while this command waited: stays" in text


def test_of_many_slots_the_first_are_shown() -> None:
    text = shown(restored=25, slots={"restored": slots(25)})
    assert ("mug-19" in text, "mug-20" in text) == (True, False)
    assert text.endswith("The first 20 of each kind; --json names the first 100.")


def test_a_dry_run_says_that_nothing_is_written() -> None:
    text = shown(dry_run=True, dropped=2)
    assert text.startswith("Nothing is written. A release that goes back to what release 5 showed would be:")
    assert "withdrawn" not in text


def test_single_releases_that_are_taken_back_are_named() -> None:
    assert shown(undone=(3, 5), dropped=1).startswith("Release 7 of home takes back what release 3 and 5 changed:")
    nothing = shown(version=6, undone=(3,))
    assert nothing.startswith(
        "There is no new release: one that takes back what release 3 changed would show the same."
    )


def test_hostile_text_is_printed_as_it_is() -> None:
    text = shown(200, restored=1, slots={"restored": [{**slots(1)[0], "sku": "[bold]x[/] :boom: \x1b[2J"}]})
    assert "[bold]x[/] :boom: \\x1b[2J" in text
