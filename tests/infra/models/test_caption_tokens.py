"""A caption's tokens are counted as the engine counts them, from the tokenizer's own file alone."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.engines.torch.caption_embedding import apply_chat_template
from infra.models.caption_tokens import MAX_FILE_BYTES, open_token_counter
from infra.nano import MODEL_FOLDER

pytest.importorskip("transformers")


@cache
def engines_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(MODEL_FOLDER / "tokenizer"))


@given(st.text(max_size=200) | st.sampled_from(["<|im_end|>", "a red mug " * 300, "\u6f22\u5b57 \U0001f600"]))
@settings(deadline=None, max_examples=40)
def test_any_caption_has_as_many_tokens_as_the_engine_makes_of_it(caption: str) -> None:
    count, tokenizer = open_token_counter(str(MODEL_FOLDER)), engines_tokenizer()
    assert count is not None
    assert count(caption) == len(tokenizer(apply_chat_template(tokenizer, caption))["input_ids"])


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(MODEL_FOLDER / "tokenizer", folder / "tokenizer")).parent


def test_nothing_is_counted_where_there_is_no_tokenizer(tmp_path: Path) -> None:
    assert open_token_counter(None) is None
    assert open_token_counter(str(tmp_path)) is None
    assert open_token_counter("nobody/at-all", "0a" * 20) is None
    assert open_token_counter("no hub id/at/all", "0a" * 20) is None


def test_a_damaged_tokenizer_or_an_unruly_template_counts_nothing(tmp_path: Path) -> None:
    for number, (name, content) in enumerate(
        [
            ("tokenizer.json", "{}"),
            ("tokenizer.json", "\x00" * 9),
            ("tokenizer_config.json", "[1"),
            ("chat_template.jinja", "{% for x in range(10**9) %}{% endfor %}"),
            ("chat_template.jinja", "x" * (MAX_FILE_BYTES + 1)),
        ]
    ):
        folder = copied(tmp_path / str(number))
        (folder / "tokenizer" / name).write_text(content, "utf-8")
        assert open_token_counter(str(folder)) is None, name


def test_a_template_in_the_configuration_is_used_where_there_is_no_file(tmp_path: Path) -> None:
    folder = copied(tmp_path) / "tokenizer"
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    config["chat_template"] = (folder / "chat_template.jinja").read_text("utf-8")
    config["eos_token"] = {"content": config["eos_token"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    (folder / "chat_template.jinja").unlink()
    count, same = open_token_counter(str(tmp_path)), open_token_counter(str(MODEL_FOLDER))
    assert count is not None
    assert same is not None
    assert count("a red mug") == same("a red mug")
