"""Caption embeddings: each text is encoded once, and many texts in one call.

Inputs: prompt texts, first announced (when a window is grouped), then requested (when a batch is generated).
Outputs: embeddings, and token counts.
A request is answered together with texts announced since, in one call of the text encoder, padded to the longest of the
call: the padding is on the right and the encoder is causal, so no caption sees it (measured in fp32: 1e-8). The
transformer pads by itself, and with another token.

Facts: diffusers writes its chat template into the list of prompts that it receives, so it gets a list of our own.
Captions are padded to multiples of 32 and the padding is attended, so a batch of one padded length needs no mask and
gives each image what it would get alone.
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
"""Tokens whose embeddings are cached: two windows of 64 captions of 256 tokens; 168 MB of bf16 in Z-Image's width."""

MAX_ANNOUNCED_TEXTS = 256
"""Announced texts that may wait for their request; the oldest are dropped, as a consumer may have left."""


class CaptionEmbedder:
    """Embeds the captions of one pipeline; `encoder_batch` is how many texts one call of the text encoder takes."""

    def __init__(self, pipeline: Any, encoder_batch: int, max_cached_tokens: int = MAX_CACHED_TOKENS) -> None:
        self._pipeline = pipeline
        # Right padding is seen by no token of a causal encoder; left padding is a prefix to all of them.
        self._encoder_batch = encoder_batch if pipeline.tokenizer.padding_side == "right" else 1
        self._max_cached_tokens = max_cached_tokens
        self._cache: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._announced: OrderedDict[str, None] = OrderedDict()
        self._cached_token_count = lru_cache(maxsize=1024)(self._count_tokens)

    def announce(self, text: str) -> None:
        """Note a text that will be requested soon."""
        if text not in self._cache and self.token_count(text) <= MAX_CAPTION_TOKENS:
            self._announced[text] = None
            while len(self._announced) > MAX_ANNOUNCED_TEXTS:
                self._announced.popitem(last=False)

    def token_count(self, text: str) -> int:
        """Return a caption's tokens; past `MAX_CAPTION_TOKENS` diffusers would truncate it silently."""
        return self._cached_token_count(text)

    def padded_token_count(self, text: str) -> int:
        """Return the length to which the transformer pads a caption."""
        return padded_length(self._cached_token_count(text))

    def embed(self, texts: Sequence[str]) -> "list[torch.Tensor]":
        """Return each text's embedding (tokens x channels); missing ones are encoded together with announced texts."""
        embeddings = {text: self._cache[text] for text in texts if text in self._cache}
        missing = [text for text in dict.fromkeys(texts) if text not in embeddings]
        if missing:
            announced = self._take_announced(-len(missing) % self._encoder_batch, missing)
            new_embeddings = self._embed_in_batches(missing + announced)
            embeddings |= new_embeddings
            self._cache |= new_embeddings
        for text in embeddings:
            self._cache.move_to_end(text)
        self._evict()
        return [embeddings[text] for text in texts]

    def clear(self) -> None:
        """Drop all embeddings and announced texts."""
        self._cache.clear()
        self._announced.clear()

    def _take_announced(self, count: int, missing: Sequence[str]) -> list[str]:
        """Remove and return announced texts; one that makes the call fail is gone too, so it spoils one batch only."""
        for text in missing:
            self._announced.pop(text, None)
        return [self._announced.popitem(last=False)[0] for _ in range(min(count, len(self._announced)))]

    def _evict(self) -> None:
        cached_tokens = sum(len(embedding) for embedding in self._cache.values())
        while cached_tokens > self._max_cached_tokens:
            cached_tokens -= len(self._cache.popitem(last=False)[1])

    def _embed_in_batches(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        embeddings: dict[str, torch.Tensor] = {}
        for start in range(0, len(texts), self._encoder_batch):
            batch = texts[start : start + self._encoder_batch]
            embeddings |= zip(batch, self._encode_batch(batch), strict=True)
        return embeddings

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
        """Return the number of tokens that diffusers makes of a caption, its chat template included."""
        tokenizer = self._pipeline.tokenizer
        return len(tokenizer(apply_chat_template(tokenizer, text))["input_ids"])


def apply_chat_template(tokenizer: Any, text: str) -> str:
    """Return a caption in the tokenizer's chat template, as diffusers wraps it for this model."""
    templated = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True, enable_thinking=True
    )
    return str(templated)
