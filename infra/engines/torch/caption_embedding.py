"""Captions into embeddings: each text once, many at a time.

Comes in: the texts of prompts, first as announcements (when a window is grouped), then as wishes (when a batch is
painted). Goes out: embeddings, and how long a caption is. A wish is answered together with what was announced since, in
one call of the text encoder, padded to the longest of the call: the padding is on the right and the encoder is causal,
so no caption sees it (measured in fp32: 1e-8). The transformer pads by itself, and with another token.

Facts: diffusers writes its chat template into the list of prompts that it is given, so it gets one of our own; captions
are padded to multiples of 32 and the padding is attended, so a batch of one padded length needs no mask and gives each
image what it would get alone.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from infra.errors import EngineError
from infra.onnx_graphs.graph_spec import CAPTION_LIMIT, padded

if TYPE_CHECKING:
    import torch

KEPT_TOKENS = 32_768
"""Tokens whose embeddings are kept: two windows of 64 captions of 256 tokens; 168 MB of bf16 in Z-Image's width."""

ANNOUNCED = 256
"""Texts that are remembered until they are wished for; those of a consumer that left are forgotten in time."""


class Captions:
    """The embeddings of one pipeline's captions. `at_once` is how many the text encoder gets in one call."""

    def __init__(self, pipeline: Any, at_once: int, kept_tokens: int = KEPT_TOKENS) -> None:
        self._pipeline = pipeline
        # Right padding is seen by no token of a causal encoder; left padding is a prefix to all of them.
        self._at_once = at_once if pipeline.tokenizer.padding_side == "right" else 1
        self._kept_tokens = kept_tokens
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._announced: OrderedDict[str, None] = OrderedDict()
        self._tokens = lru_cache(maxsize=1024)(self._counted)

    def announce(self, text: str) -> None:
        """Remember a text that will be wished for soon."""
        if text not in self._kept and self.tokens(text) <= CAPTION_LIMIT:
            self._announced[text] = None
            while len(self._announced) > ANNOUNCED:
                self._announced.popitem(last=False)

    def tokens(self, text: str) -> int:
        """Return how many tokens a caption has; past `CAPTION_LIMIT` diffusers would cut it without a word."""
        return self._tokens(text)

    def padded_tokens(self, text: str) -> int:
        """Return the length to which the transformer pads a caption."""
        return padded(self._tokens(text))

    def embeddings(self, texts: Sequence[str]) -> "list[torch.Tensor]":
        """Return each text's embedding (tokens x channels); what is missing is embedded with what was announced."""
        wanted = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in wanted]
        if missing:
            made = self._embedded(missing + self._taken(-len(missing) % self._at_once, missing))
            wanted |= made
            self._kept |= made
        for text in wanted:
            self._kept.move_to_end(text)
        self._forget()
        return [wanted[text] for text in texts]

    def clear(self) -> None:
        """Forget everything, and free its memory."""
        self._kept.clear()
        self._announced.clear()

    def _taken(self, count: int, missing: Sequence[str]) -> list[str]:
        """Take announced texts off the list, even if the call fails: a bad one may spoil one batch, not every one."""
        for text in missing:
            self._announced.pop(text, None)
        return [self._announced.popitem(last=False)[0] for _ in range(min(count, len(self._announced)))]

    def _forget(self) -> None:
        held = sum(len(embedding) for embedding in self._kept.values())
        while held > self._kept_tokens:
            held -= len(self._kept.popitem(last=False)[1])

    def _embedded(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        made: dict[str, torch.Tensor] = {}
        for start in range(0, len(texts), self._at_once):
            some = texts[start : start + self._at_once]
            made |= zip(some, self._encoded(some), strict=True)
        return made

    def _encoded(self, texts: Sequence[str]) -> "Iterable[torch.Tensor]":
        counts = [self._tokens(text) for text in texts]
        embeddings, _ = self._pipeline.encode_prompt(
            list(texts), do_classifier_free_guidance=False, max_sequence_length=max(counts)
        )
        for embedding, count in zip(embeddings, counts, strict=True):
            if len(embedding) != count:
                raise EngineError(
                    f"The tokenizer made {len(embedding)} tokens of a caption where {count} were counted: this version "
                    "of diffusers wraps captions in another way."
                )
            yield embedding

    def _counted(self, text: str) -> int:
        """Return how many tokens diffusers will make of a caption, its chat template included."""
        tokenizer = self._pipeline.tokenizer
        return len(tokenizer(wrapped(tokenizer, text))["input_ids"])


def wrapped(tokenizer: Any, text: str) -> str:
    """Return a caption in the tokenizer's chat template, as diffusers wraps it for this model."""
    said = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    return str(said)
