"""Captions: each text once, many at a time, and nobody's embedding is moved by its company."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch

from infra.engines.torch.caption_embedding import ANNOUNCED, Captions
from infra.engines.torch.diffusers_backend import DiffusersPainter
from infra.errors import EngineError
from infra.interfaces import Prompt
from infra.models.loading import StoredWeights

TEXTS = ("a red cube", "a lighthouse in the storm, " * 6, "造相", "", "cat")


class Watched:
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
def pipeline(tiny_checkpoint: Path) -> Any:
    return StoredWeights(str(tiny_checkpoint)).open(torch.float32)


def announced(captions: Captions, texts: Sequence[str]) -> None:
    for text in texts:
        captions.announce(text)


def test_a_window_is_embedded_in_one_call_padded_to_its_longest_and_each_text_once(pipeline: Any) -> None:
    watched = Watched(pipeline)
    captions = Captions(watched, at_once=8)
    announced(captions, [*TEXTS, "cat", "cat"])
    captions.embeddings(["cat", "cat"])
    captions.embeddings(list(TEXTS))
    longest = max(len(embedding) for embedding in captions.embeddings(list(TEXTS)))
    assert watched.calls == [(5, longest)]


def test_more_than_the_encoder_takes_at_once_are_cut_into_calls(pipeline: Any) -> None:
    watched = Watched(pipeline)
    captions = Captions(watched, at_once=2)
    announced(captions, [f"announced {number}" for number in range(9)])
    captions.embeddings(["one", "two", "three"])
    assert [count for count, _ in watched.calls] == [2, 2]
    captions.embeddings(["announced 0"])
    assert len(watched.calls) == 2
    captions.embeddings(["announced 1"])
    assert len(watched.calls) == 3


def test_a_caption_is_the_same_alone_and_beside_longer_ones(pipeline: Any) -> None:
    together = Captions(Watched(pipeline), at_once=8).embeddings(list(TEXTS))
    alone = [Captions(Watched(pipeline), at_once=1).embeddings([text])[0] for text in TEXTS]
    for some, other in zip(together, alone, strict=True):
        assert some.shape == other.shape
        assert float((some - other).abs().max()) < 1e-5
    assert float((together[0][-1] - together[4][-1]).abs().max()) > 1e-3


def test_left_padding_would_be_a_prefix_so_such_a_tokenizer_gets_one_caption_at_a_time(pipeline: Any) -> None:
    watched = Watched(pipeline)
    captions = Captions(watched, at_once=8)
    pipeline.tokenizer.padding_side = "left"
    try:
        careful = Captions(watched, at_once=8)
        careful.embeddings(list(TEXTS))
        assert [count for count, _ in watched.calls] == [1] * 5
    finally:
        pipeline.tokenizer.padding_side = "right"
    captions.embeddings(list(TEXTS))
    assert watched.calls[-1][0] == 5


def test_what_is_kept_is_bounded_in_tokens_and_the_oldest_goes_first(pipeline: Any) -> None:
    watched = Watched(pipeline)
    captions = Captions(watched, at_once=1, kept_tokens=60)
    first, second = captions.embeddings(["first", "second"])
    assert len(first) + len(second) < 60
    captions.embeddings(["first"])
    assert len(watched.calls) == 2
    captions.embeddings(["third"])  # the second is now the oldest
    captions.embeddings(["first"])
    assert len(watched.calls) == 3
    captions.embeddings(["second"])
    assert len(watched.calls) == 4
    (long,) = captions.embeddings(["a text longer than all that is kept, " * 5])
    assert len(long) > 60
    assert not captions._kept


def test_a_text_that_cannot_be_embedded_spoils_one_call_only(pipeline: Any) -> None:
    captions = Captions(Watched(pipeline), at_once=4)
    announced(captions, ["[poison]"])
    with pytest.raises(ValueError, match="as ordered"):
        captions.embeddings(["good"])
    assert len(captions.embeddings(["good"])) == 1


def test_announcements_of_those_who_left_are_forgotten(pipeline: Any) -> None:
    captions = Captions(Watched(pipeline), at_once=4)
    announced(captions, [str(number) for number in range(ANNOUNCED + 50)])
    assert len(captions._announced) == ANNOUNCED
    captions.embeddings(["wished"])
    captions.clear()
    assert not captions._announced
    assert not captions._kept


def test_a_tokenizer_that_wraps_captions_in_another_way_is_noticed(pipeline: Any) -> None:
    class Longer(Watched):
        def encode_prompt(self, texts: list[str], *, max_sequence_length: int, **others: Any) -> Any:
            made, none = super().encode_prompt(texts, max_sequence_length=max_sequence_length, **others)
            return [torch.cat([each, each[-1:]]) for each in made], none

    with pytest.raises(EngineError, match="wraps captions in another way"):
        Captions(Longer(pipeline), at_once=1).embeddings(["cat"])


def test_grouping_a_window_announces_its_texts_and_a_cpu_gets_them_one_by_one(tiny_checkpoint: Path) -> None:
    painter = DiffusersPainter(StoredWeights(str(tiny_checkpoint)), "fp32")
    painter.load()
    assert painter._captions._at_once == 1
    watched = Watched(painter._pipeline)
    painter._captions = Captions(watched, at_once=8)
    prompts = [Prompt(str(number), text, number, 32, 32, steps=1) for number, text in enumerate(TEXTS)]
    for prompt in prompts:
        painter.group(prompt)
    painter.paint(prompts[:1])
    assert [count for count, _ in watched.calls] == [len(TEXTS)]
    painter.paint(prompts[4:])
    assert len(watched.calls) == 1
    painter.release()
