"""Caption tokens: count a prompt's tokens as an engine does, without loading a model.

Inputs: a model's folder, or a hub id and commit whose files are in the local cache. Outputs: a counter, or None where
the tokenizer is not on this machine or cannot be read; nothing is downloaded, and no weights are opened. Only the
tokenizer's own file is read (by `tokenizers`, which transformers uses too), framed by the model's chat template, which
runs under limits (`infra.models.chat_template`). A test compares the counts with the engine's.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from infra.errors import ExternalError
from infra.models.chat_template import caption_frame

MAX_FILE_BYTES = 64 * 2**20
"""Qwen3's tokenizer has 11 MB."""
TOKENIZER, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"

TokenCounter = Callable[[str], int]


@lru_cache(maxsize=8)
def open_token_counter(source: str | None, revision: str | None = None) -> TokenCounter | None:
    """Return a function that counts a caption's tokens, its frame included; None where that cannot be done here."""
    files = _find_files(source, revision)
    try:
        from tokenizers import Tokenizer

        config = json.loads(_read(files[CONFIG])) if CONFIG in files else {}
        template = _read(files[TEMPLATE]) if TEMPLATE in files else str(config.get("chat_template") or "")
        tokenizer = Tokenizer.from_str(_read(files[TOKENIZER]))
        frame = caption_frame(template, tuple(sorted(_special_tokens(config).items())))
    except (ImportError, ExternalError, KeyError, OSError, ValueError):
        return None
    except Exception:  # tokenizers raises bare Exception for a file that it cannot read; the engine will name it
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda caption: len(tokenizer.encode(frame.around(caption)).ids)


def _find_files(source: str | None, revision: str | None) -> dict[str, Path]:
    """Return the tokenizer's files by name, in a folder or in the hub's local cache."""
    if not source:
        return {}
    if Path(source).is_dir():
        files = {name: Path(source) / "tokenizer" / name for name in (TOKENIZER, CONFIG, TEMPLATE)}
        return {name: file for name, file in files.items() if file.is_file()}
    try:
        from huggingface_hub import try_to_load_from_cache

        cached = {
            name: try_to_load_from_cache(source, f"tokenizer/{name}", revision=revision)
            for name in (TOKENIZER, CONFIG, TEMPLATE)
        }
    except (ImportError, ValueError):  # no hub id
        return {}
    return {name: Path(file) for name, file in cached.items() if isinstance(file, str)}


def _read(file: Path) -> str:
    if file.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{file} is no tokenizer's file: it has {file.stat().st_size} bytes")
    return file.read_text("utf-8")


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    """Return the special tokens of a tokenizer's configuration by name, as a chat template knows them."""
    named = {name: value for name, value in config.items() if name.endswith("_token")}
    texts = {name: value.get("content") if isinstance(value, dict) else value for name, value in named.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str)}
