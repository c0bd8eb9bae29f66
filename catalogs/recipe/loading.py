"""Recipe loading: recipes from YAML text, the packaged recipes, and command-line options that override recipe fields.

Inputs: YAML, or the name of a packaged recipe, and the options `--engine`, `--model` and `--precision`. Outputs:
checked recipes. An option is hashed like the field that it stands for.
"""

from importlib import resources
from typing import Any

from pydantic import ValidationError

from catalogs.errors import RuleFileError
from catalogs.models.weights import ModelEntry
from catalogs.recipe.schema import Recipe
from catalogs.rule_files import first_validation_error, parse_rule_file


def load_recipe(text: str, name: str) -> Recipe:
    """Return the recipe in a YAML text; `name` is its file in errors.

    Raises `RuleFileError` naming the file, the field and what to do.
    """
    recipe = parse_rule_file(text, name, Recipe)
    for model_name, model in recipe.models.items():
        redundant = sorted({"family", "precision", "standing"} & model.model_fields_set)
        if model.registry is not None and redundant:
            problem = f"the registry's versions of {model.registry!r} define it; leave it out"
            raise RuleFileError(f"{name}: models.{model_name}.{redundant[0]}: {problem}")
    return recipe


def built_in_recipe(name: str = "default") -> Recipe:
    """Return a packaged recipe: `default`, `shopify`, `sample` or `rehearsal`."""
    if name not in built_in_recipe_names():
        raise RuleFileError(f"There is no built-in recipe {name!r}; choose from {', '.join(built_in_recipe_names())}")
    file = resources.files("catalogs") / "data" / "recipes" / f"{name}.yaml"
    return load_recipe(file.read_text("utf-8"), f"the built-in recipe {name}")


def built_in_recipe_names() -> list[str]:
    """Return the names of the packaged recipes."""
    folder = resources.files("catalogs") / "data" / "recipes"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def with_engine_options(
    recipe: Recipe, *, engine: str | None, model: ModelEntry | str | None, precision: str | None
) -> Recipe:
    """Return the recipe with another engine, model or precision, hashed like its own.

    `model` is the name of one of the recipe's models, or an entry that becomes the default model `chosen`.
    """
    content = recipe.model_dump(mode="json")
    if engine:
        content["engine"] = engine
    if model is not None:
        _choose_model(content, model)
    if content["engine"] == "stub":
        # Every name stays, so that a row's own choice of model still resolves, but it now means the stub.
        stub = ModelEntry(family="stub", precision="fp32").model_dump()
        registered = {name: entry for name, entry in content["models"].items() if entry["registry"] is not None}
        content["models"] = dict.fromkeys(content["models"], stub) | (registered if recipe.engine == "stub" else {})
    if precision:
        _set_precision(content, precision)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RuleFileError(f"The options do not fit the recipe: {first_validation_error(error)}") from None


def _choose_model(content: dict[str, Any], model: ModelEntry | str) -> None:
    """Make a model the default of the recipe's fields, in place."""
    if isinstance(model, str):
        if model not in content["models"]:
            names = sorted(content["models"])
            raise RuleFileError(f"--model: {model!r} is no folder, no id@revision, and none of {names}")
        content["defaults"]["model"] = model
    else:
        chosen = model.model_dump(mode="json")
        # Stub models are replaced by the chosen weights; other models keep theirs.
        models = {name: chosen if entry["family"] == "stub" else entry for name, entry in content["models"].items()}
        content["models"] = {**models, "chosen": chosen}
        content["defaults"]["model"] = "chosen"


def _set_precision(content: dict[str, Any], precision: str) -> None:
    """Set the precision of every model of the recipe's fields, in place."""
    for name, entry in content["models"].items():
        if entry["registry"] is not None:
            raise RuleFileError(
                f"--precision: models.{name} takes its precision from the registry's versions; register one at"
                f" {precision}"
            )
        entry["precision"] = precision
