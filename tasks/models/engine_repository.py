"""Engine repository: add, list, verify and fetch exported and built engines in the store.

Inputs: a store and an engine's folder. Outputs: `EngineArtifact`s, and the folder again. A version's number is claimed
by writing its artifact, which only one worker can do. The files follow, and then the artifact lists them: an engine
whose artifact lists no files is not whole. A card is a stranger's until it was checked: one that cannot be read, or
that contradicts itself or its key, costs its engine alone.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    artifact_fault,
    config_pbtxt,
    document_files,
    parse_engine_facts,
    triton_path,
)
from catalogs.models.engine_selection import EngineRequirements, EngineSelection, select_engine
from catalogs.recipe.schema import CATALOGUE_NAME
from catalogs.rule_files import first_field_error
from infra.bounded_json import parse_bounded_json, read_bounded_json
from infra.errors import ObjectMissing, StoreError
from infra.interfaces import ObjectStore
from infra.stores.sequence import ObjectSequence
from tasks.models.engine_trust import EngineTrust

CARD_FILE = "card.json"
CHUNK_BYTES = 1 << 22
MAX_VERSION_DIGITS = 9
MAX_CARD_BYTES = 4 << 20
"""A card of an export of two graphs has 4 kB."""


@dataclass(frozen=True)
class EngineListing:
    """The engines of a store, and why each other card is none, by (model, version)."""

    artifacts: tuple[EngineArtifact, ...]
    faults: Mapping[tuple[str, int], str]


def require_model_name(model: str) -> None:
    """Raise `OptionError` for a name that engines cannot be stored under."""
    if not CATALOGUE_NAME.fullmatch(model):
        raise OptionError(f"--name: {model!r} must be 1 to 63 of a-z, 0-9 and dashes, and not begin with a dash")


def scan_stored_engines(store: ObjectStore, model: str = "") -> EngineListing:
    """Return one model's engines, or all, ordered by model and version; a card that is none becomes a fault."""
    artifacts, faults = [], {}
    for info in store.list(layout.engine_versions_prefix(model)):
        place = _parse_artifact_key(info.key)
        if place is None:
            continue
        try:
            if info.size > MAX_CARD_BYTES:
                raise StoreError(
                    _card_fault(info.key, f"it has {info.size} bytes, and at most {MAX_CARD_BYTES} are read")
                )
            if (data := store.find(info.key)) is not None:
                artifacts.append(_parse_artifact(info.key, data))
        except StoreError as error:
            faults[place] = str(error)
    return EngineListing(tuple(sorted(artifacts, key=lambda each: (each.model, each.version))), faults)


def list_stored_engines(store: ObjectStore, model: str = "") -> list[EngineArtifact]:
    """Return the artifacts of one model's engines, or of all, ordered by model and version."""
    return list(scan_stored_engines(store, model).artifacts)


def choose_engine(
    store: ObjectStore, model: str, requirements: EngineRequirements, trust: EngineTrust
) -> EngineSelection:
    """Return the newest stored engine that fits and is trusted here, and why each of the others is not taken."""
    listing = scan_stored_engines(store, model)
    selection = select_engine(listing.artifacts, requirements, trust.refusal)
    faults = {version: fault.rstrip(".") for (_, version), fault in listing.faults.items()}
    return EngineSelection(selection.artifact, {**selection.incompatibilities, **faults})


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
    facts = parse_engine_facts(document)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CARD_FILE)
    names = {path.relative_to(folder).as_posix() for path in paths}
    if missing := sorted(document_files(document).keys() - names):
        raise OptionError(f"The folder {str(folder)!r} lacks {missing[0]!r}, which its {CARD_FILE} names; build again")
    draft = {"model": model, "state": "building", "by": by, "added_at": store.now(), "facts": facts}
    artifact = _claim_version(store, model, draft | {"document": document})
    try:
        for graph in artifact.facts.onnx_digests:
            text = config_pbtxt(graph, artifact.facts.runtime, document.get("graphs", {}).get(graph))
            store.write(layout.engine_file(model, artifact.version, f"{graph}/config.pbtxt"), text.encode())
        files = tuple(_upload_file(store, artifact, folder, path) for path in paths)
    except BaseException:
        store.delete([info.key for info in store.list(layout.engine_file(model, artifact.version, ""))])
        raise
    return _write_artifact(store, artifact.model_copy(update={"files": files}))


def record_verification(
    store: ObjectStore, artifact: EngineArtifact, parity: ParityResult, trust: EngineTrust
) -> EngineArtifact:
    """Record a verification, with a tag of this host: the engine is ready where parity passed, else refused."""
    state = "ready" if parity.passed else "refused"
    verified = artifact.model_copy(update={"state": state, "parity": parity})
    return _write_artifact(store, trust.with_tag(verified))


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


def _claim_version(store: ObjectStore, model: str, draft: Mapping[str, Any]) -> EngineArtifact:
    """Claim the next version by writing its artifact, which only one worker can do."""
    versions = ObjectSequence(store, layout.engine_versions_prefix(model), partial(layout.engine_artifact, model))
    while True:
        artifact = EngineArtifact(version=versions.latest() + 1, **draft)
        if versions.claim(artifact.version, _serialize(artifact), content_type="application/json"):
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
        document = read_bounded_json(folder / CARD_FILE, MAX_CARD_BYTES)
    except (OSError, ValueError) as error:
        raise OptionError(
            f"The folder {str(folder)!r} has no readable {CARD_FILE} ({error}): make it with `packshot engine export` "
            "or build"
        ) from None
    if not isinstance(document, dict):
        raise OptionError(f"The {CARD_FILE} in {str(folder)!r} is no JSON object; build the folder again")
    return document


def _parse_artifact_key(key: str) -> tuple[str, int] | None:
    """Return the model and the version in the key of a card; None for any other key."""
    model, _, rest = key.removeprefix(layout.ENGINES).partition("/")
    number = rest.partition("/")[0]
    if not (number.isascii() and number.isdecimal()) or len(number) > MAX_VERSION_DIGITS:
        return None
    return (model, int(number)) if layout.engine_artifact(model, int(number)) == key else None


def _write_artifact(store: ObjectStore, artifact: EngineArtifact) -> EngineArtifact:
    store.write(
        layout.engine_artifact(artifact.model, artifact.version), _serialize(artifact), content_type="application/json"
    )
    return artifact


def _serialize(artifact: EngineArtifact) -> bytes:
    return artifact.model_dump_json(indent=1).encode()


def _parse_artifact(key: str, data: bytes) -> EngineArtifact:
    """Return the engine of a card. Raises `StoreError` for one that is none, contradicts itself, or is of another."""
    try:
        artifact = EngineArtifact.model_validate(parse_bounded_json(data, MAX_CARD_BYTES))
    except ValidationError as error:
        raise StoreError(_card_fault(key, first_field_error(error).message)) from error
    except ValueError as error:
        raise StoreError(_card_fault(key, str(error))) from error
    if (artifact.model, artifact.version) != _parse_artifact_key(key):
        raise StoreError(_card_fault(key, f"it is of {artifact.model!r}, version {artifact.version}"))
    if fault := artifact_fault(artifact):
        raise StoreError(_card_fault(key, fault))
    return artifact


def _card_fault(key: str, reason: str) -> str:
    return f"The card {key!r} is none that this version reads ({reason}): delete that engine and build it again."
