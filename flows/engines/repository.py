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
from catalogs.models.engine_artifacts import EngineCard, Machine, Need, Parity, choose, explained
from catalogs.recipe.schema import Recipe
from flows.engines.onnx_export import Say
from infra.coordination.process_liveness import host_name
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import ObjectStore
from infra.onnx_graphs.export_manifest import ExportCard, read_card
from infra.onnx_graphs.model_export import whole_folder
from tasks.models.engine_repository import (
    add_engine,
    build_failure,
    built_once,
    engines,
    fetch_engine,
    hopeless,
    mark_engine,
    read_engine,
)

if TYPE_CHECKING:
    from infra.onnx_graphs.graph_verification import Opener, Verdict

STORED = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([1-9]\d{0,8})")

MADE_BY_ITSELF = ("fp32", "bf16")
"""Precisions of which a lacking engine is made: one of fp8 needs a calibration with somebody's prompts."""

Make = Callable[[Need], None]

OpenPlans = Callable[[Path, ExportCard], "Opener"]
"""What opens an engine's folder with plans, beside the card of the export that they were built from."""


def put_engine(store: ObjectStore, name: str, folder: Path) -> dict[str, Any]:
    """Put an export or a built engine into the store and return its card."""
    return add_engine(store, name, folder, host_name()).model_dump(mode="json", exclude={"document"})


def list_engines(store: ObjectStore, name: str | None) -> list[dict[str, Any]]:
    """Return the cards of one name, or of all."""
    return [card.model_dump(mode="json", exclude={"document"}) for card in engines(store, name or "")]


def verify_engine(
    store: ObjectStore,
    engine: str,
    model: str,
    say: Say,
    graphs: Path | None = None,
    open_plans: OpenPlans | None = None,
) -> dict[str, Any]:
    """Fetch an engine (name/version), compare it with its model, and mark it ready or refused.

    Plans need `graphs`, the export that they were built from, and `open_plans`, which is None where none can be run.
    """
    from infra.onnx_graphs.graph_verification import verify

    card = _named(store, engine)
    plans = card.facts.runtime == "tensorrt"
    if plans and open_plans is None:
        raise EngineUnsuitable(f"The engine {engine} holds TensorRT plans, which cannot be run here: verify it there.")
    if plans and graphs is None:
        raise OptionError(f"--graphs: {engine} holds plans; give the export that they were built from")
    with tempfile.TemporaryDirectory(prefix="packshot-engine-") as scratch:
        folder = Path(scratch) / "engine"
        folder.mkdir()
        say(f"Fetching {engine}")
        fetch_engine(store, card, folder)
        if open_plans is not None and graphs is not None and plans:
            verdict = verify(model, graphs, say, open_plans(folder, read_card(graphs)))
        else:
            verdict = verify(model, folder, say)
    return {**verdict.document(), "state": mark_engine(store, card, parity_of(verdict)).state}


def take_engine(
    store: ObjectStore,
    recipe: Recipe,
    model: str,
    here: Machine | None,
    kept: Path,
    make: Make | None = None,
    lease_seconds: float = 120.0,
) -> Path | None:
    """Return the folder of the engine that fits, fetched into `kept` once; None where the torch engine must paint.

    Where none fits, `make` makes one and puts it into the store: once, while other workers wait for it.
    """
    need = _need(recipe, model, here)
    if need is None:
        return None
    name = model.partition("@")[0]
    if make is None or need.precision not in MADE_BY_ITSELF:
        choice = choose(engines(store, name), need)
    else:
        choice = built_once(store, name, need, lambda: make(need), host_name(), lease_seconds)
    if choice.card is None:
        return None
    card = choice.card
    # Under the digest of its files too: a store may be emptied, and its numbers begin anew.
    folder = kept / f"{card.model}-{card.version}-{card.digest[:12]}"
    if folder.is_dir():
        return folder
    kept.mkdir(parents=True, exist_ok=True)
    try:
        with whole_folder(folder) as scratch:
            fetch_engine(store, card, scratch)
    except EngineError:
        if not folder.is_dir():  # or another process of this machine was first
            raise
    return folder


def warn_of_engines(
    store: ObjectStore, recipe: Recipe, here: Machine | None = None, *, makes: bool = False
) -> list[str]:
    """Return what a run's report must say where a recipe asks for TensorRT and no engine of its default model fits.

    `makes`: a missing one is made before the first picture, where this machine can.
    """
    default = recipe.models[recipe.default_model]
    # Of a registered model the version in production: that is what most pictures are made by.
    version = "" if default.standing is None else f"@{default.standing.production}"
    name = f"{recipe.default_model}{version}"
    entry = recipe.weights[name]
    if recipe.engine != "tensorrt" or entry.family == "stub":
        return []
    said = f"The torch engine paints in place of TensorRT, in {entry.precision}"
    need = _need(recipe, name, here)
    if need is None:
        return [f"{said}: engines are known by their weights, and {name!r} has no weights_digest"]
    choice = choose(engines(store, recipe.default_model), need)
    if choice.card is not None:
        return []
    failed = build_failure(store, recipe.default_model, need)
    if makes and need.precision in MADE_BY_ITSELF and not hopeless(store, recipe.default_model, need):
        said = "A TensorRT engine is built before the first picture"
    why = f"; building one failed: {failed}" if failed else ""
    return [f"{said}: {explained(name, choice)}{why}"]


def _need(recipe: Recipe, model: str, here: Machine | None) -> Need | None:
    """Return what a model of the recipe needs, in all its sizes; None for weights that nobody has a digest of."""
    entry = recipe.weights[model]
    if entry.weights_digest is None:
        return None
    sizes = tuple(sorted({(tier.width, tier.height) for tier in recipe.tiers.values()}))
    return Need(entry.weights_digest, entry.precision, sizes, here)


def _named(store: ObjectStore, engine: str) -> EngineCard:
    named = STORED.fullmatch(engine)
    if named is None:
        raise OptionError(f"An engine of a store is called name/version, such as turbo/1, not {engine!r}")
    card = read_engine(store, named[1], int(named[2]))
    if not card.files:
        raise OptionError(
            f"The engine {engine} is not whole: {card.by} is putting it in, or was stopped while doing so"
        )
    return card


def parity_of(verdict: "Verdict") -> Parity:
    """Return what a card says of a comparison: its worst figures."""
    differences = [case.max_abs_diff for case in verdict.cases]
    return Parity(
        passed=verdict.passed,
        runtime=verdict.runtime,
        twin=verdict.twin,
        tolerance=verdict.tolerance,
        cases=len(verdict.cases),
        max_abs_diff=None if None in differences else max(each for each in differences if each is not None),
        psnr=min(case.psnr for case in verdict.cases),
    )
