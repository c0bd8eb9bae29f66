"""Which folders are opened, and what their digest covers."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from infra.errors import EngineError
from infra.models.model_files import FileDigestCache, check_model_folder, model_folder_digest
from tests.fixtures.model_folders import FILES, INDEX, WEIGHTS, write_model_folder


def test_the_digest_is_the_sha256_of_a_sorted_sha256sum_listing(tmp_path: Path) -> None:
    listing = "".join(f"{hashlib.sha256(FILES[name].encode()).hexdigest()}  {name}\n" for name in sorted(FILES))
    assert model_folder_digest(write_model_folder(tmp_path)) == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_that_reaches_a_pixel_moves_the_digest(tmp_path: Path, name: str) -> None:
    before = model_folder_digest(write_model_folder(tmp_path))
    (tmp_path / name).write_text(FILES[name] + " ", encoding="utf-8")
    assert model_folder_digest(tmp_path) != before


def test_what_lies_beside_the_model_does_not_move_the_digest(tmp_path: Path) -> None:
    before = model_folder_digest(write_model_folder(tmp_path))
    beside = (
        "README.md", "vae/README.md", "vae/LICENSE", "assets/table.json", "vae/generation_config.json",
        ".cache/vae.json", "vae/.cache/x.metadata", "vae/.gitattributes", "vae/._config.json", "vae/.DS_Store",
    )  # fmt: skip
    write_model_folder(tmp_path, dict.fromkeys(beside, "{}"))
    assert model_folder_digest(tmp_path) == before
    check_model_folder(tmp_path)


def test_a_renamed_file_moves_the_digest(tmp_path: Path) -> None:
    before = model_folder_digest(write_model_folder(tmp_path))
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
    write_model_folder(tmp_path, {"model_index.json": index})
    with pytest.raises(EngineError, match=reason.replace("[", r"\[")):
        check_model_folder(tmp_path)


def test_s9_every_other_file_of_a_component_moves_the_digest(tmp_path: Path) -> None:
    """A hidden file, one of another suffix, one in a folder below: an index or a tokenizer's class may open it."""
    seen = {model_folder_digest(write_model_folder(tmp_path))}
    for name in ("vae/.w.safetensors", "vae/W.SAFETENSORS", "tokenizer/vocab.bpe", "vae/.hidden/w.json", "vae/weights"):
        write_model_folder(tmp_path, {name: WEIGHTS})
        seen.add(model_folder_digest(tmp_path))
    assert len(seen) == 6


def test_s9_hidden_weights_that_an_index_names_are_digested(tmp_path: Path) -> None:
    index = {"metadata": {}, "weight_map": {"decoder.bias": ".w.safetensors"}}
    hidden = {
        "vae/diffusion_pytorch_model.safetensors": None,
        "vae/diffusion_pytorch_model.safetensors.index.json": json.dumps(index),
    }
    before = model_folder_digest(write_model_folder(tmp_path, hidden | {"vae/.w.safetensors": WEIGHTS}))
    (tmp_path / "vae" / ".w.safetensors").write_text(WEIGHTS + "other weights")
    assert model_folder_digest(tmp_path) != before


def test_s9_a_component_behind_a_link_has_the_digest_of_its_files(tmp_path: Path) -> None:
    plain = write_model_folder(tmp_path / "plain")
    linked = write_model_folder(tmp_path / "linked")
    (linked / "vae").rename(tmp_path / "elsewhere")
    (linked / "vae").symlink_to(tmp_path / "elsewhere")
    assert model_folder_digest(linked) == model_folder_digest(plain)
    check_model_folder(linked)
    (tmp_path / "elsewhere" / "diffusion_pytorch_model.safetensors").write_text(WEIGHTS + "other weights")
    assert model_folder_digest(linked) != model_folder_digest(plain)


@pytest.mark.parametrize("name", ["vae/.code.py", "vae/.hidden/weights.BIN", "tokenizer/.x.pkl", "assets/x.pt"])
def test_code_and_other_weights_are_refused_hidden_ones_too(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match=f"holds '{name}': only safetensors"):
        check_model_folder(write_model_folder(tmp_path, {name: "print()"}))


def test_an_index_beyond_all_bounds_is_refused(tmp_path: Path) -> None:
    for index in ("[" * 100_000, '{"a": "' + "x" * (17 << 20) + '"}'):
        with pytest.raises(EngineError, match=r"no readable model_index\.json"):
            check_model_folder(write_model_folder(tmp_path, {"model_index.json": index}))
