"""A new recipe is shown whole, and texts of a stranger's file stay text."""

import io
from typing import Any

from rich.console import Console

from flows.cli.views.recipe_init import show_new_recipe

HOSTILE = "[bold]x[/] \x1b[2J"


def shown(**values: Any) -> str:
    face = Console(file=io.StringIO(), width=240, color_system=None)
    document: dict[str, Any] = {
        "out": "my.yaml", "recipe": "", "extends": "default@1", "export": None, "source": [], "fields": [],
        "not_found": [], "not_read": [], "doubts": [], "whole": True, "rejects": [], "warnings": [], "prompts": [],
        "rows": {"input": 3, "accepted": 1, "rejected": 1, "ignored": 1, "damaged": 0},
    }  # fmt: skip
    show_new_recipe(face, document | values, "my shop.csv")
    assert isinstance(face.file, io.StringIO)
    return " ".join(face.file.getvalue().split())


def test_a_vendors_export_is_named_with_its_marks() -> None:
    export = {"name": "Etsy", "format": "https://help.etsy.com", "marks": ["TITLE", "SKU"]}
    text = shown(export=export, source=["UTF-8, separated by ','"])
    assert "An export of Etsy, by its columns TITLE, SKU. UTF-8, separated by ','" in text


def test_what_is_rejected_doubtful_or_left_out_is_said() -> None:
    text = shown(
        rejects=[{"row": 3, "sku": None, "column": "sku", "reason": "sku is missing"}],
        doubts=["no column is called title"],
        not_found=["color"],
        not_read=["Price", ""],
        whole=False,
    )
    for words in (
        "The first rows: 3 read, 1 products, 1 left out, 1 rejected. row 3: sku is missing",
        "look at this: no column is called title",
        "color not found",
        "not read: 2 columns: Price, (without a name)",
        "packshot plan 'my shop.csv' --recipe my.yaml",
    ):
        assert words in text, text


def test_a_prompt_that_waits_says_why() -> None:
    prompt = {
        "sku": "A",
        "view": "front",
        "prompt": "p",
        "slots": 2,
        "verdict": "REVIEW",
        "reasons": ["language.other"],
    }
    assert "A front REVIEW: language.other p" in shown(prompts=[prompt])


def test_texts_of_a_strangers_file_stay_text() -> None:
    prompt = {"sku": HOSTILE, "view": "front", "prompt": HOSTILE, "slots": 1, "verdict": "PASS", "reasons": []}
    field = {"field": "sku", "columns": [HOSTILE, HOSTILE], "example": HOSTILE, "why": "its name"}
    text = shown(prompts=[prompt], fields=[field], not_read=[HOSTILE], doubts=[HOSTILE], warnings=[HOSTILE])
    assert "\x1b" not in text
    assert text.count("[bold]x[/]") == 8
