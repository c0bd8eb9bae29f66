"""Caption length: prompts that are longer than their model reads are rejected before anything is generated.

Inputs: rendered requests, and a counter of tokens, which knows the models whose tokenizer is on this machine. Outputs:
`PromptRenderError` for a prompt that is too long, and a warning for prompts that nobody here can count.

A token has at least one byte, so only prompts with more bytes than the limit has tokens are counted: hardly any. What
could not be counted here is refused by the engine in the same words, under the reason CAPTION_TOO_LONG.
"""

from dataclasses import dataclass, field
from typing import Protocol

from catalogs.planning.plan import Request
from catalogs.recipe.templates import PromptRenderError

CAPTION_TOO_LONG = "caption-too-long"
"""The reason of a prompt that an engine refused for its length: a fault of the row, not of a machine."""

FRAME_TOKENS = 32
"""More than a chat template puts round a caption (Qwen3's: 8), so that no prompt near the limit is passed over."""


class CaptionCounter(Protocol):
    """Counts tokens as the engines of a recipe's models do."""

    limit: int

    def count_tokens(self, model: str, text: str) -> int | None:
        """Return the tokens of a caption, its frame included; None where the model's tokenizer is not at hand."""

    def describe_excess(self, tokens: int) -> str:
        """Return the sentence that an engine says of a caption with too many tokens."""

    def has_limit(self, model: str) -> bool:
        """Tell whether the model reads a limited number of tokens: drawn cards do not."""


@dataclass
class CaptionLengths:
    """The prompts of one plan, as far as their length matters."""

    counter: CaptionCounter | None = None
    uncounted: dict[str, int] = field(default_factory=dict)
    """Model -> prompts that may be too long for it and could not be counted."""

    def require_short(self, request: Request) -> None:
        """Raise `PromptRenderError` for a request whose prompt, or negative prompt, its model does not read whole."""
        counter = self.counter
        for text in (request.prompt, request.negative):
            # Four bytes are the most that a character has.
            if counter is None or 4 * len(text) + FRAME_TOKENS <= counter.limit:
                continue
            if len(text.encode("utf-8", "replace")) + FRAME_TOKENS <= counter.limit:
                continue
            if counter.has_limit(request.model):
                self._require_short(counter, request.model, text)

    def _require_short(self, counter: CaptionCounter, model: str, text: str) -> None:
        tokens = counter.count_tokens(model, text)
        if tokens is None:
            self.uncounted[model] = self.uncounted.get(model, 0) + 1
        elif tokens > counter.limit:
            raise PromptRenderError(counter.describe_excess(tokens))

    def warnings(self) -> list[str]:
        """Return one sentence for each model whose tokenizer is missing here and would have been needed."""
        return [
            f"{count} × a prompt may be longer than the model {model!r} reads ({self.counter.limit} tokens), and its"
            f" tokenizer is not on this machine to count: what is too long ends as {CAPTION_TOO_LONG} in the run"
            for model, count in self.uncounted.items()
            if self.counter is not None
        ]
