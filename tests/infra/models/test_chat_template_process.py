"""The process answers in one line, and dies by its limits and not by its parent's patience."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("transformers")

from infra.models import chat_template_process

REQUEST = {
    "template": "<{{ messages[0].content }}>{{ more }}", "variables": {"more": "!"}, "captions": ["a", "\U0001f600"],
    "cpu_seconds": 5, "memory_bytes": 64 << 20, "max_characters": 100,
}  # fmt: skip


def run(**changes: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", chat_template_process.__file__]
    return subprocess.run(command, input=json.dumps({**REQUEST, **changes}).encode(), capture_output=True, check=False)


def answer(**changes: Any) -> dict[str, Any]:
    done = run(**changes)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def test_each_caption_is_rendered_in_a_conversation_of_its_own() -> None:
    assert answer() == {"rendered": ["<a>!", "<\U0001f600>!"]}


def test_what_a_template_raises_is_an_answer() -> None:
    assert "UndefinedError" in answer(template="{{ nobody.name }}")["error"]
    assert "makes 200 characters of a caption, and at most 100" in answer(template="{{ 'x' * 200 }}")["error"]
    assert answer(template="{{ 'x' * 999999999 }}") == {"error": "MemoryError"}


def test_a_template_that_does_not_end_is_ended_by_the_kernel() -> None:
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    assert run(template=loops, cpu_seconds=1).returncode in (-signal.SIGXCPU, -signal.SIGKILL)
