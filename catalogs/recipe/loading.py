"""Recipe loading: recipes from YAML text, the packaged recipes, and command-line options that override recipe fields.

Inputs: YAML, or the name of a packaged recipe, and the options `--engine`, `--model` and `--precision`. Outputs:
checked recipes. An option is hashed like the field that it stands for. A file that extends a built-in recipe gives the
same recipe, and digest, as one that holds all of its fields: `extends` itself reaches no digest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from catalogs.errors import RuleFileError
from catalogs.models.weights import ModelEntry
from catalogs.recipe.built_in import DEFAULT_RECIPE, BuiltInId, built_in_text, require_built_in
from catalogs.recipe.extending import MAX_EXTENDS, ExtendingError, extended
from catalogs.recipe.schema import Recipe
from catalogs.rule_files import first_field_error, first_validation_error, parse_yaml_mapping
from catalogs.rule_positions import find_position, split_path


@dataclass(frozen=True)
class RecipeSource:
    """A recipe's YAML text, its name in errors, and the built-in recipe that it is or extends."""

    name: str
    text: str
    built_in: BuiltInId | None = None


def load_recipe(text: str, name: str) -> Recipe:
    """Return the recipe in a YAML text; `name` is its file in errors.

    Raises `RuleFileError` naming the file, the line, the field and what to do.
    """
    sources, content = _read_chain(RecipeSource(name, text))
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        first = first_field_error(error)
        raise _error_at(sources, first.path, first.message) from None
    for model_name, model in recipe.models.items():
        redundant = sorted({"family", "precision", "standing"} & model.model_fields_set)
        if model.registry is not None and redundant:
            problem = f"the registry's versions of {model.registry!r} define it; leave it out"
            raise _error_at(sources, ("models", model_name, redundant[0]), problem)
    return recipe


def built_in_recipe(name: str = DEFAULT_RECIPE) -> Recipe:
    """Return a packaged recipe, such as `default@1`; a name without a number means number 1."""
    recipe = require_built_in(name)
    return load_recipe(built_in_text(recipe), f"the built-in recipe {recipe}")


def extended_built_in(text: str, name: str) -> BuiltInId | None:
    """Return the built-in recipe that a recipe's YAML text extends; None where it extends none."""
    sources, _ = _read_chain(RecipeSource(name, text))
    return sources[1].built_in if len(sources) > 1 else None


def _read_chain(source: RecipeSource) -> tuple[list[RecipeSource], dict[str, Any]]:
    """Return a recipe's text and those that it extends, the nearest first, and the fields of the whole recipe."""
    sources: list[RecipeSource] = []
    contents: list[dict[str, Any]] = []
    following: RecipeSource | None = source
    while following is not None:
        sources.append(following)
        if len(sources) > MAX_EXTENDS:
            raise RuleFileError(f"{source.name}: extends: more than {MAX_EXTENDS} recipes extend one another")
        contents.append(parse_yaml_mapping(following.text, following.name))
        following = _extended_source(sources, contents[-1])
    fields = contents.pop()
    for place in reversed(range(len(contents))):
        try:
            fields = extended(fields, contents[place])
        except ExtendingError as error:
            raise _error_at(sources[place:], error.path, str(error)) from None
    return sources, fields


def _extended_source(sources: Sequence[RecipeSource], content: dict[str, Any]) -> RecipeSource | None:
    """Take `extends` out of the fields, in place, and return the recipe that it names."""
    if "extends" not in content:
        return None
    named = content.pop("extends")
    if not isinstance(named, str):
        raise _error_at(sources[-1:], ("extends",), "give the name of one built-in recipe, such as default@1")
    try:
        base = require_built_in(named)
    except RuleFileError as error:
        raise _error_at(sources[-1:], ("extends",), str(error)) from None
    return RecipeSource(f"the built-in recipe {base}", built_in_text(base), base)


def _error_at(sources: Sequence[RecipeSource], path: Sequence[int | str], message: str) -> RuleFileError:
    """Return the error with the file, and the line where the value stands, be it in a recipe that the file extends."""
    field = ".".join(map(str, path))
    positions = [find_position(source.text, path or split_path(message.partition(":")[0])) for source in sources]
    deepest = max(position.depth for position in positions)
    place = next(place for place, position in enumerate(positions) if position.depth == deepest)
    where = sources[0].name
    if deepest and place == 0:
        where += f", line {positions[0].line}"
    elif deepest:
        where += f" (extends {sources[place].built_in}, line {positions[place].line})"
    return RuleFileError(f"{where}: {field}: {message}" if field else f"{where}: {message}")


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
