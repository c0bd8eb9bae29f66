"""Banned words are found through their disguises; look-alikes and innocent words are left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.scanners.blocklist import VERSION, WordScanner
from infra.scanners.text_normalization import fold

TERMS = {
    "weapons": ["gun", "pistol", "assault rifle", "手枪"],
    "sexual": ["nude", "tit", "porn"],
    "cannabis": ["weed"],
    "harm": ["kill yourself"],
}
ALLOW = ["glue gun", "nude lipstick", "weed killer"]
SCANNER = WordScanner(TERMS, ALLOW)


@pytest.mark.parametrize(
    ("text", "category", "term"),
    [
        ("a gun on a table", "weapons", "gun"),
        ("GUN!", "weapons", "gun"),
        ("two guns", "weapons", "gun"),
        ("hand_gun", "weapons", "gun"),
        ("an assault\n  RIFLE", "weapons", "assault rifle"),
        ("assault-rifles", "weapons", "assault rifle"),
        ("g\u200bu\u00adn", "weapons", "gun"),
        ("g\x00un", "weapons", "gun"),
        ("ｇｕｎ", "weapons", "gun"),
        ("Ⓖⓤⓝ", "weapons", "gun"),
        ("güñ", "weapons", "gun"),
        ("g\u0336u\u0336n\u0336", "weapons", "gun"),
        ("gυn", "weapons", "gun"),
        ("рistоl", "weapons", "pistol"),
        ("p1st0l", "weapons", "pistol"),
        ("pist01s", "weapons", "pistol"),
        ("p!stol", "weapons", "pistol"),
        ("9un", "weapons", "gun"),
        ("guuuun", "weapons", "gun"),
        ("weeeeed", "cannabis", "weed"),
        ("p00000rn", "sexual", "porn"),
        ("nnuudde print", "sexual", "nude"),
        ("pist0I black", "weapons", "pistol"),
        ("pistoI black", "weapons", "pistol"),
        ("pis-tol", "weapons", "pistol"),
        ("p*stol", "weapons", "pistol"),
        ("p**n", "sexual", "porn"),
        ("g u n", "weapons", "gun"),
        ("buy a g.u.n now", "weapons", "gun"),
        ("size s p-i-s-t-o-l", "weapons", "pistol"),
        ("t 1 t", "sexual", "tit"),
        ("k1ll yourself", "harm", "kill yourself"),
        ("ki11 your5elf", "harm", "kill yourself"),
        ("玩具手枪模型", "weapons", "手枪"),
        ("a glue gun and a gun", "weapons", "gun"),
        ("glue gun pistol", "weapons", "pistol"),
    ],
)
def test_a_disguised_word_is_found(text: str, category: str, term: str) -> None:
    assert SCANNER.scan(text) == {category: [term]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a white ceramic mug",
        "Scunthorpe therapist, title, begun, gunmetal, nudetone",
        "glue gun",
        "GLUE GUNS",
        "glue g u n",
        "Nude Lipstick, matte",
        "weed killer 500ml",
        "sizes S M L XL",
        "Galaxy A55 case, 3 x 4 x 5 cm",
        "kill time, be yourself",
        "striped pattern, a Nuudle bowl, 5* hotel towel, 4*4 tyre, * porcelain *",
        "assault on a rifle",
        "手 机壳, 枪灰色",
        "a" * 200,
    ],
)
def test_an_innocent_text_is_left_alone(text: str) -> None:
    assert SCANNER.scan(text) == {}


def test_a_phone_that_reads_like_a_word_in_leet_is_left_alone() -> None:
    assert WordScanner({"rude": ["ass"]}).scan("Galaxy A55") == {}
    assert WordScanner({"rude": ["ass"]}).scan("a5s") == {"rude": ["ass"]}


def test_terms_are_given_once_and_sorted_by_category_and_term() -> None:
    found = SCANNER.scan("pistol gun PISTOL nude guns")
    assert found == {"sexual": ["nude"], "weapons": ["gun", "pistol"]}
    assert list(found) == ["sexual", "weapons"]


def test_a_term_of_two_categories_is_found_in_both() -> None:
    assert WordScanner({"a": ["hex"], "b": ["hex"]}).scan("hexes") == {"a": ["hex"], "b": ["hex"]}


def test_a_term_without_a_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one letter or digit: '---'"):
        WordScanner({"a": ["---"]})


def test_the_version_moves_with_the_lists_and_not_with_their_order() -> None:
    assert WordScanner({"a": ["x", "y"]}).version == WordScanner({"a": ["y", "x"]}).version
    assert WordScanner({"a": ["x"]}).version != WordScanner({"a": ["x"]}, ["x y"]).version
    assert SCANNER.version.startswith(f"{VERSION}-")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a " * 500_000,
        "x" + "\u0300\u0327" * 500_000,
        "x" + "\u302e\u0327\U0001d165" * 300_000,
        "a1" * 500_000,
        "kill " * 200_000,
        "glue " * 200_000,
        "!" * 1_000_000,
        "\n" * 1_000_000,
        "\ufdfa" * 30_000,
        "aI" * 50_000,
        "aa-" * 50_000,
        "a" * 100_000 + "-" + "b" * 100_000,
        "a*" * 50_000,
        "ppp*qqqn " * 20_000,
        "ж" * 100_000,
        "🅟" * 50_000,
    ],
    ids=[
        "letter",
        "letters",
        "marks",
        "more-marks",
        "leet",
        "prefix",
        "allowed",
        "symbols",
        "lines",
        "expanding",
        "capital-i",
        "hyphens",
        "hyphen",
        "stars",
        "starred-words",
        "cyrillic",
        "boxes",
    ],
)
def test_a_hostile_megabyte_ends(text: str) -> None:
    # Quadratic work on any of these would take hours, not the second that it does.
    assert SCANNER.scan(text) == {}
    assert SCANNER.scan(text + " pistol") == {"weapons": ["pistol"]}


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_and_folding_it_twice_changes_nothing_that_is_found(text: str) -> None:
    assert SCANNER.scan(fold(text)) == SCANNER.scan(text)


@settings(deadline=None)
@given(
    before=st.text(alphabet="abc xyz,.", max_size=20),
    after=st.text(alphabet="abc xyz,.", max_size=20),
    hidden=st.lists(st.sampled_from(["", "\u200b", "\u0301", "\u00ad", "\ufe0f"]), min_size=6, max_size=6),
    upper=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_a_term_between_any_words_is_found_however_it_is_decorated(
    before: str, after: str, hidden: list[str], upper: list[bool]
) -> None:
    letters = (letter.upper() if up else letter for letter, up in zip("pistol", upper, strict=True))
    term = "".join(letter + mark for letter, mark in zip(letters, hidden, strict=True))
    assert SCANNER.scan(f"{before} {term} {after}")["weapons"] == ["pistol"]
