"""The terminal shows the numbers in any width, and catalogue text neither colours nor moves anything."""

import io
from typing import Any

import pytest
from rich.console import Console

from catalogs.runs.report_schema import RunReport
from flows.cli.views import reports

HOSTILE = "[bold]x[/] :boom: \x1b[2J"
SHOWN = "[bold]x[/] :boom: \\x1b[2J"


def console(width: int = 80, *, colours: bool = False) -> Console:
    system = "truecolor" if colours else None
    return Console(file=io.StringIO(), width=width, force_terminal=colours, color_system=system)  # type: ignore[arg-type]


def written(face: Console) -> str:
    assert isinstance(face.file, io.StringIO)
    return face.file.getvalue()


def report(**values: Any) -> dict[str, Any]:
    return {
        "run_id": "20261122T020004-9f31c2aa",
        "catalogue": "autumn",
        "scope": "full",
        "dry_run": False,
        "resumed": True,
        "source": "s3://exports/autumn.parquet",
        "held": [],
        "release": {"version": 42, "previous": 41},
        "rows": {"input": 128450, "accepted": 127932, "rejected": 213, "ignored": 305},
        "slots": {
            "new": 5821,
            "changed": 1264,
            "unchanged": 498115,
            "waiting": 377,
            "retired": 96,
            "published": 6574,
            "review": 318,
            "blocked": 141,
            "failed": 12,
            "deferred": 40,
            "superseded": 0,
        },
        "images": {"planned": 5230, "generated": 5102, "reused": 128, "shared": 1855, "attempts": 5719},
        "cache_hit_rate": 0.2755,
        "gpu_seconds": 4289.3,
        "cost": {"total": 2.9786, "per_image": 0.000521, "per_accepted": 0.000453, "currency": "USD", "gpu": "H100"},
        "seconds": {"total": 4466.2},
        "rejects": [{"row": 1000 + n, "sku": f"BOX-{n}", "column": "height", "reason": "Too odd."} for n in range(7)],
        "reasons": {"blurred": 203, "words.nudity": 97},
        "warnings": ["14 SKUs show old beside new."],
        "checks": [
            {"name": "retired-share", "success": False, "critical": True, "observed": 0.1, "reason": "Too many."}
        ],
        **values,
    }


def show_report(face: Console, document: dict[str, Any], url: str | None) -> None:
    reports.show_report(face, RunReport.from_json(document), url)


def show_plan(face: Console, document: dict[str, Any]) -> None:
    reports.show_plan(face, RunReport.from_json(document))


def pairs(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_report_shows_its_numbers_at_any_width(width: int) -> None:
    face = console(width)
    show_report(face, report(), "file:///shop/runs/r/report.html")
    text = pairs(written(face))
    for shown in ("6,574", "498,115", "127,932", "213", "5,719", "1 h 14 min", "2.98 USD", "0.000453 USD", "27.6 %"):
        assert shown in text
    assert "blurred 203" in text
    assert "Report file:///shop/runs/r/report.html" in text
    assert max(len(line) for line in written(face).splitlines()) <= max(width, 48)


def test_numbers_are_aligned_on_the_right() -> None:
    face = console()
    show_report(face, report(), None)
    lines = {name: line for line in written(face).splitlines() for name in ("published", "superseded") if name in line}
    assert lines["published"].index("6,574") + 5 == lines["superseded"].index(" 0 ") + 2


def test_there_is_no_escape_sequence_without_colours() -> None:
    face = console()
    show_report(face, report(held=["retired-share"]), "x")
    show_plan(face, report(dry_run=True))
    assert "\x1b" not in written(face)


def test_only_a_few_first_rejects_are_shown_and_the_rest_counted() -> None:
    face = console()
    show_report(face, report(), None)
    text = pairs(written(face))
    assert "1,000 BOX-0 height Too odd." in text
    assert "BOX-4" in text
    assert "BOX-5" not in text
    assert "5 of 213 rejected rows" in text


def test_a_held_batch_says_what_to_type_in_one_piece_however_narrow() -> None:
    face = console(40)
    held = report(held=["retired-share"], release={"version": 41, "previous": 41}, store="s3://shop/packshot")
    show_report(face, held, None)
    text = written(face)
    assert "retired-share: Too many." in text
    assert (
        "packshot release 20261122T020004-9f31c2aa --store s3://shop/packshot --accept retired-share --reason …" in text
    )
    assert "to publish" in text
    assert "published  " not in text


def test_sums_that_do_not_add_up_are_called_out() -> None:
    face = console(200)
    show_report(face, report(), None)
    assert "does not add up" not in written(face)
    show_report(face, report(rows={"input": 9, "accepted": 7, "rejected": 1, "ignored": 0}), None)
    assert "input 9 = accepted 7 + rejected 1 + ignored 0 does not add up" in written(face)


def test_a_plan_shows_what_it_would_cost_and_what_the_prompt_gates_said() -> None:
    guess = {"images": 777, "gpu_seconds": 3923.0, "cost": 2.72, "seconds": 4100.0, "gpu": "L4"}
    face = console()
    show_plan(face, report(dry_run=True, release={"version": None, "previous": 41}, estimate=guess))
    text = pairs(written(face))
    assert "Dry run: nothing was made, nothing was published." in text
    for shown in (
        "new 5,821",
        "unchanged 498,115",
        "prompt blocked 141",
        "images 777",
        "cost 2.72 USD",
        "1 h 05 min",
        "L4",
    ):
        assert shown in text


def test_the_smallest_report_is_shown() -> None:
    face = console()
    show_report(face, {"catalogue": "autumn"}, None)
    show_plan(face, {"catalogue": "autumn", "dry_run": True, "estimate": None})
    assert written(face).count("autumn") == 2


@pytest.mark.parametrize("colours", [False, True])
def test_hostile_text_is_printed_as_it_is(colours: bool) -> None:
    face = console(300, colours=colours)
    hostile = report(
        catalogue=HOSTILE,
        source=HOSTILE,
        held=[HOSTILE],
        release={"version": None, "previous": None},
        reasons={HOSTILE: 1},
        warnings=[HOSTILE],
        rejects=[{"row": 1, "sku": HOSTILE, "column": HOSTILE, "reason": HOSTILE}],
        checks=[{"name": HOSTILE, "success": False, "critical": True, "observed": 1, "reason": HOSTILE}],
    )
    show_report(face, hostile, HOSTILE)
    assert written(face).count(SHOWN) >= 8
    assert "\x1b[2J" not in written(face)
    assert "💥" not in written(face)


def test_a_report_says_where_its_pictures_may_be_used() -> None:
    face = console(100)
    channels = {
        "amazon-main": {"usable": 0, "not_usable": 6574, "reasons": {"needs-a-person": 6574, "text": 12}},
        "ebay": {"usable": 6574, "not_usable": 0, "reasons": {}},
    }
    show_report(face, report(channels=channels), None)
    text = pairs(written(face))
    assert "amazon-main 0 6,574 needs-a-person 6,574, text 12" in text
    assert "ebay 6,574 0" in text
    bare = console()
    show_report(bare, report(), None)
    assert "usable on" not in written(bare)
