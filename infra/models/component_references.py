"""Component references: what a model's configurations name is what was digested, and no code.

Inputs: a model's folder and the files of its components. Outputs: nothing, or an `EngineError` that names the file.
diffusers and transformers open what an index or a configuration tells them to: a shard in another folder, an adapter
with a base model of its own, a kernel from the hub. Such weights would be outside the digest, and such code outside
every check, so a name leads to a digested file beside it or is refused. Sizes and nesting are bounded before anything
is parsed.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.bounded_json import read_bounded_json
from infra.errors import EngineError
from infra.models.safetensors_header import MAX_HEADER_BYTES, header_bytes

MAX_CONFIG_BYTES = 16 << 20
"""Z-Image's largest configuration has 10 kB, its largest index 50 kB."""

MAX_VOCABULARY_BYTES = 256 << 20
"""Qwen3's tokenizer.json has 11 MB; a parser makes about ten times as much of it."""

VOCABULARIES = frozenset(("tokenizer.json", "vocab.json", "added_tokens.json"))
TEXT_SUFFIXES = (".jinja", ".model", ".txt")
SHARD_INDEX_SUFFIX, WEIGHTS_SUFFIX = ".index.json", ".safetensors"

CODE_OR_FILE_KEYS = frozenset(("auto_map", "transformers_weights", "fast_tokenizer_files", "custom_pipelines"))
"""Keys of a configuration that name code, or a file in place of the usual one. No Z-Image model has any."""

KERNEL_KEYS = frozenset(
    f"{prefix}{kind}_implementation{suffix}"
    for prefix in ("", "_")
    for kind in ("attn", "experts")
    for suffix in ("", "_internal")
)
"""Keys whose value may be a kernel of the hub, which is compiled code: such a value holds a slash."""

REDIRECTING_FILES = frozenset(("adapter_config.json", "modular_model_index.json"))
"""Files that make a loader open another model."""


def check_references(folder: Path, files: Collection[Path]) -> None:
    """Raise `EngineError` where a component names what is not among `files`, or has a file beyond all bounds."""
    known = {path.relative_to(folder).as_posix() for path in files}
    for path in sorted(files):
        try:
            if reason := _refusal(path, folder, known):
                raise EngineError(f"The model folder {str(folder)!r} is refused: {_name(path, folder)!r} {reason}.")
        except (OSError, ValueError) as error:
            raise EngineError(
                f"The model folder {str(folder)!r} is refused: {_name(path, folder)!r} cannot be read: {error}."
            ) from None


def _refusal(path: Path, folder: Path, known: Collection[str]) -> str | None:
    name = path.name.lower()
    if name in REDIRECTING_FILES:
        return "makes a loader open another model; merge that one into the weights, or remove the file"
    if name.endswith(WEIGHTS_SUFFIX):
        return _size_refusal("a header of ", header_bytes(path), MAX_HEADER_BYTES)
    if name in VOCABULARIES or name.endswith(TEXT_SUFFIXES):
        return _size_refusal("", path.stat().st_size, MAX_VOCABULARY_BYTES)
    if not name.endswith(".json"):
        return None
    document = read_bounded_json(path, MAX_CONFIG_BYTES)
    if name.endswith(SHARD_INDEX_SUFFIX):
        return _index_refusal(document, _name(path.parent, folder), known)
    return next(_config_refusals(document), None)


def _size_refusal(what: str, size: int, largest: int) -> str | None:
    return f"has {what}{size} bytes, and at most {largest} are read" if size > largest else None


def _index_refusal(document: Any, component: str, known: Collection[str]) -> str | None:
    """Return why an index of shards is refused: each must be digested weights, by a plain name beside the index."""
    shards = document.get("weight_map") if isinstance(document, Mapping) else None
    if not isinstance(shards, Mapping):
        return "is no index of weights: it has no `weight_map`"
    for shard in sorted({str(shard) for shard in shards.values()}):
        if "/" in shard or "\\" in shard or f"{component}/{shard}" not in known or not shard.endswith(WEIGHTS_SUFFIX):
            return (
                f"names {shard!r}, which is not among the component's digested weights; name safetensors files that lie"
                " beside the index, and download the folder again if it is not complete"
            )
    return None


def _config_refusals(value: Any) -> Iterator[str]:
    """Yield why a configuration is refused, at any depth: nested ones configure parts of the same model."""
    if isinstance(value, list):
        for item in value:
            yield from _config_refusals(item)
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        if key in CODE_OR_FILE_KEYS and item:
            yield f"has {key!r}, which names code or a file outside the digest; remove it"
        if key in KERNEL_KEYS and any("/" in text for text in _texts(item)):
            yield f"has {key!r}, which names a kernel of the hub; remove it"
        yield from _config_refusals(item)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value.values()] if isinstance(value, Mapping) else [str(value)]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
