"""A prompt that is longer than its model reads is a reject, and only prompts that may be so are counted."""

from dataclasses import dataclass, field

import pytest

from catalogs.planning.caption_length import CAPTION_TOO_LONG, FRAME_TOKENS, CaptionLengths
from catalogs.planning.plan import Request
from catalogs.recipe.templates import PromptRenderError
from infra import interfaces
from tests.fixtures.run_rows import make_request


@dataclass
class WordCounter:
    """Counts a token for each word; `unknown` is a model whose tokenizer is elsewhere, `cards` one without a limit."""

    limit: int = 64
    counted: list[str] = field(default_factory=list)

    def count_tokens(self, model: str, text: str) -> int | None:
        self.counted.append(text)
        return None if model == "unknown" else len(text.split())

    def describe_excess(self, tokens: int) -> str:
        return f"{tokens} of {self.limit}"

    def has_limit(self, model: str) -> bool:
        return model != "cards"


def request(prompt: str, **changes: str) -> Request:
    return make_request("red", prompt=prompt, **changes)


def test_only_prompts_with_more_bytes_than_the_limit_has_tokens_are_counted() -> None:
    counter = WordCounter()
    lengths = CaptionLengths(counter)
    room = counter.limit - FRAME_TOKENS
    for text in ("", "x" * room, "\u00e9" * (room // 2), "\U0001f600" * (room // 4)):
        lengths.require_short(request(text))
    assert counter.counted == []
    for text in ("x" * (room + 1), "\u00e9" * (room // 2 + 1), "\U0001f600" * (room // 4 + 1), "\ud800" * (room + 1)):
        lengths.require_short(request(text))
    assert len(counter.counted) == 4


@pytest.mark.parametrize("changes", [{"prompt": "a " * 65}, {"prompt": "mug", "negative": "a " * 65}])
def test_what_is_too_long_is_refused_in_the_engines_words(changes: dict[str, str]) -> None:
    lengths = CaptionLengths(WordCounter())
    with pytest.raises(PromptRenderError, match=r"^65 of 64$"):
        lengths.require_short(make_request("red", **changes))
    lengths.require_short(request("a " * 64))
    assert lengths.warnings() == []


def test_what_nobody_here_can_count_is_said_once_for_each_model() -> None:
    lengths = CaptionLengths(WordCounter())
    for _ in range(3):
        lengths.require_short(request("a " * 65, model="unknown"))
    lengths.require_short(request("a " * 65, model="cards"))
    assert lengths.warnings() == [
        "3 × a prompt may be longer than the model 'unknown' reads (64 tokens), and its tokenizer is not on this"
        " machine to count: what is too long ends as caption-too-long in the run"
    ]


def test_without_a_counter_nothing_is_asked() -> None:
    lengths = CaptionLengths()
    lengths.require_short(request("a " * 2000))
    assert lengths.warnings() == []


def test_the_engines_and_the_plan_name_the_reason_alike() -> None:
    assert CAPTION_TOO_LONG == interfaces.CAPTION_TOO_LONG
