"""A chat template is rendered once, where it can be killed, and makes the same text ever after (S11)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers")

import torch
from jinja2.sandbox import ImmutableSandboxedEnvironment
from transformers import AutoTokenizer

from infra.engines.torch.caption_embedding import apply_chat_template
from infra.errors import EngineError
from infra.models import chat_template
from infra.models.chat_template import CaptionFrame, caption_frame, freeze_chat_template
from infra.models.loading import StoredPipeline
from infra.nano import MODEL_FOLDER

LIKE_QWEN3 = """\
{%- if tools %}{{- 'tools' }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{%- endif %}
{%- set state = namespace(searching=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if state.searching and message.role == "user" and not message.content.startswith('<tool_response>') %}
        {%- set state.searching = false %}{%- set state.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "user" %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- else %}
        {%- for call in message.calls %}{{- call }}{%- endfor %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""
"""Of the make of the text encoder's own: loops in loops, a namespace, a look at the caption."""


@pytest.fixture
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(str(MODEL_FOLDER / "tokenizer"), local_files_only=True)


@pytest.fixture
def fast_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(chat_template, "CPU_SECONDS", 1)
    monkeypatch.setattr(chat_template, "MEMORY_BYTES", 64 << 20)
    yield
    caption_frame.cache_clear()


@pytest.mark.parametrize("template", [None, LIKE_QWEN3])
def test_an_honest_template_makes_the_text_that_it_made(tokenizer: Any, template: str | None) -> None:
    if template is not None:
        tokenizer.chat_template = template
    captions = (
        "A chair",
        " padded \n",
        "",
        "{{ x }} 'quoted\" \\n",
        "<tool_response>x</tool_response>",
        "\u6f22 \U0001f600",
    )
    before = [apply_chat_template(tokenizer, caption) for caption in captions]
    assert before[0] == "<|im_start|>user\nA chair<|im_end|>\n<|im_start|>assistant\n"
    freeze_chat_template(tokenizer)
    assert [apply_chat_template(tokenizer, caption) for caption in captions] == before
    assert "{%" not in tokenizer.chat_template


def test_a_loaded_model_holds_the_frame_alone(tiny_model: Path) -> None:
    own = (tiny_model / "tokenizer" / "chat_template.jinja").read_text("utf-8")
    tokenizer = StoredPipeline(str(tiny_model)).load_pipeline(torch.float32).tokenizer
    assert own != tokenizer.chat_template == caption_frame(own).template()


def test_a_template_may_drop_white_space_and_use_the_models_own_tokens(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ pad_token }}{{ messages[0].content | trim }}{{ eos_token }}"
    freeze_chat_template(tokenizer)
    assert apply_chat_template(tokenizer, "  a b\n") == "<|endoftext|>a b<|im_end|>"


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ 'a' * 9999999999 }}",
        "{% set x = namespace(t='aaaaaaaa') %}{% for a in range(60) %}{% set x.t = x.t ~ x.t %}{% endfor %}{{ x.t }}",
        "{{ 'a' * 200000 }}{{ messages[0].content }}",
    ],
    ids=["loops in loops", "calls of calls", "a long text", "doubled", "a long frame"],
)
def test_s11_endless_work_and_endless_text_are_refused(fast_limits: None, template: str) -> None:
    with pytest.raises(EngineError, match="chat template is refused"):
        caption_frame(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[0].content | upper }}",
        "{% if 'chair' in messages[0].content %}x{% endif %}{{ messages[0].content }}", "{{ raise_exception('no') }}",
        "{% include '/etc/passwd' %}",
    ],
)  # fmt: skip
def test_a_template_that_does_more_is_refused(template: str) -> None:
    with pytest.raises(EngineError, match="chat template is refused"):
        caption_frame(template)


def test_a_template_of_megabytes_is_not_even_rendered() -> None:
    with pytest.raises(EngineError, match="it has 1000001 characters"):
        caption_frame("x" * 1_000_001)


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS, TEXTS, st.booleans())
def test_the_frames_template_makes_what_the_frame_says(before: str, after: str, caption: str, strips: bool) -> None:
    frame = CaptionFrame(before, after, strips)
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    rendered = environment.from_string(frame.template()).render(messages=[{"role": "user", "content": caption}])
    assert rendered == frame.around(caption)
