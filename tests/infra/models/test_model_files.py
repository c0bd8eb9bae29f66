"""Which folders are opened, and what their digest covers."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from infra.errors import EngineError
from infra.models.model_files import FileDigestCache, check_model_folder, model_folder_digest

INDEX = {
    "_class_name": "ZImagePipeline",
    "_diffusers_version": "0.42.1",
    "tokenizer": ["transformers", "Qwen2Tokenizer"],
    "vae": ["diffusers", "AutoencoderKL"],
}

FILES = {
    "model_index.json": json.dumps(INDEX),
    "tokenizer/merges.txt": "a b",
    "tokenizer/chat_template.jinja": "{{ messages }}",
    "vae/config.json": "{}",
    "vae/diffusion_pytorch_model.safetensors": "weights",
}


def folder_with(tmp_path: Path, **changed: str | None) -> Path:
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in changed.items()}
    for name, text in {**FILES, **named}.items():
        if text is not None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_digest_is_the_sha256_of_a_sorted_sha256sum_listing(tmp_path: Path) -> None:
    listing = "".join(f"{hashlib.sha256(FILES[name].encode()).hexdigest()}  {name}\n" for name in sorted(FILES))
    assert model_folder_digest(folder_with(tmp_path)) == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_that_reaches_a_pixel_moves_the_digest(tmp_path: Path, name: str) -> None:
    before = model_folder_digest(folder_with(tmp_path))
    (tmp_path / name).write_text(FILES[name] + " ", encoding="utf-8")
    assert model_folder_digest(tmp_path) != before


def test_what_lies_beside_the_model_does_not_move_the_digest(tmp_path: Path) -> None:
    before = model_folder_digest(folder_with(tmp_path))
    folder_with(tmp_path, README_dot_md="hello", assets__table_dot_json="{}", vae__generation_config_dot_json="{}")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "vae.json").write_text("{}")
    assert model_folder_digest(tmp_path) == before
    check_model_folder(tmp_path)


def test_a_renamed_file_moves_the_digest(tmp_path: Path) -> None:
    before = model_folder_digest(folder_with(tmp_path))
    (tmp_path / "vae" / "config.json").rename(tmp_path / "vae" / "settings.json")
    assert model_folder_digest(tmp_path) != before


def test_a_file_is_hashed_once_until_it_changes(tmp_path: Path) -> None:
    weights, cache = tmp_path / "weights", FileDigestCache(settle_seconds=0.0)
    weights.write_bytes(b"first")
    assert {cache.sha256(weights) for _ in range(3)} == {hashlib.sha256(b"first").hexdigest()}
    assert cache.bytes_hashed == 5
    status = weights.stat()
    weights.write_bytes(b"other")
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.sha256(weights) == hashlib.sha256(b"other").hexdigest()
    (tmp_path / "new").write_bytes(b"third")
    (tmp_path / "new").replace(weights)
    assert cache.sha256(weights) == hashlib.sha256(b"third").hexdigest()


def test_a_file_that_changed_a_moment_ago_is_not_remembered(tmp_path: Path) -> None:
    weights, cache = tmp_path / "weights", FileDigestCache(settle_seconds=3600.0)
    weights.write_bytes(b"first")
    assert cache.sha256(weights) == cache.sha256(weights)
    assert cache.bytes_hashed == 10


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (None, "no readable model_index.json"),
        ("{", "no readable model_index.json"),
        ("[]", "not an object"),
        (json.dumps({**INDEX, "_class_name": ["my_pipeline", "Mine"]}), "only 'ZImagePipeline' is read"),
        (json.dumps({**INDEX, "_class_name": "FluxPipeline"}), "only 'ZImagePipeline' is read"),
        (json.dumps({**INDEX, "vae": ["my_code", "Evil"]}), "takes its 'vae' from"),
        (json.dumps({"_class_name": "ZImagePipeline"}), "no safetensors weights"),
    ],
)
def test_a_folder_that_is_no_plain_z_image_pipeline_is_refused(tmp_path: Path, index: str | None, reason: str) -> None:
    folder_with(tmp_path, model_index_dot_json=index)
    with pytest.raises(EngineError, match=reason.replace("[", r"\[")):
        check_model_folder(tmp_path)
