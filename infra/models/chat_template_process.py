"""Chat template process: renders a model's chat template under limits, and is killed where it exceeds them.

Inputs: a JSON document on standard input: the template, its variables, captions, limits. Outputs: one JSON line on
standard output: a rendering of each caption, or an error. It runs as a program of its own (see
`infra.models.chat_template`) and imports nothing of Packshot: a thread that loops inside Jinja cannot be ended, and a
process can. Memory and seconds are counted from the moment when the libraries are loaded.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

PAGE_BYTES = resource.getpagesize()


def main() -> None:
    """Render what standard input asks for."""
    request = json.loads(sys.stdin.buffer.read())
    from transformers.utils.chat_template_utils import render_jinja_template

    _limit(request["cpu_seconds"], request["memory_bytes"])
    try:
        conversations = [[{"role": "user", "content": caption}] for caption in request["captions"]]
        rendered, _ = render_jinja_template(
            conversations=conversations, chat_template=request["template"], **request["variables"]
        )
        answer: dict[str, Any] = {"rendered": _within(rendered, request["max_characters"])}
    except Exception as error:  # Jinja's own classes, and whatever a template makes Python raise
        answer = {"error": f"{type(error).__name__} {str(error)[:200]}".strip()}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + cpu_seconds
    mapped = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * PAGE_BYTES
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_AS, mapped + memory_bytes)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    """Set a limit, or leave the lower one that this process was started with."""
    _, highest = resource.getrlimit(kind)
    limit = limit if highest == resource.RLIM_INFINITY else min(limit, highest)
    resource.setrlimit(kind, (limit, limit))


def _within(rendered: list[str], max_characters: int) -> list[str]:
    if longest := max((len(text) for text in rendered if len(text) > max_characters), default=0):
        raise ValueError(f"it makes {longest} characters of a caption, and at most {max_characters} are read")
    return rendered


if __name__ == "__main__":
    main()
