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
from infra.onnx_graphs.graph_spec import MAX_CAPTION_TOKENS, padded_length

if TYPE_CHECKING:
    import torch

MAX_CACHED_TOKENS = 32_768
"""Tokens whose embeddings are kept: two windows of 64 captions of 256 tokens; 168 MB of bf16 in Z-Image's width."""

MAX_ANNOUNCED_TEXTS = 256
"""Texts that are remembered until they are wished for; those of a consumer that left are forgotten in time."""


class CaptionEmbedder:
    """The embeddings of one pipeline's captions. `encoder_batch` is how many the text encoder gets in one call."""

    def __init__(self, pipeline: Any, encoder_batch: int, max_cached_tokens: int = MAX_CACHED_TOKENS) -> None:
        self._pipeline = pipeline
        # Right padding is seen by no token of a causal encoder; left padding is a prefix to all of them.
        self._encoder_batch = encoder_batch if pipeline.tokenizer.padding_side == "right" else 1
        self._max_cached_tokens = max_cached_tokens
        self._cache: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._announced: OrderedDict[str, None] = OrderedDict()
        self._cached_token_count = lru_cache(maxsize=1024)(self._count_tokens)

    def announce(self, text: str) -> None:
        """Remember a text that will be wished for soon."""
        if text not in self._cache and self.token_count(text) <= MAX_CAPTION_TOKENS:
            self._announced[text] = None
            while len(self._announced) > MAX_ANNOUNCED_TEXTS:
                self._announced.popitem(last=False)

    def token_count(self, text: str) -> int:
        """Return how many tokens a caption has; past `MAX_CAPTION_TOKENS` diffusers would cut it without a word."""
        return self._cached_token_count(text)

    def padded_token_count(self, text: str) -> int:
        """Return the length to which the transformer pads a caption."""
        return padded_length(self._cached_token_count(text))

    def embed(self, texts: Sequence[str]) -> "list[torch.Tensor]":
        """Return each text's embedding (tokens x channels); what is missing is embedded with what was announced."""
        wanted = {text: self._cache[text] for text in texts if text in self._cache}
        missing = [text for text in dict.fromkeys(texts) if text not in wanted]
        if missing:
            made = self._embed_in_batches(missing + self._take_announced(-len(missing) % self._encoder_batch, missing))
            wanted |= made
            self._cache |= made
        for text in wanted:
            self._cache.move_to_end(text)
        self._evict()
        return [wanted[text] for text in texts]

    def clear(self) -> None:
        """Forget everything, and free its memory."""
        self._cache.clear()
        self._announced.clear()

    def _take_announced(self, count: int, missing: Sequence[str]) -> list[str]:
        """Take announced texts off the list, even if the call fails: a bad one may spoil one batch, not every one."""
        for text in missing:
            self._announced.pop(text, None)
        return [self._announced.popitem(last=False)[0] for _ in range(min(count, len(self._announced)))]

    def _evict(self) -> None:
        held = sum(len(embedding) for embedding in self._cache.values())
        while held > self._max_cached_tokens:
            held -= len(self._cache.popitem(last=False)[1])

    def _embed_in_batches(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        made: dict[str, torch.Tensor] = {}
        for start in range(0, len(texts), self._encoder_batch):
            some = texts[start : start + self._encoder_batch]
            made |= zip(some, self._encode_batch(some), strict=True)
        return made

    def _encode_batch(self, texts: Sequence[str]) -> "Iterable[torch.Tensor]":
        counts = [self._cached_token_count(text) for text in texts]
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

    def _count_tokens(self, text: str) -> int:
        """Return how many tokens diffusers will make of a caption, its chat template included."""
        tokenizer = self._pipeline.tokenizer
        return len(tokenizer(apply_chat_template(tokenizer, text))["input_ids"])


def apply_chat_template(tokenizer: Any, text: str) -> str:
    """Return a caption in the tokenizer's chat template, as diffusers wraps it for this model."""
    said = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    return str(said)
