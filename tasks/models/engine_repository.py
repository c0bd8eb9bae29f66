"""Engine repository: add, list, verify and fetch exported and built engines in the store.

Inputs: a store and an engine's folder. Outputs: `EngineArtifact`s, and the folder again. A version's number is claimed
by writing its artifact, which only one worker can do. The files follow, and then the artifact lists them: an engine
whose artifact lists no files is not whole.
"""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import (
    EngineArtifact,
    ParityResult,
    StoredFile,
    config_pbtxt,
    parse_engine_facts,
    triton_path,
)
from catalogs.recipe.schema import CATALOGUE_NAME
from catalogs.rule_files import first_field_error
from infra.errors import ObjectMissing, StoreError
from infra.interfaces import ObjectStore
from infra.stores.sequence import ObjectSequence

CARD_FILE = "card.json"
CHUNK_BYTES = 1 << 22


def require_model_name(model: str) -> None:
    """Raise `OptionError` for a name that engines cannot be stored under."""
    if not CATALOGUE_NAME.fullmatch(model):
        raise OptionError(f"--name: {model!r} must be 1 to 63 of a-z, 0-9 and dashes, and not begin with a dash")


def list_stored_engines(store: ObjectStore, model: str = "") -> list[EngineArtifact]:
    """Return the artifacts of one model's engines, or of all, ordered by model and version."""
    prefix = layout.engine_versions_prefix(model)
    keys = [info.key for info in store.list(prefix) if _is_artifact_key(info.key)]
    artifacts = [_parse_artifact(key, data) for key in keys if (data := store.find(key)) is not None]
    return sorted(artifacts, key=lambda artifact: (artifact.model, artifact.version))


def read_engine(store: ObjectStore, model: str, version: int) -> EngineArtifact:
    """Return one engine's artifact. Raises `OptionError`, naming the stored engines, where there is none."""
    key = layout.engine_artifact(model, version)
    try:
        return _parse_artifact(key, store.read(key))
    except ObjectMissing:
        names = ", ".join(f"{stored.model}/{stored.version}" for stored in list_stored_engines(store)) or "none"
        raise OptionError(f"The store {store.url} has no engine {model}/{version}; it has {names}") from None


def add_engine(store: ObjectStore, model: str, folder: Path, by: str) -> EngineArtifact:
    """Add an export or a built engine to the store as the next version of `model`, not verified yet.

    An upload that fails is removed again. Raises `OptionError` for a folder without a readable `card.json`.
    """
    require_model_name(model)
    document = _read_folder_card(folder)
    artifact = _claim_version(store, model, by, document)
    try:
        for graph in artifact.facts.onnx_digests:
            text = config_pbtxt(graph, artifact.facts.runtime, document.get("graphs", {}).get(graph))
            store.write(layout.engine_file(model, artifact.version, f"{graph}/config.pbtxt"), text.encode())
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CARD_FILE)
        files = tuple(_upload_file(store, artifact, folder, path) for path in paths)
    except BaseException:
        store.delete([info.key for info in store.list(layout.engine_file(model, artifact.version, ""))])
        raise
    return _write_artifact(store, artifact.model_copy(update={"files": files}))


def record_verification(store: ObjectStore, artifact: EngineArtifact, parity: ParityResult) -> EngineArtifact:
    """Record a verification: the engine is ready where parity passed, else refused."""
    state = "ready" if parity.passed else "refused"
    return _write_artifact(store, artifact.model_copy(update={"state": state, "parity": parity}))


def fetch_engine(store: ObjectStore, artifact: EngineArtifact, folder: Path) -> None:
    """Write an engine's files and its `card.json` into `folder`, as they were when it was added.

    Raises `StoreError` for a file that differs from the one that was added.
    """
    for file in artifact.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        key = layout.engine_file(artifact.model, artifact.version, triton_path(file.path))
        with store.open_input(key) as source, path.open("wb") as target:
            size_and_sha = _copy_and_hash(source, target)
        if size_and_sha != (file.bytes, file.sha256):
            raise StoreError(f"The engine file {key!r} is not the one that was added: build the engine again.")
    (folder / CARD_FILE).write_text(json.dumps(artifact.document, indent=1, ensure_ascii=False), "utf-8")


def _claim_version(store: ObjectStore, model: str, by: str, document: dict[str, Any]) -> EngineArtifact:
    """Claim the next version by writing its artifact, which only one worker can do."""
    facts = parse_engine_facts(document)
    versions = ObjectSequence(store, layout.engine_versions_prefix(model), partial(layout.engine_artifact, model))
    while True:
        version = versions.latest() + 1
        artifact = EngineArtifact(
            model=model,
            version=version,
            state="building",
            by=by,
            added_at=store.now(),
            facts=facts,
            document=document,
        )
        if versions.claim(version, _serialize(artifact), content_type="application/json"):
            return artifact


def _upload_file(store: ObjectStore, artifact: EngineArtifact, folder: Path, path: Path) -> StoredFile:
    name = path.relative_to(folder).as_posix()
    key = layout.engine_file(artifact.model, artifact.version, triton_path(name))
    with path.open("rb") as source, store.open_output(key) as target:
        size, sha = _copy_and_hash(source, target)
    return StoredFile(path=name, bytes=size, sha256=sha)


def _copy_and_hash(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    size, sha = 0, hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
        sha.update(chunk)
        size += len(chunk)
    return size, sha.hexdigest()


def _read_folder_card(folder: Path) -> dict[str, Any]:
    try:
        document = json.loads((folder / CARD_FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OptionError(
            f"The folder {str(folder)!r} has no readable {CARD_FILE} ({error}): make it with `packshot engine export` "
            "or build"
        ) from None
    if not isinstance(document, dict):
        raise OptionError(f"The {CARD_FILE} in {str(folder)!r} is no JSON object; build the folder again")
    return document


def _is_artifact_key(key: str) -> bool:
    parts = key.removeprefix(layout.ENGINES).split("/")
    return len(parts) == 3 and parts[1].isdecimal() and parts[2] == CARD_FILE


def _write_artifact(store: ObjectStore, artifact: EngineArtifact) -> EngineArtifact:
    store.write(
        layout.engine_artifact(artifact.model, artifact.version), _serialize(artifact), content_type="application/json"
    )
    return artifact


def _serialize(artifact: EngineArtifact) -> bytes:
    return artifact.model_dump_json(indent=1).encode()


def _parse_artifact(key: str, data: bytes) -> EngineArtifact:
    try:
        return EngineArtifact.model_validate_json(data)
    except ValidationError as error:
        raise StoreError(
            f"The card {key!r} is none that this version reads ({first_field_error(error).message}): delete that "
            "engine and build it again."
        ) from error
