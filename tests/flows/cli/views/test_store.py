"""A store's releases, damage and deletions are shown in any width, and foreign text stays text."""

import io

from rich.console import Console

from flows.cli.views.store import show_releases, show_sweep, show_verification
from tasks.maintenance.batch_deletion import DeletionCount, SweepResult
from tasks.maintenance.verify import VerificationFinding, VerificationResult

HOSTILE = "[bold]x[/] :boom: \x1b[2J"


def console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, color_system=None)


def written(face: Console) -> str:
    assert isinstance(face.file, io.StringIO)
    return face.file.getvalue()


def pairs(text: str) -> str:
    return " ".join(text.split())


def test_releases_are_one_a_row_within_80_columns() -> None:
    face = console()
    rows = [
        {
            "catalogue": "home",
            "version": 42,
            "when": "2026-11-22T04:14:00+01:00",
            "run_id": "r-9f31",
            "kind": "release",
            "rows": 6670,
            "current": True,
        },
        {
            "catalogue": "home",
            "version": 41,
            "when": None,
            "run_id": "r-1c31",
            "kind": "rollback",
            "back_to": 3,
            "rows": None,
            "kept": False,
        },
    ]
    show_releases(face, rows)
    lines = [pairs(line) for line in written(face).splitlines()]
    assert lines == [
        "catalogue version when (UTC) kind rows changed run",
        "home 42 2026-11-22 03:14 release, current 6,670 r-9f31",
        "home 41 – rollback to 3, swept – r-1c31",
        "One can go back to release 42 and every later one.",
    ]


def test_what_releases_changed_is_shown_with_those_that_show_the_same() -> None:
    face = console(120)
    release = {"catalogue": "home", "when": None, "run_id": "r", "kind": "release", "rows": 9}
    counts = {"new": 1200, "changed": 2, "gone": 0}
    rows = [
        release | {"version": 3, "current": True, "shown": counts, "same_as_current": True},
        release | {"version": 2, "kind": "approval", "shown": dict.fromkeys(counts, 0), "same_as_current": True},
        release | {"version": 1, "shown": None, "same_as_current": False},
    ]
    show_releases(face, rows)
    assert [pairs(line) for line in written(face).splitlines()] == [
        "catalogue version when (UTC) kind new changed gone run",
        "home 3 – release, current 1,200 2 0 r",
        "home 2 – approval, same as now 0 0 0 r",
        "home 1 – release – – – r",
        "One can go back to release 1 and every later one.",
    ]


def test_a_sound_store_is_said_in_one_line() -> None:
    face = console()
    show_verification(face, VerificationResult("home", 42, checked=1200))
    assert written(face) == "1,200 images of release 42 of home: each is there and as the manifest says.\n"


def test_what_is_wrong_in_a_store_is_named_by_slot_and_reason() -> None:
    face = console(120)
    finding = VerificationFinding(
        "[red]MUG", "front", "a", 0, "published/home/mug/front-a-0-9f31.jpg", False, ("other pixels",)
    )
    show_verification(face, VerificationResult("home", 42, checked=9, missing=0, wrong=1, findings=[finding]))
    assert "0 missing, 1 wrong of 9, release 42 of home" in written(face)
    assert "[red]MUG  front a 0  other pixels   published/home/mug/front-a-0-9f31.jpg" in written(face)


def test_a_sweep_says_what_went_by_kind() -> None:
    face = console()
    swept = SweepResult(dry_run=True, notes=["home: left as it is"])
    swept.counts["staged"] = DeletionCount(1200, 4_500_000)
    show_sweep(face, swept)
    assert "Would delete" in written(face)
    assert "staged     1,200   4.5 MB" in written(face)
    assert "Note: home: left as it is" in written(face)


def test_no_release_is_said_in_words() -> None:
    face = console()
    show_releases(face, [])
    assert written(face) == "There is no release yet.\n"


def test_hostile_text_is_printed_as_it_is() -> None:
    face = console(300)
    row = {"catalogue": HOSTILE, "version": 1, "when": HOSTILE, "run_id": HOSTILE, "kind": HOSTILE, "rows": 1}
    show_releases(face, [row])
    assert written(face).count("[bold]x[/] :boom: \\x1b[2J") == 4
