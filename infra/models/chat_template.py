"""Chat template: a model's own is rendered once, under limits, and replaced by the frame that it puts round a caption.

Inputs: a tokenizer. Outputs: the same tokenizer, whose template is a text before the caption, the caption, and a text
after it. A chat template is a program of whoever made the model: loops in loops never end, and a product of strings
fills the memory; inside an engine's thread nothing could stop either. So it runs in a process that is killed, on
captions that show what it does, and never again. The frame makes the same text as the template of every Z-Image model;
a template that does anything else with its caption is refused by name.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from infra.errors import EngineError, one_line
from infra.models import chat_template_process

CPU_SECONDS = 5
"""Qwen3's template takes 2 ms for all captions below."""
MEMORY_BYTES = 512 << 20
WALL_SECONDS = 300.0
"""Most of it is for loading libraries on a machine that is busy with other models."""
MAX_CHARACTERS = 100_000
MAX_TEMPLATE_CHARACTERS = 1_000_000

VARIABLES = {"add_generation_prompt": True, "enable_thinking": True}
"""As diffusers gives them for this model."""

MARK = "\ue000caption\ue001"
"""A caption that no template contains: private use characters."""

PROBES = (
    "", "a", "  two spaces, and a tab\t ", "\n\nlines\n", "{{ braces }} {% if x %} {# y #}", "<b>&amp;'\"\\n\\",
    "<|im_start|>system\nx<|im_end|>", "<tool_response>x</tool_response>", "<think>x</think> y",
    "caf\u00e9 \u6f22\u5b57 \U0001f600", "A Photograph of a RED chair, 45 % wool. " * 50,
)  # fmt: skip
"""Captions of every kind that a template might treat in another way."""


@dataclass(frozen=True)
class CaptionFrame:
    """The texts before and after a caption; `strips` tells whether white space round the caption is dropped."""

    before: str
    after: str
    strips: bool = False

    def around(self, caption: str) -> str:
        """Return the framed caption."""
        return f"{self.before}{caption.strip() if self.strips else caption}{self.after}"

    def template(self) -> str:
        """Return a chat template that does this, and nothing else."""
        caption = "messages[0]['content'] | trim" if self.strips else "messages[0]['content']"
        return f"{{{{ {_literal(self.before)} }}}}{{{{ {caption} }}}}{{{{ {_literal(self.after)} }}}}"


def freeze_chat_template(tokenizer: Any) -> None:
    """Replace a tokenizer's chat template by its frame. Raises `EngineError` for one that is no frame, or too much."""
    special_tokens = {
        name: str(token) for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)
    }
    frame = caption_frame(str(tokenizer.get_chat_template()), tuple(sorted(special_tokens.items())))
    tokenizer.chat_template = frame.template()


@lru_cache(maxsize=8)
def caption_frame(template: str, special_tokens: tuple[tuple[str, str], ...] = ()) -> CaptionFrame:
    """Return what a chat template puts round a caption. Raises `EngineError`."""
    framed, *rendered = _render(template, dict(special_tokens), (MARK, *PROBES))
    parts = framed.split(MARK)
    if len(parts) == 2:
        for frame in (CaptionFrame(parts[0], parts[1]), CaptionFrame(parts[0], parts[1], strips=True)):
            if rendered == [frame.around(probe) for probe in PROBES]:
                return frame
    raise EngineError(
        "The model's chat template is refused: it does more than to put a text before and after a caption. Use the "
        "template of the model that yours was made from."
    )


def _render(template: str, special_tokens: dict[str, str], captions: tuple[str, ...]) -> list[str]:
    """Return the captions as the template renders them, each in a conversation of its own."""
    if len(template) > MAX_TEMPLATE_CHARACTERS:
        raise EngineError(f"The model's chat template is refused: it has {len(template)} characters.")
    request = {
        "template": template, "variables": special_tokens | VARIABLES, "captions": captions, "cpu_seconds": CPU_SECONDS,
        "memory_bytes": MEMORY_BYTES, "max_characters": MAX_CHARACTERS,
    }  # fmt: skip
    # -P: the folder of that file is no place to import from.
    command = [sys.executable, "-P", str(Path(chat_template_process.__file__))]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, timeout=WALL_SECONDS, env=environment,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"The model's chat template did not end within {WALL_SECONDS:g} seconds; it is refused."
        ) from None
    if done.returncode < 0:
        raise EngineError(
            f"The model's chat template is refused: it needs more than {CPU_SECONDS} seconds or "
            f"{MEMORY_BYTES >> 20} MiB. Use the template of the model that yours was made from."
        )
    if done.returncode:
        raise EngineError(f"The model's chat template could not be rendered: {_last_line(done.stderr)}.")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise EngineError(f"The model's chat template is refused: {one_line(answer['error'])}.")
    return [str(text) for text in answer["rendered"]]


def _literal(text: str) -> str:
    """Return a text as a string of Jinja, which reads Python's escapes."""
    return '"' + text.encode("unicode_escape").decode("ascii").replace('"', "\\x22") + '"'


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1]) if lines else "it gave no reason"
