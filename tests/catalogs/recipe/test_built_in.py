"""Built-in recipes: their names and numbers, and that no number's text ever changes."""

import hashlib

import pytest

from catalogs.errors import RuleFileError
from catalogs.recipe.built_in import (
    BuiltInId,
    built_in_ids,
    built_in_purpose,
    built_in_recipe_names,
    built_in_text,
    find_built_in,
    newer_number_notice,
    newest_number,
    require_built_in,
)

FROZEN = {
    "default@1": "04a604cc8dd08ab632b3248415a8e675760dd38b597a11231f2b7c7c8be607be",
    "default@2": "3428df8195c63b73530349ebba2b94e0d835b8f75332d558fda98e68cce60bef",
    "options@1": "a117f89a720c3ffa1d19e4c0df16285114b7a1cd1bc21748827fdb8258ba940d",
    "rehearsal@1": "91520c3be3dedc3ff1f4409f1bf2ee1ce447de1ef18df4ea25eb3033cb0f73c9",
    "rehearsal@2": "da2551b120245ff75bd31d72354ceac270dbf332245c419962ae0b556efd1deb",
    "sample@1": "bba14c546099e715c4892bc17dbcd8470b22e8a4e3067173e36c88617622c8e9",
    "shopify@1": "da9c0458c0258f0cc64dcc90c03727c7e5e5b835a363d8f307a14128339dae47",
    "shopify@2": "dcc8a4541eb7bbb6f616da7c42e8009844732df1e23524ffe0acf8958aad931f",
}
"""Recipe -> sha256 of its text. A line is added with a new number; none is ever changed: whatever differs is a new
number, since shops that name the old one would have every image made anew."""


def test_the_text_of_each_number_is_what_it_was_when_it_came() -> None:
    texts = {str(recipe): hashlib.sha256(built_in_text(recipe).encode()).hexdigest() for recipe in built_in_ids()}
    assert texts == FROZEN


def test_numbers_of_a_name_follow_one_another_from_1() -> None:
    for name in built_in_recipe_names():
        numbers = [recipe.number for recipe in built_in_ids() if recipe.name == name]
        assert numbers == list(range(1, len(numbers) + 1))
        assert newest_number(name) == (name, numbers[-1])


@pytest.mark.parametrize("name", ["default", "shopify", "sample", "rehearsal"])
def test_a_name_without_a_number_means_number_1(name: str) -> None:
    assert find_built_in(name) == find_built_in(f"{name}@1") == BuiltInId(name, 1)


@pytest.mark.parametrize(
    "text", ["nothing", "../policy", "", "default.yaml", "default@0", "default@01", "default@", "default@1@1", "@1"]
)
def test_what_names_no_built_in_recipe_is_refused(text: str) -> None:
    assert find_built_in(text) is None
    with pytest.raises(RuleFileError, match="There is no built-in recipe "):
        require_built_in(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("shopfy", "did you mean shopify@1"),
        ("Shopify@999", "did you mean shopify@1"),
        ("qqq", "choose from default@1, "),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        require_built_in(text)
    assert str(caught.value).startswith(f"There is no built-in recipe {text!r}; {hint}")


def test_a_newer_number_is_announced_and_the_newest_is_not() -> None:
    for name in built_in_recipe_names():
        newest = newest_number(name)
        assert newer_number_notice(newest) is None
        for number in range(1, newest.number):
            notice = newer_number_notice(BuiltInId(name, number)) or ""
            assert f"The recipe is {name}@{number}, and stays so; there is a newer number, {newest}." in notice


def test_every_recipe_says_what_it_is_for() -> None:
    assert all(built_in_purpose(recipe).endswith(".") for recipe in built_in_ids())
