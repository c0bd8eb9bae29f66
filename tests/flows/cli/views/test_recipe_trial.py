"""A recipe's trial on a terminal: what differs, what it costs, and text that stays text."""

import io
from typing import Any

from rich.console import Console

from flows.cli.views.recipe_trial import show_trial

HOSTILE = "[red]x[/] \x1b[2J\u202e"


def plan(**values: Any) -> dict[str, Any]:
    slots = {"new": 0, "changed": 2, "unchanged": 1, "waiting": 0, "review": 0, "blocked": 0, "retired": 0}
    rows = {"input": 3, "accepted": 3, "rejected": 0, "ignored": 0}
    return {"recipe": "new.yaml", "rows": rows, "slots": slots, "images": 2, "gpu_seconds": 4.0, "cost": 0.5,
            "currency": "USD", "gpu": "a100", **values}  # fmt: skip


def side(prompt: str, state: str = "unchanged", *reasons: str) -> dict[str, Any]:
    return {"sku": "A", "prompt": prompt, "negative": "", "state": state, "reasons": list(reasons)}


def kept(photo: str, state: str = "new") -> dict[str, Any]:
    return {**side("", state), "mode": "white", "photo": photo}


def shown(**values: Any) -> str:
    trial = {"old": plan(recipe="run 1"), "new": plan(), "made_again": 0, "rows": [], "drawn": None, "rejects": [],
             "warnings": [], **values}  # fmt: skip
    file = io.StringIO()
    show_trial(Console(file=file, width=120), trial)
    return file.getvalue()


def test_rows_that_differ_are_shown_side_by_side_with_what_is_made_again() -> None:
    rows = [
        {
            "row": 1,
            "sku": "A",
            "view": "front",
            "old": side("a mug"),
            "new": side("a cup", "changed"),
            "made_again": True,
        },
        {"row": 2, "sku": "SAME", "view": "front", "old": side("x"), "new": side("x"), "made_again": False},
        {
            "row": 3,
            "sku": "B",
            "view": "side",
            "old": None,
            "new": side("b", "review", "brand.other"),
            "made_again": False,
        },
    ]
    text = shown(rows=rows, made_again=7)
    for part in ("a mug", "a cup", "made again", "no such slot", "review: brand.other", "1 stay as they are"):
        assert part in text
    assert "7 live slots would be made again" in text
    assert "makes 2 images" in text
    assert "0.5 USD" in text
    assert "SAME" not in text


def test_a_strangers_text_moves_nothing() -> None:
    row = {"row": 1, "sku": HOSTILE, "view": HOSTILE, "old": side(HOSTILE), "new": side("b", HOSTILE, HOSTILE),
           "made_again": False}  # fmt: skip
    text = shown(rows=[row], warnings=[HOSTILE], rejects=[{"row": 1, "reason": HOSTILE}])
    assert "[red]x[/]" in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_a_slot_that_keeps_a_photo_says_so_beside_the_prompt_that_it_had() -> None:
    rows = [
        {"row": 1, "sku": "A", "view": "front", "old": side("a mug"), "new": kept("p/a.jpg"), "made_again": False},
        {"row": 2, "sku": "B", "view": "front", "old": kept("p/b.jpg"), "new": kept("p/b.jpg"), "made_again": False},
    ]
    text = " ".join(
        shown(
            rows=rows,
            new=plan(slots={"new": 2, "photos_not_read": 1}),
            old=plan(slots={"new": 2, "photos_not_read": 1}),
        ).split()
    )
    assert "white ground, the product of p/a.jpg" in text
    assert "p/b.jpg" not in text, "it stays as it is"
    assert "photo not read 1 1" in text
