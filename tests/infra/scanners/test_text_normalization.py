"""A text is read as it stands, as it looks and as it sounds; what no reader sees is gone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.scanners.text_normalization import fold, normalization_variants


def words_in(text: str) -> set[str]:
    return {word for reading in normalization_variants(text) for word in reading}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("рistоl", "pistol"),  # Cyrillic letters: as they look, not as they sound
        ("кокаин", "kokain"),  # as they sound, not as they look
        ("κοκαΐνη", "kokaini"),
        ("Ŋuŋ", "ngung"),
        ("ɴᴀᴋᴇᴅ", "naked"),
        ("🅟🅞🅡🅝", "porn"),
        ("ΑΚ", "ak"),
        ("вотв", "botb"),
        ("pørn", "porn"),
        ("p€n", "pen"),
        ("p o r n", "porn"),
        ("por-no", "porno"),
        ("sky-blue", "skyblue"),
        ("pistoI", "pistol"),
        ("“p*rn”", "p*rn"),
    ],
)
def test_a_word_is_read_as_it_is_meant(text: str, word: str) -> None:
    assert word in words_in(text)


def test_one_view_alone_would_miss_what_the_other_sees() -> None:
    assert "ristol" in words_in("рistоl")
    assert "pistol" in words_in("рistоl")
    assert "kokain" in words_in("кокаин")


def test_the_plain_reading_comes_first_and_plain_text_has_no_other() -> None:
    assert list(normalization_variants("White mug 350 ml")) == [["white", "mug", "350", "ml"]]
    assert next(normalization_variants("Blåbär i skål"))[0] == "blabar"


def test_chinese_is_not_read_as_it_sounds() -> None:
    assert words_in("滚筒") == {"滚", "筒"}


@pytest.mark.parametrize(
    ("text", "folded"), [("ÀÉÎ", "aei"), ("ｇｕｎ", "gun"), ("g\u200bu\u00adn", "gun"), ("ẞ", "ss")]
)
def test_folding_leaves_letters_only_as_they_are_meant(text: str, folded: str) -> None:
    assert fold(text) == folded


@settings(deadline=None)
@given(st.text())
def test_any_text_has_few_readings_and_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    whole = [reading for reading in normalization_variants(text) if len(reading) > 1]
    assert len(whole) <= 48  # two ways to take an I, three views, with and without symbols, each joined in three ways


@pytest.mark.parametrize("text", ["t-shirt", "a_frame-x", "pa$$-word"])
def test_parts_of_a_letter_or_with_signs_are_not_one_word(text: str) -> None:
    joined = "".join(letter for letter in text if letter not in "-_")
    assert [joined] not in list(normalization_variants(text))


def test_of_many_words_with_stars_only_the_first_are_read() -> None:
    found = [
        reading[0] for reading in normalization_variants(" ".join(f"p{letter}*n" for letter in "abcdefghijklmnop"))
    ]
    assert [word for word in found if "*" in word] == [f"p{letter}*n" for letter in "abcdefgh"]
