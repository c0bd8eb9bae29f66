"""Blind titles: how well two readers agree on 500 titles of 25 kinds of shop, and how the prompt gate answers both.

Inputs: `tests/data/blind_titles.tsv`: titles that were written and labelled before any verdict on them was seen;
`blind_titles_second.csv`, where it is there: the labels of a second reader, who saw nothing but the titles. Outputs:
Cohen's kappa, and for each policy and each reader how many titles the gate passes, asks about and blocks, by label.
The readers assume a shop that may sell any brand, so the gate is asked as in such a shop too (`any`); `learned` are the
brands that a full run learns from the 500 titles alone, and `none` is a shop of which nothing is known.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from catalogs.policy.brands.shop_brands import SoldBrandCounter
from catalogs.policy.schema import Policy, built_in_policy
from catalogs.verdict import combine_verdicts
from tasks.gates.prompt_gate import PolicyPromptGate

TITLES_FILE = Path(__file__).parents[1] / "tests" / "data" / "blind_titles.tsv"
SECOND_READER_FILE = TITLES_FILE.with_name("blind_titles_second.csv")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "fi")
LABELS = ("pass", "ask", "block")
_LABEL_OF = {"PASS": "pass", "REVIEW": "ask", "BLOCK": "block"}


class BlindTitle(NamedTuple):
    """A title and what two readers said of it; the second may be missing."""

    first: str
    second: str
    kind: str
    title: str


def read_blind_titles(file: Path = TITLES_FILE, second_file: Path = SECOND_READER_FILE) -> list[BlindTitle]:
    """Return the titles with their labels; the second reader's are empty where that file is not there."""
    second: dict[str, str] = {}
    if second_file.exists():
        with second_file.open(encoding="utf-8", newline="") as lines:
            second = {row["number"].strip(): row["label"].strip() for row in csv.DictReader(lines)}
    rows = [line.split("\t") for line in file.read_text("utf-8").splitlines()[1:]]
    return [BlindTitle(label, second.get(number, ""), kind, title) for number, label, kind, title in rows]


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return how far two readers agree beyond chance: 1 always, 0 as chance would."""
    observed = sum(one == other for one, other in pairs) / len(pairs)
    first, second = (Counter(column) for column in zip(*pairs, strict=True))
    expected = sum(first[label] * second[label] for label in first) / len(pairs) ** 2
    return 1.0 if expected == 1 else (observed - expected) / (1 - expected)


def measure_blind_titles() -> dict[str, Any]:
    """Return the readers' agreement and the gate's answers, by policy, by what is known of the shop, and by reader."""
    titles = read_blind_titles()
    pairs = [(one.first, one.second) for one in titles if one.second]
    result: dict[str, Any] = {"titles": len(titles), "read_twice": len(pairs), "gate": []}
    if pairs:
        result["agreement"] = round(sum(one == other for one, other in pairs) / len(pairs), 4)
        result["kappa"] = round(cohens_kappa(pairs), 4)
    for name in ("default@1", "default@2"):
        policy = built_in_policy(name)
        for known, brands in _shops(policy, titles).items():
            answers = _answers(PolicyPromptGate(policy, LANGUAGES, shop_brands=brands), titles)
            for reader in ("first", "second") if pairs else ("first",):
                labels = [getattr(one, reader) or one.first for one in titles]
                result["gate"].append({"policy": name, "shop": known, "reader": reader, **score(labels, answers)})
    return result


def score(labels: Sequence[str], answers: Sequence[str]) -> dict[str, Any]:
    """Return the counts of (label, answer), what is stopped wrongly, and precision and recall of what is stopped."""
    counts = Counter(zip(labels, answers, strict=True))
    good = sum(counts["pass", answer] for answer in LABELS)
    wanted = sum(counts[label, answer] for label in LABELS[1:] for answer in LABELS)
    stopped = sum(counts[label, answer] for label in LABELS for answer in LABELS[1:])
    right = sum(counts[label, answer] for label in LABELS[1:] for answer in LABELS[1:])
    return {
        "counts": {f"{label} -> {answer}": counts[label, answer] for label in LABELS for answer in LABELS},
        "asked_wrongly": round(counts["pass", "ask"] / max(1, good), 4),
        "blocked_wrongly": round(counts["pass", "block"] / max(1, good), 4),
        "precision": round(right / max(1, stopped), 4),
        "recall": round(right / max(1, wanted), 4),
    }


def _shops(policy: Policy, titles: Sequence[BlindTitle]) -> dict[str, frozenset[str]]:
    counter, gate = SoldBrandCounter(), PolicyPromptGate(policy, LANGUAGES)
    for one in titles:
        counter.add(one.title, gate.sold_brands(one.title, ""))
    return {"none": frozenset(), "learned": frozenset(counter.sold), "any": policy.brands.known_brands}


def _answers(gate: PolicyPromptGate, titles: Sequence[BlindTitle]) -> list[str]:
    answers = []
    for one in titles:
        verdict, brands = gate.evaluate_prompt(one.title)
        answers.append(_LABEL_OF[combine_verdicts((verdict, gate.evaluate_brands(brands, ""))).decision])
    return answers
