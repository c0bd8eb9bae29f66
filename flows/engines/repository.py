"""Engines in a store: put one in, list them, verify one against its model.

Inputs: a store, an engine's name, a model. Outputs: plain documents. An engine is selected only after it was verified;
one that differs from its model by more than the tolerance stays in the store as refused.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import EngineArtifact, ParityResult
from flows.engines.onnx_export import Progress
from infra.coordination.process_liveness import host_name
from infra.errors import EngineUnsuitable
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import ExportManifest, read_export_manifest
from tasks.models.engine_repository import (
    add_engine,
    fetch_engine,
    read_engine,
    record_verification,
    scan_stored_engines,
)
from tasks.models.engine_trust import EngineTrust

if TYPE_CHECKING:
    from infra.onnx_graphs.graph_verification import GraphOpener, GraphVerification

STORED_ENGINE_NAME = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([1-9]\d{0,8})")

PlanOpener = Callable[[Path, ExportManifest], "GraphOpener"]
"""Opens a folder of TensorRT plans, given the manifest of the export that they were built from."""


def put_engine(store: ObjectStore, name: str, folder: Path) -> dict[str, Any]:
    """Put an export or a built engine into the store and return its artifact document."""
    return add_engine(store, name, folder, host_name()).model_dump(mode="json", exclude={"document"})


def list_engines(store: ObjectStore, name: str | None) -> list[dict[str, Any]]:
    """Return the artifact documents of the engines of one name, or of all; of an unreadable card its `fault`."""
    listing = scan_stored_engines(store, name or "")
    documents = [engine.model_dump(mode="json", exclude={"document"}) for engine in listing.artifacts]
    faults = [
        {"model": model, "version": version, "state": "unreadable", "fault": fault}
        for (model, version), fault in listing.faults.items()
    ]
    return sorted(documents + faults, key=lambda each: (each["model"], each["version"]))


def verify_engine(
    store: ObjectStore,
    engine: str,
    model: str,
    progress: Progress,
    trust: EngineTrust,
    graphs: Path | None = None,
    open_plans: PlanOpener | None = None,
) -> dict[str, Any]:
    """Fetch an engine (name/version), compare it with its model, and mark it ready or refused, with a tag of `trust`.

    Plans need `graphs`, the export that they were built from, and `open_plans`, which is None where none can run.
    """
    from infra.onnx_graphs.graph_verification import verify_export

    artifact = _read_whole_engine(store, engine)
    plans = artifact.facts.runtime == "tensorrt"
    if plans and open_plans is None:
        raise EngineUnsuitable(
            f"The engine {engine} holds TensorRT plans, which this machine cannot run: verify it where it was built."
        )
    if plans and graphs is None:
        raise OptionError(f"--graphs: {engine} holds plans; give the export that they were built from")
    with tempfile.TemporaryDirectory(prefix="packshot-engine-") as scratch:
        folder = Path(scratch) / "engine"
        folder.mkdir()
        progress(f"Fetching {engine}")
        fetch_engine(store, artifact, folder)
        if open_plans is not None and graphs is not None and plans:
            verification = verify_export(model, graphs, progress, open_plans(folder, read_export_manifest(graphs)))
        else:
            verification = verify_export(model, folder, progress)
    state = record_verification(store, artifact, summarize_parity(verification), trust).state
    return {**verification.to_document(), "state": state}


def _read_whole_engine(store: ObjectStore, engine: str) -> EngineArtifact:
    match = STORED_ENGINE_NAME.fullmatch(engine)
    if match is None:
        raise OptionError(f"An engine of a store is called name/version, such as turbo/1, not {engine!r}")
    artifact = read_engine(store, match[1], int(match[2]))
    if not artifact.files:
        raise OptionError(
            f"The engine {engine} is incomplete: {artifact.by} is adding it, or was stopped while adding it"
        )
    return artifact


def summarize_parity(verification: "GraphVerification") -> ParityResult:
    """Return the worst figures of a comparison, as the store keeps them."""
    differences = [case.max_abs_diff for case in verification.cases]
    return ParityResult(
        passed=verification.passed,
        runtime=verification.runtime,
        twin=verification.twin,
        tolerance=verification.tolerance,
        cases=len(verification.cases),
        max_abs_diff=None if None in differences else max(value for value in differences if value is not None),
        psnr=min(case.psnr for case in verification.cases),
    )
