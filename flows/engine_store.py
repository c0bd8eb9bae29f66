"""Engines in a store, as a person or a run asks for them: put in, list, verify, and take the one that fits.

Comes in: a store, a name, a model. Goes out: plain documents, and the words for a run's report where no engine fits:
then the torch engine paints, in the same precision.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from catalogs.engine_cards import Machine, Need, Parity, choose, explained
from catalogs.errors import OptionError
from catalogs.recipe import Recipe
from flows.graphs import Say
from infra.errors import EngineUnsuitable
from infra.interfaces import ObjectStore
from infra.liveness import host_name
from tasks.engine_store import add_engine, engines, fetch_engine, mark_engine, read_engine

_TORCH = "The torch engine paints in place of TensorRT, in"
STORED = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([1-9]\d{0,8})")


def put_engine(store: ObjectStore, name: str, folder: Path) -> dict[str, Any]:
    """Put an export or a built engine into the store and return its card."""
    return add_engine(store, name, folder, host_name()).model_dump(mode="json", exclude={"document"})


def list_engines(store: ObjectStore, name: str | None) -> list[dict[str, Any]]:
    """Return the cards of one name, or of all."""
    return [card.model_dump(mode="json", exclude={"document"}) for card in engines(store, name or "")]


def verify_engine(store: ObjectStore, engine: str, model: str, say: Say) -> dict[str, Any]:
    """Fetch an engine (name/version), compare it with its model, and mark it ready or refused."""
    from infra.onnx_graphs.verifying import verify

    named = STORED.fullmatch(engine)
    if named is None:
        raise OptionError(f"An engine of a store is called name/version, such as turbo/1, not {engine!r}")
    card = read_engine(store, named[1], int(named[2]))
    if not card.files:
        raise OptionError(
            f"The engine {engine} is not whole: {card.by} is putting it in, or was stopped while doing so"
        )
    if card.facts.runtime == "tensorrt":
        raise EngineUnsuitable(f"The engine {engine} holds TensorRT plans, which this machine cannot run.")
    with tempfile.TemporaryDirectory(prefix="packshot-engine-") as scratch:
        folder = Path(scratch) / "engine"
        folder.mkdir()
        say(f"Fetching {engine}")
        fetch_engine(store, card, folder)
        verdict = verify(model, folder, say)
    differences = [case.max_abs_diff for case in verdict.cases]
    worst = None if None in differences else max(each for each in differences if each is not None)
    parity = Parity(
        passed=verdict.passed,
        runtime=verdict.runtime,
        twin=verdict.twin,
        tolerance=verdict.tolerance,
        cases=len(verdict.cases),
        max_abs_diff=worst,
        psnr=min(case.psnr for case in verdict.cases),
    )
    return {**verdict.document(), "state": mark_engine(store, card, parity).state}


def warn_of_engines(store: ObjectStore, recipe: Recipe, here: Machine | None = None) -> list[str]:
    """Return what a run's report must say where a recipe asks for TensorRT and no engine of its default model fits."""
    entry = recipe.models[recipe.default_model]
    if recipe.engine != "tensorrt" or entry.family == "stub":
        return []
    name, sizes = recipe.default_model, tuple(sorted({(tier.width, tier.height) for tier in recipe.tiers.values()}))
    if entry.weights_digest is None:
        return [f"{_TORCH} {entry.precision}: engines are known by their weights, and {name!r} has no weights_digest"]
    choice = choose(engines(store, name), Need(entry.weights_digest, entry.precision, sizes, here))
    return [] if choice.card is not None else [f"{_TORCH} {entry.precision}: {explained(name, choice)}"]
