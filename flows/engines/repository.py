"""Engines in a store, as a person or a run asks for them: put in, list, verify, and take the one that fits.

Comes in: a store, a name, a model. Goes out: plain documents, and the words for a run's report where no engine fits:
then the torch engine paints, in the same precision.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import (
    EngineArtifact,
    EngineRequirements,
    GpuPlatform,
    ParityResult,
    explain_selection,
    select_engine,
)
from catalogs.recipe.schema import Recipe
from flows.engines.onnx_export import Progress
from infra.coordination.process_liveness import host_name
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import ExportManifest, read_export_manifest
from infra.onnx_graphs.model_export import atomic_folder
from tasks.models.engine_repository import (
    add_engine,
    cannot_build,
    fetch_engine,
    find_or_build_engine,
    list_stored_engines,
    read_engine,
    read_recent_build_failure,
    record_verification,
)

if TYPE_CHECKING:
    from infra.onnx_graphs.graph_verification import GraphOpener, GraphVerification

STORED_ENGINE_NAME = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([1-9]\d{0,8})")

AUTO_BUILT_PRECISIONS = ("fp32", "bf16")
"""Precisions of which a lacking engine is made: one of fp8 needs a calibration with somebody's prompts."""

EngineBuilder = Callable[[EngineRequirements], None]

PlanOpener = Callable[[Path, ExportManifest], "GraphOpener"]
"""What opens an engine's folder with plans, beside the card of the export that they were built from."""


def put_engine(store: ObjectStore, name: str, folder: Path) -> dict[str, Any]:
    """Put an export or a built engine into the store and return its card."""
    return add_engine(store, name, folder, host_name()).model_dump(mode="json", exclude={"document"})


def list_engines(store: ObjectStore, name: str | None) -> list[dict[str, Any]]:
    """Return the cards of one name, or of all."""
    return [card.model_dump(mode="json", exclude={"document"}) for card in list_stored_engines(store, name or "")]


def verify_engine(
    store: ObjectStore,
    engine: str,
    model: str,
    progress: Progress,
    graphs: Path | None = None,
    open_plans: PlanOpener | None = None,
) -> dict[str, Any]:
    """Fetch an engine (name/version), compare it with its model, and mark it ready or refused.

    Plans need `graphs`, the export that they were built from, and `open_plans`, which is None where none can be run.
    """
    from infra.onnx_graphs.graph_verification import verify_export

    card = _read_whole_engine(store, engine)
    plans = card.facts.runtime == "tensorrt"
    if plans and open_plans is None:
        raise EngineUnsuitable(f"The engine {engine} holds TensorRT plans, which cannot be run here: verify it there.")
    if plans and graphs is None:
        raise OptionError(f"--graphs: {engine} holds plans; give the export that they were built from")
    with tempfile.TemporaryDirectory(prefix="packshot-engine-") as scratch:
        folder = Path(scratch) / "engine"
        folder.mkdir()
        progress(f"Fetching {engine}")
        fetch_engine(store, card, folder)
        if open_plans is not None and graphs is not None and plans:
            verdict = verify_export(model, graphs, progress, open_plans(folder, read_export_manifest(graphs)))
        else:
            verdict = verify_export(model, folder, progress)
    return {**verdict.to_document(), "state": record_verification(store, card, summarize_parity(verdict)).state}


def fetch_fitting_engine(
    store: ObjectStore,
    recipe: Recipe,
    model: str,
    machine: GpuPlatform | None,
    cache_folder: Path,
    build: EngineBuilder | None = None,
    lease_seconds: float = 120.0,
) -> Path | None:
    """Return the folder of the engine that fits, fetched into `kept` once; None where the torch engine must paint.

    Where none fits, `make` makes one and puts it into the store: once, while other workers wait for it.
    """
    need = _requirements(recipe, model, machine)
    if need is None:
        return None
    name = model.partition("@")[0]
    if build is None or need.precision not in AUTO_BUILT_PRECISIONS:
        choice = select_engine(list_stored_engines(store, name), need)
    else:
        choice = find_or_build_engine(store, name, need, lambda: build(need), host_name(), lease_seconds)
    if choice.artifact is None:
        return None
    card = choice.artifact
    # Under the digest of its files too: a store may be emptied, and its numbers begin anew.
    folder = cache_folder / f"{card.model}-{card.version}-{card.digest[:12]}"
    if folder.is_dir():
        return folder
    cache_folder.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_folder(folder) as scratch:
            fetch_engine(store, card, scratch)
    except EngineError:
        if not folder.is_dir():  # or another process of this machine was first
            raise
    return folder


def missing_engine_warnings(
    store: ObjectStore, recipe: Recipe, machine: GpuPlatform | None = None, *, builds_missing: bool = False
) -> list[str]:
    """Return what a run's report must say where a recipe asks for TensorRT and no engine of its default model fits.

    `makes`: a missing one is made before the first picture, where this machine can.
    """
    default = recipe.models[recipe.default_model]
    # Of a registered model the version in production: that is what most pictures are made by.
    version = "" if default.standing is None else f"@{default.standing.production}"
    name = f"{recipe.default_model}{version}"
    entry = recipe.weights_by_name[name]
    if recipe.engine != "tensorrt" or entry.family == "stub":
        return []
    said = f"The torch engine paints in place of TensorRT, in {entry.precision}"
    need = _requirements(recipe, name, machine)
    if need is None:
        return [f"{said}: engines are known by their weights, and {name!r} has no weights_digest"]
    choice = select_engine(list_stored_engines(store, recipe.default_model), need)
    if choice.artifact is not None:
        return []
    failed = read_recent_build_failure(store, recipe.default_model, need)
    if (
        builds_missing
        and need.precision in AUTO_BUILT_PRECISIONS
        and not cannot_build(store, recipe.default_model, need)
    ):
        said = "A TensorRT engine is built before the first picture"
    why = f"; building one failed: {failed}" if failed else ""
    return [f"{said}: {explain_selection(name, choice)}{why}"]


def _requirements(recipe: Recipe, model: str, machine: GpuPlatform | None) -> EngineRequirements | None:
    """Return what a model of the recipe needs, in all its sizes; None for weights that nobody has a digest of."""
    entry = recipe.weights_by_name[model]
    if entry.weights_digest is None:
        return None
    sizes = tuple(sorted({(tier.width, tier.height) for tier in recipe.tiers.values()}))
    return EngineRequirements(entry.weights_digest, entry.precision, sizes, machine)


def _read_whole_engine(store: ObjectStore, engine: str) -> EngineArtifact:
    named = STORED_ENGINE_NAME.fullmatch(engine)
    if named is None:
        raise OptionError(f"An engine of a store is called name/version, such as turbo/1, not {engine!r}")
    card = read_engine(store, named[1], int(named[2]))
    if not card.files:
        raise OptionError(
            f"The engine {engine} is not whole: {card.by} is putting it in, or was stopped while doing so"
        )
    return card


def summarize_parity(verdict: "GraphVerification") -> ParityResult:
    """Return what a card says of a comparison: its worst figures."""
    differences = [case.max_abs_diff for case in verdict.cases]
    return ParityResult(
        passed=verdict.passed,
        runtime=verdict.runtime,
        twin=verdict.twin,
        tolerance=verdict.tolerance,
        cases=len(verdict.cases),
        max_abs_diff=None if None in differences else max(each for each in differences if each is not None),
        psnr=min(case.psnr for case in verdict.cases),
    )
