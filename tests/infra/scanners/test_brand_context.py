"""What stands beside a brand's name says how it is named."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.scanners.brand_context import UNNAMED, BrandContext, BrandMentions, ContextPhrases
from tests.fixtures.counted_calls import count_calls

CONTEXT = BrandContext(
    names={"Nike": ["nike"], "Apple": ["iphone", "apple watch"], "Rolex": ["rolex"], "Ray-Ban": ["ray ban"]},
    ordinary_words={"Stanley": ["Stanley"], "Hermès": ["Hermès"], "Orange": ["Orange"]},
    phrases=ContextPhrases(
        fits_before=["for", "compatible with", "replaces", "passend für", "対応"],
        fits_after=["compatible", "用"],
        imitates=["replica", "dupe", "fake", "smells like", "imitación"],
        imitates_alone=["dupe"],
        harmless=["fake fur", "old style"],
        resembles_before=["in the style of", "inspired by", "estilo"],
        resembles_after=["style", "inspired"],
    ),
)


def mentions(own: str = "", fitted: str = "", imitated: str = "", resembled: str = "") -> BrandMentions:
    return BrandMentions(
        *({brand for brand in names.split(",") if brand} for names in (own, fitted, imitated, resembled))
    )


@pytest.mark.parametrize(
    "text",
    [
        "Case for iPhone 15 Pro",
        "Strap compatible with the Apple Watch",
        "iPhone compatible charger",
        "Hülle passend für iPhone",
        "Dock for all your iPhones",
        "REPLACES iPhone battery",
        "ケース iPhone 用",
    ],
)
def test_what_the_goods_fit_is_not_theirs(text: str) -> None:
    assert CONTEXT.find(text) == mentions(fitted="Apple")


def test_a_list_of_what_the_goods_fit_goes_on_until_the_sentence_ends() -> None:
    assert CONTEXT.find("Mount for iPhone 15 Pro Max, Nike and Ray-Ban") == mentions(fitted="Apple,Nike,Ray-Ban")
    assert CONTEXT.find("Mount for iPhone. Nike shoes") == mentions(own="Nike", fitted="Apple")
    assert CONTEXT.find("Mount for iPhone beside a red Nike shoe") == mentions(own="Nike", fitted="Apple")


def test_a_word_between_for_and_a_brand_means_somebody_else() -> None:
    assert CONTEXT.find("Shoes for women Nike") == mentions(own="Nike")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Rolex Submariner Date Replica", mentions("Rolex", imitated="Rolex")),
        ("Fake Rolex", mentions("Rolex", imitated="Rolex")),
        ("It smells like a new old Nike", mentions("Nike", imitated="Nike")),
        ("Nike bag, replica", mentions("Nike", imitated="Nike")),
        ("Nike bag. Replica of a sword", mentions("Nike")),
        ("Nike bag in fake fur", mentions("Nike")),
        ("Stanley dupe", mentions(imitated=f"Stanley,{UNNAMED}")),
        ("stanley replica", mentions()),
        ("Charlotte's primer dupe", mentions(imitated=UNNAMED)),
        ("Replica dinosaur", mentions()),
    ],
)
def test_a_word_of_imitation_counts_beside_a_brand(text: str, found: BrandMentions) -> None:
    assert CONTEXT.find(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ray-Ban style sunglasses", mentions("Ray-Ban", resembled="Ray-Ban")),
        ("Bolso estilo Nike", mentions("Nike", resembled="Nike")),
        ("Bag in the style of Hermès", mentions(resembled="Hermès")),
        ("Orange style lamp, inspired Orange", mentions()),
        ("Nike shirt, style 42", mentions("Nike")),
        ("Nike old style shirt", mentions("Nike")),
    ],
)
def test_a_fashion_word_counts_right_beside_a_brand(text: str, found: BrandMentions) -> None:
    assert CONTEXT.find(text) == found


@given(st.text(max_size=200))
def test_any_text_has_mentions(text: str) -> None:
    assert CONTEXT.find(text).imitated <= {"Nike", "Apple", "Rolex", "Ray-Ban", "Stanley", "Hermès", "Orange", UNNAMED}


@pytest.mark.parametrize("unit", ["for iPhone ", "rolex replica ", "fake fur ", "nike, ", "in the style of "])
def test_ten_times_the_text_takes_about_ten_times_the_work(unit: str) -> None:
    few, many = (count_calls(partial(CONTEXT.find, unit * times)) for times in (100, 1000))
    assert many <= 12 * few + 1000
