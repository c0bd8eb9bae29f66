"""Caption counter: the tokens of a prompt, by the tokenizer of the recipe's model, where that is on this machine.

Inputs: a recipe, a model's name, a prompt. Outputs: counts for `catalogs.planning.caption_length`. A tokenizer is
opened for the first prompt that needs it, which hardly any catalogue has.
"""

from catalogs.recipe.schema import Recipe
from infra.interfaces import caption_too_long_sentence
from infra.models.caption_tokens import open_token_counter
from infra.onnx_graphs.graph_spec import MAX_CAPTION_TOKENS


class RecipeCaptionCounter:
    """Counts for the models of one recipe."""

    limit = MAX_CAPTION_TOKENS

    def __init__(self, recipe: Recipe) -> None:
        self._weights = recipe.weights_by_name

    def has_limit(self, model: str) -> bool:
        """Tell whether the model is Z-Image; drawn cards show the beginning of any text."""
        return self._weights[model].family == "z-image"

    def count_tokens(self, model: str, text: str) -> int | None:
        """Return the tokens of a caption as the model's engine counts them; None without its tokenizer."""
        weights = self._weights[model]
        counter = open_token_counter(weights.source, weights.revision)
        return counter(text) if counter is not None else None

    def describe_excess(self, tokens: int) -> str:
        """Return the engine's sentence."""
        return caption_too_long_sentence(tokens, self.limit)
