"""What a component names is digested and lies beside it, and no configuration brings code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import EngineError
from infra.models import component_references
from infra.models.component_references import check_references
from infra.models.folder_listing import component_files
from tests.fixtures.model_folders import WEIGHTS, write_model_folder

INDEX_NAME = "vae/diffusion_pytorch_model.safetensors.index.json"


def check(folder: Path, changes: dict[str, str | None]) -> None:
    write_model_folder(folder, changes)
    check_references(folder, list(component_files(folder, ("tokenizer", "vae"))))


def index_of(*shards: Any) -> str:
    return json.dumps({"metadata": {}, "weight_map": {str(number): name for number, name in enumerate(shards)}})


def test_shards_beside_their_index_are_taken_hidden_ones_too(tmp_path: Path) -> None:
    shards = ("a-00001.safetensors", ".b.safetensors")
    check(tmp_path, {INDEX_NAME: index_of(*shards), **{f"vae/{name}": WEIGHTS for name in shards}})


@pytest.mark.parametrize(
    "shard",
    ["missing.safetensors", "../tokenizer/w.safetensors", "/etc/passwd", "below/w.safetensors", "..", "", "config.json",
     "W.safetensors", "._w.safetensors", ".cache/w.safetensors", "below\\w.safetensors", 7, None, ["w.safetensors"]],
)  # fmt: skip
def test_s9_an_index_that_names_what_was_not_digested_is_refused(tmp_path: Path, shard: Any) -> None:
    files = ("tokenizer/w.safetensors", "vae/below/w.safetensors", "vae/w.safetensors", "vae/._w.safetensors",
             "vae/.cache/w.safetensors")  # fmt: skip
    with pytest.raises(EngineError, match=f"{re.escape(INDEX_NAME)}' names {re.escape(repr(str(shard)))}"):
        check(tmp_path, {INDEX_NAME: index_of(shard), **dict.fromkeys(files, WEIGHTS)})


@given(st.text(max_size=30))
def test_s9_no_other_name_is_taken(tmp_path_factory: pytest.TempPathFactory, shard: str) -> None:
    if shard == "diffusion_pytorch_model.safetensors":
        return
    with pytest.raises(EngineError, match="which is not among"):
        check(tmp_path_factory.mktemp("model"), {INDEX_NAME: index_of(shard)})


@pytest.mark.parametrize("text", ["{}", "[]", "7", '{"weight_map": []}', '{"weight_map": "w.safetensors"}'])
def test_an_index_without_weights_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EngineError, match="is no index of weights"):
        check(tmp_path, {INDEX_NAME: text})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("vae/config.json", {"auto_map": {"AutoModel": "owner/code--module.Class"}}, "'auto_map', which names code"),
        ("tokenizer/tokenizer_config.json", {"auto_map": ["code.Tokenizer", None]}, "'auto_map', which names code"),
        ("vae/config.json", {"inner": [{"auto_map": {"AutoModel": "x"}}]}, "'auto_map', which names code"),
        ("vae/config.json", {"transformers_weights": ".cache/w.safetensors"}, "'transformers_weights', which names"),
        ("tokenizer/tokenizer_config.json", {"fast_tokenizer_files": ["../x.json"]}, "'fast_tokenizer_files'"),
        ("vae/config.json", {"attn_implementation": "owner/x"}, "'attn_implementation', which names a kernel"),
        ("vae/config.json", {"_attn_implementation": {"": "sdpa", "text": "a/b"}}, "which names a kernel"),
        ("vae/config.json", {"experts_implementation": "paged|a/b:forward"}, "which names a kernel"),
        ("vae/adapter_config.json", {"base_model_name_or_path": "/elsewhere"}, "makes a loader open another model"),
    ],
)  # fmt: skip
def test_a_configuration_that_brings_code_or_other_files_is_refused(
    tmp_path: Path, name: str, content: Any, reason: str
) -> None:
    with pytest.raises(EngineError, match=f"'{re.escape(name)}' .*{re.escape(reason)}"):
        check(tmp_path, {name: json.dumps(content)})


def test_an_ordinary_configuration_is_taken(tmp_path: Path) -> None:
    config = {
        "_name_or_path": "somebody/qwen", "architectures": ["Qwen3ForCausalLM"], "attn_implementation": "sdpa",
        "auto_map": None, "rope_scaling": {"type": "x", "factors": [1, 2]},
    }  # fmt: skip
    check(tmp_path, {"vae/config.json": json.dumps(config), "vae/more.bin.json": "[]", "vae/blob": "\x00"})


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("vae/config.json", "[" * 100_000, "nested 100000 deep"),
        ("vae/config.json", '"' + "x" * (16 << 20) + '"', "more than 16777216 bytes"),
        ("vae/config.json", "{", "cannot be read"),
        ("vae/diffusion_pytorch_model.safetensors", "\x01\0\0\0\0\0\0\x01{}", "a header of 72057594037927937"),
    ],
)
def test_a_file_beyond_all_bounds_is_refused_before_it_is_parsed(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    with pytest.raises(EngineError, match=f"'{re.escape(name)}' .*{re.escape(reason)}"):
        check(tmp_path, {name: text})


@pytest.mark.parametrize("name", ["tokenizer/tokenizer.json", "tokenizer/merges.txt", "tokenizer/chat_template.jinja"])
def test_a_vocabulary_beyond_all_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(component_references, "MAX_VOCABULARY_BYTES", 100)
    with pytest.raises(EngineError, match=f"'{re.escape(name)}' has 101 bytes, and at most 100"):
        check(tmp_path, {name: "x" * 101})
