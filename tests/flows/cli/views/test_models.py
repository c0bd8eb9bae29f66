"""Versions and comparisons on a terminal: every number beside its word, hostile names as they are."""

import io
from typing import Any

from rich.console import Console

from catalogs.models.comparison import VersionSample, compare_versions
from catalogs.runs.report_schema import RunReport
from flows.cli.views.models import show_comparison, show_models, show_version_results


def console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, color_system=None)


def written(face: Console) -> str:
    assert isinstance(face.file, io.StringIO)
    return face.file.getvalue()


def version(number: int, state: str, share: int = 0, **words: Any) -> dict[str, Any]:
    return {
        "version": number, "state": state, "share": share, "source": "/models/x", "revision": None, "precision": "bf16",
        "registered_at": "2026-11-22T02:00:00+00:00", "registered_by": "ada", **words,
    }  # fmt: skip


def model(*versions: dict[str, Any], share: int = 0, why: str = "") -> dict[str, Any]:
    change = {"kind": "canary", "version": 2, "by": "ada", "at": "2026-11-23T08:30:00+00:00", "why": why}
    return {"model": "card", "canary": {"version": 2, "share": share} if share else None, "versions": versions,
            "changes": [change]}  # fmt: skip


def test_states_and_shares_add_up_to_all_skus() -> None:
    face = console(140)
    hub = {"source": "owner/name", "revision": "abcdef" * 6 + "0000"}
    versions = [
        version(1, "retired"),
        version(2, "production"),
        version(3, "candidate", 20),
        version(4, "candidate", **hub),
    ]
    show_models(face, [model(*versions, share=20, why="sharper")])
    lines = [line.split() for line in written(face).splitlines()]
    assert [(words[1], words[2], words[3]) for words in lines[1:5]] == [
        ("1", "retired", "0"), ("2", "production", "80"), ("3", "candidate", "20"), ("4", "candidate", "0"),
    ]  # fmt: skip
    assert "owner/name@abcdefabcdef" in lines[4]
    assert "2026-11-23 08:30 UTC by ada: canary of version 2, sharper" in written(face)


def test_hostile_words_neither_colour_nor_move_anything() -> None:
    face = console(140)
    show_models(face, [model(version(1, "candidate", source="[red]x\x1b[31m"), why="[bold]\x1b[2J")])
    text = written(face)
    assert "\x1b" not in text
    assert "[red]x\\x1b[31m" in text
    assert "[bold]\\x1b[2J" in text


def test_a_comparison_shows_intervals_and_names_what_is_worse() -> None:
    face = console()
    good = VersionSample(requests=400, published=380, attempts=400, attempts_squared=400, attempts_of_published=380)
    bad = VersionSample(requests=200, published=100, attempts=200, attempts_squared=200, attempts_of_published=100)
    found = compare_versions((2, 1), bad, good, (3, 4))
    show_comparison(face, {"comparison": found.document(), "refused": found.objections})
    text = " ".join(written(face).split())
    assert "version 2 version 1 difference" in text
    assert "requests decided 200 400" in text
    assert "runs 3 4" in text
    assert "pass rate 0.5 0.95 -0.45 worse 0.431 to 0.569 0.924 to 0.967 -0.521 to -0.377 attempts" in text
    assert "GPU-seconds an image – – – Below" in text
    assert "95 % confidence interval." in text
    assert text.count("Refused: ") == 2


def test_a_first_version_has_nothing_to_be_compared_with() -> None:
    face = console()
    show_comparison(face, {"comparison": None, "refused": []})
    assert written(face) == "Nothing is in production that it could be compared with.\n"


def test_a_report_shows_versions_only_where_there_are_any() -> None:
    row = {"model": "cards@ab", "version": "card/2", "images": 1200, "requests": 1000, "pass_rate": 0.955}
    face = console()
    show_version_results(face, RunReport.from_json({"models": [row | {"version": None}]}))
    show_version_results(face, RunReport())
    assert written(face) == ""
    rows = [row, row | {"version": None, "model": "turbo@cd", "pass_rate": None}]
    show_version_results(face, RunReport.from_json({"models": rows}))
    text = " ".join(written(face).split())
    assert "card/2 1,200 1,000 95.5 %" in text
    assert "turbo@cd 1,200 1,000 –" in text
