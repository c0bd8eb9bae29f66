"""Prompt syntax: what people write for other image tools, and what this model does not read so.

Inputs: accepted rows and rendered prompts. Outputs: counts with one example each, as warnings of the plan. A weight
such as `(red mug:1.4)`, `--no text`, `<lora:name:1>` or `[from:to:0.5]` is an instruction to other tools and plain
letters to Z-Image; a negative prompt has no effect at guidance 0. Nothing is cut out of a prompt: what it meant, its
author knows.

The patterns ask for more than a bracket, since titles have brackets too: a weight is a decimal number after a word.
Where each is read: A1111 and ComfyUI (weights, emphasis, LoRA tags, prompt editing, embeddings), Midjourney (`--no`,
`::2`), Dynamic Prompts (`{a|b}`, `__name__`), Compel (`word++`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.rows import BatchRows
from catalogs.planning.slot_shapes import SlotShape
from catalogs.recipe.schema import Recipe

NEGATIVES = "negative prompt"

_HINTS = ("(", "[", "{", "<", "--", "::", "__", "++", "embedding:")
"""What every pattern below needs a part of. Most prompts have none of it, and looking for each takes half the time
of one regular expression for all of them."""
_HINT_PATTERN = "|".join(map(re.escape, _HINTS))

_PARAMETERS = (
    "no|ar|aspect|v|version|style|stylize|chaos|quality|q|seed|niji|iw|tile|weird|stop|cref|cw|sref|sw|raw|hd|uplight"
    "|neg|negative|steps|cfg|sampler"
)
PATTERNS = {
    "weight": re.compile(r"\([^()]*[^\W\d_][^()]*:\s*[+-]?(?:\d*\.\d+|\d)\s*\)"),
    "emphasis": re.compile(r"\(\([^()]+\)\)|\[\[[^\[\]]+\]\]"),
    "lora tag": re.compile(r"<\s*(?:lora|lyco|locon|loha|hypernet)\s*:[^<>]*>", re.IGNORECASE),
    "embedding": re.compile(r"<\s*embedding\s*:[^<>]*>|(?<!\w)embedding:[\w.-]+", re.IGNORECASE),
    "schedule": re.compile(r"\[[^\[\]:]*:[^\[\]:]*:\s*(?:\d*\.\d+|\d+)\s*\]"),
    "parameter": re.compile(rf"(?<![\w-])--(?:{_PARAMETERS})(?![\w-])", re.IGNORECASE),
    "part weight": re.compile(r"\w::\s*-?(?:\d*\.)?\d+(?![\w:])"),
    "choice": re.compile(r"\{[^{}|]+(?:\|[^{}|]+)+\}"),
    "wildcard": re.compile(r"(?<!\w)__[A-Za-z][\w/*-]*?__(?!\w)"),
    "raised word": re.compile(r"(?:(?<!\w)[^\W\d_A-Z]{3,}|\))\+\+(?=[+\s,]|$)"),
}
"""Kind -> the pattern of its syntax."""

MAX_EXAMPLE_CHARACTERS = 60


@dataclass
class Finding:
    """How many prompts hold a syntax, and the first of them: its SKU and the words."""

    count: int
    sku: str
    text: str


@dataclass
class PromptSyntax:
    """The findings of one plan: negative prompts by row, syntax by rendered prompt."""

    found: dict[str, Finding] = field(default_factory=dict)

    def add_rows(self, recipe: Recipe, shape: SlotShape, rows: BatchRows, positions: Sequence[int]) -> None:
        """Count the rows of one shape whose negative prompt has no effect, as their tier has guidance 0."""
        if shape.mode or recipe.tiers[shape.tier].guidance > 0:
            return
        of_recipe = recipe.resolve_rule("negative", shape.category, shape.variant) or ""
        of_rows = rows.column("negative_prompt") if "negative_prompt" in recipe.columns else None
        for position in positions if of_recipe or of_rows else ():
            text = (of_rows[position] if of_rows else "") or of_recipe
            if text:
                self._add(NEGATIVES, rows.column("sku")[position], text)

    def add_source(self, recipe: Recipe, rows: pa.RecordBatch) -> None:
        """Look for syntax in the prompts that rows give themselves: in all rows, rejected and unchanged ones too."""
        column, skus = (recipe.columns.get(name) for name in ("prompt", "sku"))
        if not isinstance(column, str) or column not in rows.schema.names:
            return
        texts = rows.column(column)
        if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
            return
        for position in pc.indices_nonzero(pc.match_substring_regex(texts, _HINT_PATTERN)).to_pylist():
            known = isinstance(skus, str) and skus in rows.schema.names
            sku = rows.column(skus)[position].as_py() if known else None
            self.add_prompt(str(sku or ""), texts[position].as_py())

    def add_prompt(self, sku: str, prompt: str) -> None:
        """Look for syntax in a prompt: one that a row gives itself, or that was rendered and is to be decided."""
        if any(hint in prompt for hint in _HINTS):
            for kind, pattern in PATTERNS.items():
                if match := pattern.search(prompt):
                    self._add(kind, sku, match[0])

    def _add(self, kind: str, sku: str, text: str) -> None:
        known = self.found.get(kind)
        if known is None:
            self.found[kind] = Finding(1, sku, text)
        else:
            known.count += 1

    def warnings(self) -> list[str]:
        """Return one sentence for each kind that was found."""
        return [_sentence(kind, finding) for kind, finding in self.found.items()]


def _sentence(kind: str, finding: Finding) -> str:
    text = finding.text
    if len(text) > MAX_EXAMPLE_CHARACTERS:
        text = text[: MAX_EXAMPLE_CHARACTERS - 1] + "…"
    example = f"such as {text!r} of {finding.sku!r}"
    if kind == NEGATIVES:
        return (
            f"{finding.count} × the negative prompt has no effect, since guidance is 0 ({example}): say in the prompt"
            " what the image shall show; changing or removing a negative prompt makes no image again"
        )
    return (
        f"{finding.count} × a prompt holds another tool's syntax, a {kind} ({example}): the model reads it as plain"
        " letters; say it in words"
    )
