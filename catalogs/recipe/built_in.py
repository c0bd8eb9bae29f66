"""Built-in recipes: the packaged recipes, each frozen under a name and a number such as `default@1`.

Inputs: a name, with or without its number. Outputs: the recipe's name with its number, and its YAML text. A number's
text never changes, because a changed template would make every image of every shop that uses it anew: what is better
comes as the next number. A name without a number means number 1 for ever, which is what it meant before there were
numbers; a newer number is announced, and taken only by a recipe that names it.
"""

import re
from difflib import get_close_matches
from functools import cache
from importlib import resources
from itertools import takewhile
from typing import NamedTuple

from catalogs.errors import RuleFileError

DEFAULT_RECIPE = "default"
_PATTERN = re.compile(r"([a-z][a-z0-9-]*)@([1-9][0-9]{0,5})")


class BuiltInId(NamedTuple):
    """The name and number of a built-in recipe, in the order in which lists show them."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"


@cache
def built_in_ids() -> tuple[BuiltInId, ...]:
    """Return every packaged recipe, by name and then number."""
    folder = resources.files("catalogs") / "data" / "recipes"
    stems = [file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")]
    return tuple(sorted(BuiltInId(found[1], int(found[2])) for stem in stems if (found := _PATTERN.fullmatch(stem))))


def built_in_recipe_names() -> list[str]:
    """Return the names of the packaged recipes, without numbers."""
    return sorted({recipe.name for recipe in built_in_ids()})


def find_built_in(text: str) -> BuiltInId | None:
    """Return the built-in recipe that a text names, `default` or `default@2`; None where it names none."""
    found = _PATTERN.fullmatch(text)
    recipe = BuiltInId(found[1], int(found[2])) if found else BuiltInId(text, 1)
    return recipe if recipe in built_in_ids() else None


def require_built_in(text: str) -> BuiltInId:
    """Return the built-in recipe that a text names. Raises `RuleFileError` that says which there are."""
    recipe = find_built_in(text)
    if recipe is None:
        raise RuleFileError(f"There is no built-in recipe {text!r}; {_choices(text)}")
    return recipe


def newest_number(name: str) -> BuiltInId:
    """Return the newest recipe of a packaged name."""
    return max(recipe for recipe in built_in_ids() if recipe.name == name)


def newer_number_notice(recipe: BuiltInId) -> str | None:
    """Return what is said once a plan to a shop whose recipe is or extends an older number; None at the newest."""
    newest = newest_number(recipe.name)
    if newest == recipe:
        return None
    return (
        f"The recipe is {recipe}, and stays so; there is a newer number, {newest}. `packshot recipe try {newest}` says"
        " what it would change"
    )


def built_in_text(recipe: BuiltInId) -> str:
    """Return the YAML text of a packaged recipe."""
    return (resources.files("catalogs") / "data" / "recipes" / f"{recipe}.yaml").read_text("utf-8")


def built_in_purpose(recipe: BuiltInId) -> str:
    """Return what a packaged recipe is for: the comment at its beginning."""
    lines = takewhile(lambda line: line.startswith("#"), built_in_text(recipe).splitlines())
    return " ".join(line.removeprefix("#").strip() for line in lines)


def _choices(text: str) -> str:
    ids = [str(recipe) for recipe in built_in_ids()]
    close = get_close_matches(text.partition("@")[0].lower(), built_in_recipe_names(), n=1)
    same_name = [recipe for recipe in ids if close and recipe.startswith(f"{close[0]}@")]
    return f"did you mean {' or '.join(same_name)}?" if same_name else f"choose from {', '.join(ids)}"
