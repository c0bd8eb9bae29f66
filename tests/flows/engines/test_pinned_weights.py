"""Pinned weights: weights that may change under a run stop it before an image is paid for."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.recipe.loading import built_in_recipe
from flows.engines.pinned_weights import require_pinned_weights


def test_weights_without_a_commit_are_refused_with_what_to_do() -> None:
    with pytest.raises(RuleFileError, match=r"'turbo' \(.*\) is not pinned: set `revision` to a full hub commit"):
        require_pinned_weights(built_in_recipe())


def test_weights_of_a_full_commit_and_models_that_are_not_the_default_are_let_through() -> None:
    recipe = built_in_recipe()
    assert not all(entry.pinned for entry in recipe.weights_by_name.values())
    name = recipe.default_model
    pinned = recipe.models[name].model_copy(update={"revision": "0" * 40})
    require_pinned_weights(recipe.model_copy(update={"models": {**recipe.models, name: pinned}}))
