"""Recipes from files: YAML text, the ones that ship, and the command line's words over them.

Comes in: YAML, or a built-in recipe's name, and the options that stand for recipe fields. Goes out: checked recipes.
"""

from importlib import resources

import yaml
from pydantic import ValidationError

from catalogs.errors import RecipeError
from catalogs.recipe import Model, Recipe


def load_recipe(text: str, name: str) -> Recipe:
    """Return the recipe in a YAML text; `name` is its file in errors.

    Raises `RecipeError` naming the file, the field and what to do.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{name}: a recipe is a mapping of fields; this is a {type(content).__name__}")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{name}: {where + ': ' if where else ''}{message}") from None


def built_in_recipe(name: str = "default") -> Recipe:
    """Return a recipe that ships with Packshot: `default`, `shopify` or `sample`."""
    file = resources.files("catalogs") / "data" / "recipes" / f"{name}.yaml"
    if not file.is_file():
        raise RecipeError(f"There is no built-in recipe {name!r}; choose from {', '.join(built_in_recipes())}")
    return load_recipe(file.read_text("utf-8"), f"the built-in recipe {name}")


def built_in_recipes() -> list[str]:
    """Return the names of the recipes that ship with Packshot."""
    folder = resources.files("catalogs") / "data" / "recipes"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def with_engine(recipe: Recipe, *, engine: str | None, model: Model | str | None, precision: str | None) -> Recipe:
    """Return the recipe under the command line's words: another engine, model or precision, hashed like its own."""
    content = recipe.model_dump(mode="json")
    if engine:
        content["engine"] = engine
    if isinstance(model, str):
        if model not in recipe.models:
            raise RecipeError(f"--model: {model!r} is no folder, no id@revision, and none of {sorted(recipe.models)}")
        content["defaults"]["model"] = model
    elif model is not None:
        content["models"] = {**content["models"], "chosen": model.model_dump(mode="json")}
        content["defaults"]["model"] = "chosen"
    if content["engine"] == "stub":
        # Every name stays, so that a row's own choice of model still resolves; what it stands for is the stub.
        content["models"] = {name: Model(family="stub", precision="fp32").model_dump() for name in content["models"]}
    if precision:
        for entry in content["models"].values():
            entry["precision"] = precision
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"The options do not fit the recipe: {error.errors()[0]['msg']}") from None
