"""Pinned weights: a run knows the weights of its model before an image of theirs is paid for.

Inputs: a recipe. Outputs: nothing, or the error that says what to pin. No engine and no image library is imported.
"""

from catalogs.errors import RuleFileError
from catalogs.models.weights import WeightsSpec
from catalogs.recipe.schema import Recipe


def require_pinned_weights(recipe: Recipe) -> None:
    """Raise `RuleFileError` unless the weights of every version of the default model are pinned."""
    model = recipe.default_model
    for name, entry in recipe.models[model].weights_by_name(model).items():
        require_pinned_entry(name, entry)


def require_pinned_entry(name: str, entry: WeightsSpec) -> None:
    """Raise `RuleFileError` unless the weights of one model are pinned."""
    if not entry.pinned:
        raise RuleFileError(
            f"The model {name!r} ({entry.source}) is not pinned: set `revision` to a full hub commit in the recipe,"
            " or give --model a local folder, or rehearse with --engine stub"
        )
