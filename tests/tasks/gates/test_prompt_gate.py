"""The prompt gate finds what it should, accepts titles of real shops, and survives any text."""

import random
import tracemalloc
from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow.csv
import pytest

from catalogs.policy.brands.brand_decisions import BrandFindings, Homonym
from catalogs.policy.prompt_rules import PromptVerdict
from catalogs.policy.schema import built_in_policy, load_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.verdict import PASS, Verdict
from tasks.gates.prompt_gate import PolicyPromptGate
from tests.fixtures.counted_calls import count_calls
from tests.paths import DATA
from tests.tasks.gates.labelled_prompts import (
    DetectionScore,
    LabelledPrompt,
    find_categories,
    read_labelled_prompts,
    score_categories,
)

POLICY = built_in_policy()
GATES = PolicyPromptGate(POLICY, ["en"])
FIRST_GATES = PolicyPromptGate(built_in_policy("default@1"), ["en"])
FRAME = "Studio product photograph of {}, front view, centred on a pure white background, soft even light"
TITLES = DATA / "shop_titles.tsv"
MOST_BLOCKED, MOST_REVIEWED = 0.005, 0.05
"""Shares of real titles."""

FLOORS = {
    "brand": (0.95, 0.80), "drugs": (0.90, 0.85), "hate": (0.95, 0.90), "language": (0.95, 0.65),
    "minors": (0.85, 0.85), "politics": (0.95, 0.90), "self-harm": (0.95, 0.80), "sexual": (0.90, 0.88),
    "tobacco": (0.95, 0.90), "violence": (0.95, 0.90), "weapons": (0.90, 0.90),
}  # fmt: skip
"""What is looked for -> the least precision and recall, on the prompts that lists may be tuned to."""
HELD_OUT_FLOORS = (0.945, 0.78)
"""The same over all kinds, on those that they may not: what the first built-in policy reaches, to the last prompt."""


class FailingClassifier:
    """A classifier that fails on some prompts."""

    version = "broken-1"

    def score(self, text: str) -> dict[str, float]:
        if "mug" in text:
            raise RuntimeError("no memory")
        return {"sexual": 0.9 if "lady" in text else 0.1}


# Labelled prompts


@pytest.mark.parametrize("gates", [FIRST_GATES, GATES], ids=["default@1", "default@2"])
@pytest.mark.parametrize("held_out", [False, True], ids=["tuned-to", "held-out"])
def test_labelled_prompts_are_classified(
    gates: PolicyPromptGate, held_out: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = score_categories(gates, [one for one in read_labelled_prompts() if one.held_out == held_out])
    with capsys.disabled():
        print(f"\n  {'held out' if held_out else 'tuned to':12} precision  recall    n")  # noqa: T201 - to be read
        for kind, score in found.items():
            count = score.true_positives + score.false_negatives
            print(f"  {kind:12}     {score.precision:5.3f}   {score.recall:5.3f}  {count:3}")  # noqa: T201
    if held_out:
        total = DetectionScore(*map(sum, zip(*found.values(), strict=True)))
        assert total.precision >= HELD_OUT_FLOORS[0]
        assert total.recall >= HELD_OUT_FLOORS[1]
        return
    assert found.keys() == FLOORS.keys()
    for kind, (precision, recall) in FLOORS.items():
        assert found[kind].precision >= precision, kind
        assert found[kind].recall >= recall, kind


def test_the_labelled_prompts_are_many_of_every_kind_and_say_what_they_are() -> None:
    prompts = list(read_labelled_prompts())
    wanted = Counter(one.expected for one in prompts)
    assert len(prompts) >= 900
    assert wanted.keys() == {"-", *FLOORS}
    assert min(wanted.values()) >= 14
    said = {one.phrasing for one in prompts}
    assert {"plain", "leet", "confusable", "invisible", "spaced", "stretched", "look-alike", "hard"} <= said
    assert {"de", "fr", "es", "it", "ru"} <= said
    assert 0.28 < sum(one.held_out for one in prompts) / len(prompts) < 0.38


def test_harmless_look_alikes_are_neither_blocked_nor_held_up() -> None:
    harmless = [
        one
        for one in read_labelled_prompts()
        if one.phrasing in ("look-alike", "brand-word", "brand-own", "brand-fits")
    ]
    stopped = [one.text for one in harmless if find_categories(GATES, one)]
    assert len(harmless) >= 250
    assert len(stopped) <= 3, stopped


# Titles


def shares(titles: list[tuple[str, str]], frame: str = FRAME) -> tuple[float, float, list[tuple[str, Verdict]]]:
    """Return which share of (title, brand) is blocked and which goes to review, and those titles."""
    stopped = []
    for title, brand in titles:
        verdict, brands = GATES.evaluate_prompt(frame.format(title))
        for word in (verdict, GATES.evaluate_brands(brands, brand)):
            if word != PASS:
                stopped.append((title, word))
    count = Counter(word.decision for _, word in stopped)
    return count["BLOCK"] / len(titles), count["REVIEW"] / len(titles), stopped


def test_titles_of_shops_of_many_kinds_pass() -> None:
    rows = [line.split("\t") for line in TITLES.read_text("utf-8").splitlines()[1:]]
    assert {"toys", "costumes", "kitchen", "lingerie", "board games"} <= {kind for kind, _ in rows}
    assert len(rows) >= 250
    blocked, reviewed, stopped = shares([(title, "") for _, title in rows])
    assert blocked <= MOST_BLOCKED, stopped
    assert reviewed <= MOST_REVIEWED, stopped


def test_titles_of_real_shops_pass(shared_catalogs: Path) -> None:
    titles: set[tuple[str, str]] = set()
    for path in sorted(shared_catalogs.glob("*.csv")):
        table = pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
        columns = (table[name].cast("string").to_pylist() for name in ("Title", "Body (HTML)", "Vendor"))
        for title, body, vendor in zip(*columns, strict=True):
            if title:
                titles |= {(title, vendor or ""), (f"{title}, {(body or '')[:160]}", vendor or "")}
    assert len(titles) >= 100
    blocked, reviewed, stopped = shares(sorted(titles))
    assert blocked <= MOST_BLOCKED, stopped
    assert reviewed <= MOST_REVIEWED, stopped


@pytest.mark.parametrize("name", ["default", "sample", "shopify"])
def test_the_built_in_recipes_own_words_are_in_their_languages(name: str) -> None:
    recipe = built_in_recipe(name)
    assert PolicyPromptGate(POLICY, recipe.languages).evaluate_prompt(recipe.defaults.template or "") == PromptVerdict(
        PASS
    )


# Brands and languages


def test_a_brand_is_fine_for_its_own_skus_only() -> None:
    verdict, brands = GATES.evaluate_prompt(FRAME.format("Nike running shoes"))
    assert (verdict, brands) == (PASS, BrandFindings(("Nike",)))
    assert GATES.evaluate_brands(brands, "NIKE, Inc.") == PASS
    for brand in ("", "Acme", "Adidas"):
        assert GATES.evaluate_brands(brands, brand) == Verdict("REVIEW", ("brand.other",))


@pytest.mark.parametrize("own", ["n/a", "as shown", "Keine Angabe", " - ", ""])
def test_a_row_whose_brand_nobody_knows_may_name_what_its_shop_sells(own: str) -> None:
    gates = PolicyPromptGate(POLICY, ["en"], shop_brands=frozenset({"Nike"}))
    nike, dior = (gates.evaluate_prompt(FRAME.format(text)).brands for text in ("Nike shoes", "Dior bag"))
    assert gates.evaluate_brands(nike, own) == PASS
    assert gates.evaluate_brands(dior, own) == Verdict("REVIEW", ("brand.other",))
    for brand in ("Acme", "Unbranded"):  # it has a brand, or says that it has none: the shop's are not its own
        assert gates.evaluate_brands(nike, brand) == Verdict("REVIEW", ("brand.other",))
    assert FIRST_GATES.evaluate_brands(nike, own) == Verdict("REVIEW", ("brand.other",))


@pytest.mark.parametrize(
    ("title", "own", "reasons"),
    [
        ("Brake pads for Audi A4", "Acme", ()),
        ("Akku passend für Dyson V8", "Acme", ()),
        ("Batterie compatible avec Dyson V8", "Acme", ()),
        ("Brake pads, Audi look", "Acme", ("brand.imitation", "brand.other")),
        ("Rolex Submariner Replica", "Rolex", ("brand.imitation",)),
        ("Gucci inspired belt", "Gucci", ()),
        ("Stanley Dupe Tumbler", "", ("brand.imitation",)),
        ("N1ke trainers", "Acme", ("brand.other",)),
    ],
)
def test_a_person_is_asked_where_there_is_a_reason(title: str, own: str, reasons: tuple[str, ...]) -> None:
    assert GATES.evaluate_brands(GATES.evaluate_prompt(title).brands, own).reasons == reasons


def test_a_term_that_is_a_brand_is_judged_for_each_row() -> None:
    verdict, brands = GATES.evaluate_prompt("Opium sunglasses, brown")
    assert (verdict, brands.homonyms) == (
        PASS,
        (Homonym(("Opium", "Yves Saint Laurent"), "BLOCK", "words.drugs"),),
    )
    assert GATES.evaluate_brands(brands, "Opium Eyewear") == PASS
    assert GATES.evaluate_brands(brands, "") == Verdict("BLOCK", ("words.drugs",))
    learned = PolicyPromptGate(POLICY, ["en"], shop_brands=frozenset({"Opium"}))
    assert learned.evaluate_brands(brands, "") == PASS
    raw = GATES.evaluate_prompt("Opium and heroin")
    assert (raw.verdict.reasons, raw.brands.homonyms) == (("words.drugs",), ())
    assert FIRST_GATES.evaluate_prompt("Opium sunglasses").verdict == Verdict("BLOCK", ("words.drugs",))


def test_a_language_is_fine_where_the_recipe_names_it() -> None:
    prompt = FRAME.format("湯呑み 青磁")
    assert GATES.evaluate_prompt(prompt).verdict == Verdict("REVIEW", ("language.unexpected",))
    assert PolicyPromptGate(POLICY, ["en", "ja"]).evaluate_prompt(prompt).verdict == PASS


# The classifier


def test_a_classifier_is_asked_and_one_that_fails_leaves_the_prompt_to_a_person() -> None:
    policy = load_policy(
        "extends: default\nrequired: [words, classifier]\nclassifier: {sexual: {review_above: 0.5}}", "shop.yaml"
    )
    gates = PolicyPromptGate(policy, ["en"], FailingClassifier())
    assert gates.evaluate_prompt("a vase").verdict == PASS
    assert gates.evaluate_prompt("a lady").verdict == Verdict("REVIEW", ("classifier.sexual",))
    failed = gates.evaluate_prompt("a mug, p0rn").verdict
    assert failed == Verdict("BLOCK", ("scanner-failed.classifier", "score-missing.classifier.sexual", "words.sexual"))
    assert gates.evaluate_prompt("a vase").verdict == PASS


def test_a_classifier_that_is_required_and_missing_passes_nothing() -> None:
    policy = load_policy("extends: default\nrequired: [words, classifier]", "shop.yaml")
    assert PolicyPromptGate(policy, ["en"]).evaluate_prompt("a vase").verdict == Verdict(
        "REVIEW", ("scanner-missing.classifier",)
    )


# Any text at all

SCRIPTS = ((0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
           (0x1100, 0x11FF), (0x200B, 0x2069), (0x2100, 0x26FF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xD800, 0xDFFF),
           (0xFE00, 0xFEFF), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F1FF), (0x1F300, 0x1F9FF),
           (0xE0000, 0xE007F), (0x10FFFE, 0x10FFFF))  # fmt: skip
SPECIAL = (
    "\x00",
    "\x1b[31m",
    "\u202e",
    "\u2066",
    "\u200d",
    "\ufeff",
    "*",
    "-",
    "I",
    "1",
    "@",
    "\ufdfa",
    "gun",
    "for iPhone",
)


def hostile(chance: random.Random) -> str:
    parts = []
    for _ in range(chance.randint(1, 12)):
        low, high = chance.choice(SCRIPTS)
        letter = chr(chance.randint(low, high))
        word = "".join(chr(chance.randint(low, high)) for _ in range(chance.randint(1, 12)))
        parts.append(chance.choice((letter * chance.choice((1, 3, 300)), word, chance.choice(SPECIAL))))
    return chance.choice(("", " ", "\t")).join(parts)[:4000]


def test_five_thousand_hostile_prompts_get_a_verdict_each_in_bounded_memory() -> None:
    chance = random.Random(5)
    words = Counter(GATES.evaluate_prompt(hostile(chance)).verdict.decision for _ in range(4500))
    tracemalloc.start()
    try:
        words.update(GATES.evaluate_prompt(hostile(chance)).verdict.decision for _ in range(500))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(words.values()) == 5000
    assert words.keys() == {"PASS", "REVIEW", "BLOCK"}
    assert kept < 30_000_000, "what is remembered of words and letters is bounded"
    assert peak < 60_000_000


@pytest.mark.parametrize("unit", ["gun ", "a-b ", "ж", "é", "p*rn ", "\u0301a", "1l", "for iPhone "])
def test_a_verdict_of_ten_times_the_text_takes_about_ten_times_the_work(unit: str) -> None:
    GATES.evaluate_prompt(unit * 100)
    few, many = (count_calls(partial(GATES.evaluate_prompt, unit * times)) for times in (400, 4000))
    assert many <= 12 * few + 1000


def test_a_held_out_prompt_is_selected_by_its_text_alone() -> None:
    one = LabelledPrompt("-", frozenset(), "plain", "", "Oak table")
    assert one.held_out == one._replace(expected="drugs", brand="Acme").held_out
