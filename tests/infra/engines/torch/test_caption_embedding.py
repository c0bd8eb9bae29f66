"""Captions: each text once, many at a time, and nobody's embedding is moved by its company."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.torch.caption_embedding import MAX_ANNOUNCED_TEXTS, CaptionEmbedder
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.errors import EngineError
from infra.interfaces import Prompt
from infra.models.loading import StoredPipeline

TEXTS = ("a red cube", "a lighthouse in the storm, " * 6, "造相", "", "cat")


class CountingEncoder:
    """The tiny pipeline's tokenizer and encoder; it remembers what each call was asked for."""

    def __init__(self, pipeline: Any) -> None:
        self.tokenizer = pipeline.tokenizer
        self.calls: list[tuple[int, int]] = []
        self._pipeline = pipeline

    def encode_prompt(self, texts: list[str], *, max_sequence_length: int, **others: Any) -> Any:
        self.calls.append((len(texts), max_sequence_length))
        if any("[poison]" in text for text in texts):
            raise ValueError("cannot be encoded, as ordered")
        with torch.no_grad():
            return self._pipeline.encode_prompt(texts, max_sequence_length=max_sequence_length, **others)


@pytest.fixture(scope="module")
def pipeline(tiny_model: Path) -> Any:
    return StoredPipeline(str(tiny_model)).load_pipeline(torch.float32)


def announced(captions: CaptionEmbedder, texts: Sequence[str]) -> None:
    for text in texts:
        captions.announce(text)


def test_a_window_is_embedded_in_one_call_padded_to_its_longest_and_each_text_once(pipeline: Any) -> None:
    watched = CountingEncoder(pipeline)
    captions = CaptionEmbedder(watched, encoder_batch=8)
    announced(captions, [*TEXTS, "cat", "cat"])
    captions.embed(["cat", "cat"])
    captions.embed(list(TEXTS))
    longest = max(len(embedding) for embedding in captions.embed(list(TEXTS)))
    assert watched.calls == [(5, longest)]


def test_more_than_the_encoder_takes_at_once_are_cut_into_calls(pipeline: Any) -> None:
    watched = CountingEncoder(pipeline)
    captions = CaptionEmbedder(watched, encoder_batch=2)
    announced(captions, [f"announced {number}" for number in range(9)])
    captions.embed(["one", "two", "three"])
    assert [count for count, _ in watched.calls] == [2, 2]
    captions.embed(["announced 0"])
    assert len(watched.calls) == 2
    captions.embed(["announced 1"])
    assert len(watched.calls) == 3


def test_a_caption_is_the_same_alone_and_beside_longer_ones(pipeline: Any) -> None:
    together = CaptionEmbedder(CountingEncoder(pipeline), encoder_batch=8).embed(list(TEXTS))
    alone = [CaptionEmbedder(CountingEncoder(pipeline), encoder_batch=1).embed([text])[0] for text in TEXTS]
    for some, other in zip(together, alone, strict=True):
        assert some.shape == other.shape
        assert float((some - other).abs().max()) < 1e-5
    assert float((together[0][-1] - together[4][-1]).abs().max()) > 1e-3


def test_left_padding_would_be_a_prefix_so_such_a_tokenizer_gets_one_caption_at_a_time(pipeline: Any) -> None:
    watched = CountingEncoder(pipeline)
    captions = CaptionEmbedder(watched, encoder_batch=8)
    pipeline.tokenizer.padding_side = "left"
    try:
        careful = CaptionEmbedder(watched, encoder_batch=8)
        careful.embed(list(TEXTS))
        assert [count for count, _ in watched.calls] == [1] * 5
    finally:
        pipeline.tokenizer.padding_side = "right"
    captions.embed(list(TEXTS))
    assert watched.calls[-1][0] == 5


def test_what_is_kept_is_bounded_in_tokens_and_the_oldest_goes_first(pipeline: Any) -> None:
    watched = CountingEncoder(pipeline)
    captions = CaptionEmbedder(watched, encoder_batch=1, max_cached_tokens=60)
    first, second = captions.embed(["first", "second"])
    assert len(first) + len(second) < 60
    captions.embed(["first"])
    assert len(watched.calls) == 2
    captions.embed(["third"])  # the second is now the oldest
    captions.embed(["first"])
    assert len(watched.calls) == 3
    captions.embed(["second"])
    assert len(watched.calls) == 4
    (long,) = captions.embed(["a text longer than all that is kept, " * 5])
    assert len(long) > 60
    assert not captions._cache


def test_a_text_that_cannot_be_embedded_spoils_one_call_only(pipeline: Any) -> None:
    captions = CaptionEmbedder(CountingEncoder(pipeline), encoder_batch=4)
    announced(captions, ["[poison]"])
    with pytest.raises(ValueError, match="as ordered"):
        captions.embed(["good"])
    assert len(captions.embed(["good"])) == 1


def test_announcements_of_those_who_left_are_forgotten(pipeline: Any) -> None:
    captions = CaptionEmbedder(CountingEncoder(pipeline), encoder_batch=4)
    announced(captions, [str(number) for number in range(MAX_ANNOUNCED_TEXTS + 50)])
    assert len(captions._announced) == MAX_ANNOUNCED_TEXTS
    captions.embed(["wished"])
    captions.clear()
    assert not captions._announced
    assert not captions._cache


def test_a_tokenizer_that_wraps_captions_in_another_way_is_noticed(pipeline: Any) -> None:
    class Longer(CountingEncoder):
        def encode_prompt(self, texts: list[str], *, max_sequence_length: int, **others: Any) -> Any:
            made, none = super().encode_prompt(texts, max_sequence_length=max_sequence_length, **others)
            return [torch.cat([each, each[-1:]]) for each in made], none

    with pytest.raises(EngineError, match="wraps captions in another way"):
        CaptionEmbedder(Longer(pipeline), encoder_batch=1).embed(["cat"])


def test_grouping_a_window_announces_its_texts_and_a_cpu_gets_them_one_by_one(tiny_model: Path) -> None:
    painter = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32")
    painter.load()
    assert painter._caption_embedder._encoder_batch == 1
    watched = CountingEncoder(painter._pipeline)
    painter._caption_embedder = CaptionEmbedder(watched, encoder_batch=8)
    prompts = [Prompt(str(number), text, number, 32, 32, steps=1) for number, text in enumerate(TEXTS)]
    for prompt in prompts:
        painter.batch_key(prompt)
    painter.generate_batch(prompts[:1])
    assert [count for count, _ in watched.calls] == [len(TEXTS)]
    painter.generate_batch(prompts[4:])
    assert len(watched.calls) == 1
    painter.close()
