"""Other tools' prompt syntax is found and named, and titles as shops write them are left in peace."""

import pyarrow as pa
import pytest

from catalogs.planning.prompt_syntax import PATTERNS, PromptSyntax
from tests.fixtures.planning_harness import MUG, PlanningHarness
from tests.fixtures.sample_recipe import recipe_with


def kinds_of(prompt: str) -> set[str]:
    syntax = PromptSyntax()
    syntax.add_prompt("A-1", prompt)
    return set(syntax.found)


@pytest.mark.parametrize(
    ("prompt", "kind", "text"),
    [
        ("a (red mug:1.4) on a table", "weight", "(red mug:1.4)"),
        ("a (red mug: .8) on a table", "weight", "(red mug: .8)"),
        ("a (tasse bleu\u00e9:2)", "weight", "(tasse bleu\u00e9:2)"),
        ("a ((shiny)) mug", "emphasis", "((shiny))"),
        ("a [[dull]] mug", "emphasis", "[[dull]]"),
        ("a mug <lora:studio_light:0.8>", "lora tag", "<lora:studio_light:0.8>"),
        ("a mug < LyCO:soft >", "lora tag", "< LyCO:soft >"),
        ("a mug, embedding:easynegative", "embedding", "embedding:easynegative"),
        ("[mug:vase:0.5] in clay", "schedule", "[mug:vase:0.5]"),
        ("[mug:vase:12] in clay", "schedule", "[mug:vase:12]"),
        ("[:steam:.3] over a mug", "schedule", "[:steam:.3]"),
        ("a mug --no text", "parameter", "--no"),
        ("a mug --AR 3:2", "parameter", "--AR"),
        ("mug::2 handle::-1", "part weight", "g::2"),
        ("a {red|blue|green} mug", "choice", "{red|blue|green}"),
        ("a __colour__ mug", "wildcard", "__colour__"),
        ("a shiny++ mug", "raised word", "shiny++"),
        ("a (red mug)++", "raised word", ")++"),
    ],
)
def test_each_syntax_is_found_by_its_name(prompt: str, kind: str, text: str) -> None:
    syntax = PromptSyntax()
    syntax.add_prompt("A-1", prompt)
    assert syntax.found[kind].text == text
    assert set(syntax.found) == {kind}


@pytest.mark.parametrize(
    "prompt",
    [
        "Model car 1:18 (scale 1:18), red",
        "Die-cast tractor (1:32)",
        "Lens 50 mm (1:1.8)",
        "Mug (ceramic), 330 ml [2 pack]",
        "Shirt [S|M|L] slim fit",
        "T-Shirt -- no print",
        "C++ in a nutshell, paperback",
        "Cable USB 2.0 -> USB 3.0 <br> black",
        "std::vector mug",
        "Poster {A3} and {A4}",
        "Clock (10:30)",
        "Tee (colour: red)",
        "Batteries AA++ 4 pack",
        "Blend 50/50 (cotton:polyester)",
        "Part no. A__12__B",
        "Ladder 3--5 m",
        "Kit: cups (x2), plates (x2)",
        "",
    ],
)
def test_titles_as_shops_write_them_hold_none(prompt: str) -> None:
    assert kinds_of(prompt) == set()


def test_every_pattern_is_found_behind_the_hint_and_in_linear_time() -> None:
    assert len(PATTERNS) == 10
    for text in ("(" * 4000, "[" * 4000, "(a:" * 1300, "{a|" * 1300, "__a" * 1300, "<lora:" * 600, "a::" * 1300):
        kinds_of(text)


SAID = "the model reads it as plain letters; say it in words"


def test_rendered_prompts_are_counted_by_kind_with_the_first_as_example() -> None:
    harness = PlanningHarness()
    rows = [{**MUG, "sku": f"M{number}", "title": f"(mug {number}:1.{number}) --no text"} for number in range(1, 4)]
    harness.publish(harness.plan(rows))
    assert harness.warnings == [
        f"3 × a prompt holds another tool's syntax, a weight (such as '(mug 1:1.1)' of 'M1'): {SAID}",
        f"3 × a prompt holds another tool's syntax, a parameter (such as '--no' of 'M1'): {SAID}",
    ]
    harness.plan(rows)
    assert harness.warnings == [], "an unchanged row's prompt is not rendered"
    harness.plan([{**MUG, "prompt": "(mug:1.4)"}])
    assert harness.warnings == [], "a row's own prompt is looked at in the source"


def test_the_prompts_of_rows_are_looked_at_in_all_rows_as_they_come() -> None:
    recipe, syntax = recipe_with(), PromptSyntax()
    prompts = ["(red mug:1.4), [white background]", None, "a mug --ar 1:1 --no text", "<lora:product:0.8> mug", "mug"]
    columns = {"sku": ["P-1", "P-2", None, "P-4", "P-5"], "prompt": prompts}
    syntax.add_source(recipe, pa.RecordBatch.from_pydict(columns))
    assert {kind: (finding.count, finding.sku, finding.text) for kind, finding in syntax.found.items()} == {
        "weight": (1, "P-1", "(red mug:1.4)"),
        "parameter": (1, "", "--ar"),
        "lora tag": (1, "P-4", "<lora:product:0.8>"),
    }
    for other in ({"sku": ["A"]}, {"sku": ["A"], "prompt": [7]}, {"prompt": pa.array(["<lora:x>"], pa.large_string())}):
        syntax.add_source(recipe, pa.RecordBatch.from_pydict(other))
    assert syntax.found["lora tag"].count == 2
    syntax.add_source(recipe_with({"columns.prompt": "Prompt of {{ sku }}"}), pa.RecordBatch.from_pydict(columns))
    assert syntax.found["weight"].count == 1


def test_the_plan_counts_negative_prompts_without_effect_by_row_unchanged_ones_too() -> None:
    harness = PlanningHarness()
    rows = [{**MUG, "negative_prompt": "text"}, {**MUG, "sku": "M2"}, {**MUG, "sku": "M3", "quality": "high"}]
    sentence = (
        "the negative prompt has no effect, since guidance is 0 (such as 'text' of 'M1'): say in the prompt what the"
        " image shall show; changing or removing a negative prompt makes no image again"
    )
    harness.publish(harness.plan(rows))
    assert harness.warnings == [f"1 × {sentence}"]
    harness.plan(rows, recipe_with({"defaults.negative": "cats", "defaults.views": ["front", "side"]}))
    assert harness.warnings == [f"3 × {sentence}"]
    harness.plan(rows, recipe_with({"defaults.negative": "cats", "tiers.standard.guidance": 1.0}))
    assert [warning[:2] for warning in harness.warnings] == ["1 "]  # the tier `high` alone
