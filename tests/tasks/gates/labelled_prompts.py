"""The labelled prompts, and how well the prompt gates tell them apart.

Comes in: `tests/data/labelled_prompts.tsv`, whose labels were written before any list was tuned to them: what a prompt
holds (`-` for nothing; `a+b` for a, with b as no mistake), how it is said, the SKU's brand, the text with invisible
characters as \\uXXXX. Goes out: precision and recall by what is looked for. A third of the prompts, chosen by hash, is
held out: no list may be tuned to a mistake on one of those.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from tasks.gates.prompt_gate import PolicyPromptGate
from tests.paths import DATA

PROMPTS_FILE = DATA / "labelled_prompts.tsv"
CATEGORY_BY_REASON = {
    "words.violence": "violence", "words.horror": "violence", "words.sexual": "sexual", "words.nudity": "sexual",
    "words.adult": "sexual", "words.minors": "minors", "words.hate": "hate", "words.politics": "politics",
    "words.drugs": "drugs", "words.cannabis": "drugs", "words.weapons": "weapons", "words.arms": "weapons",
    "words.self-harm": "self-harm", "words.tobacco": "tobacco", "words.counterfeit": "counterfeit",
    "brand.other": "brand", "brand.imitation": "brand", "language.unexpected": "language",
}  # fmt: skip
"""Reason -> what the labels call it."""


FOREIGN_PHRASINGS = ("de", "fr", "es", "it", "ru", "confusable", "leet")
"""Ways of saying that are another language, or look like one."""


class LabelledPrompt(NamedTuple):
    """One prompt, what it holds, and what else may be found in it without a mistake."""

    expected: str
    tolerated: frozenset[str]
    phrasing: str
    brand: str
    text: str

    @property
    def held_out(self) -> bool:
        return int(sha256(self.text.encode()).hexdigest(), 16) % 3 == 0


class DetectionScore(NamedTuple):
    """How often a kind was found rightly, wrongly, and not at all."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        return self.true_positives / max(1, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return self.true_positives / max(1, self.true_positives + self.false_negatives)


def read_labelled_prompts() -> Iterator[LabelledPrompt]:
    for line in PROMPTS_FILE.read_text("utf-8").splitlines()[1:]:
        expected, kind, brand, text = line.split("\t")
        text = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)
        wanted, *tolerated = expected.split("+")
        foreign = {"language"} if kind in FOREIGN_PHRASINGS else set()
        yield LabelledPrompt(wanted, frozenset({*tolerated, *foreign}), kind, brand, text)


def find_categories(gates: PolicyPromptGate, prompt: LabelledPrompt) -> set[str]:
    """Return what the gates find in a prompt of a SKU of its brand."""
    verdict, brands = gates.evaluate_prompt(prompt.text)
    return {
        CATEGORY_BY_REASON[reason]
        for reason in (*verdict.reasons, *gates.evaluate_brands(brands, prompt.brand).reasons)
    }


def score_categories(gates: PolicyPromptGate, prompts: Sequence[LabelledPrompt]) -> dict[str, DetectionScore]:
    """Return what is looked for -> how well it was found."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for one in prompts:
        found = find_categories(gates, one)
        if one.expected != "-":
            (right if one.expected in found else missed)[one.expected] += 1
        wrong.update(found - one.tolerated - {one.expected})
    return {kind: DetectionScore(right[kind], wrong[kind], missed[kind]) for kind in sorted({*right, *wrong, *missed})}
