"""Stage making: empty scenes generated once by the engine, each judged and offered to a library for a person's yes.

Inputs: the parameters of a refresh (recipe, engine, model, precision), a prompt, seeds. Outputs: what became of each
scene. The prompt passes the policy's gate as every prompt does. Size, steps and guidance are those of the recipe's
default tier; a scene's source names model, weights, prompt and seed, so that anybody can make it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slugify import slugify

from catalogs.errors import OptionError
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from flows.engines.model_versions import resolve_registry_versions
from flows.engines.selection import EngineOpener, resolve_engine_spec
from flows.parameters import RefreshParameters
from flows.run.observers import NullObserver
from infra.engines import open_engine
from infra.interfaces import Frame, ObjectStore, Prompt
from infra.settings import Settings
from tasks.gates.prompt_gate import open_job_gate
from tasks.stages.stage_changes import STAGE_KNOWN, OfferedStage, SceneTerms, StageOffers, not_read
from tasks.stages.stage_gate import StageGate
from tasks.stages.stage_libraries import read_library

MAX_SCENES = 64
"""Scenes of one command: a person looks at each."""
ENGINE_FAILED = "engine-failed"
_MAX_NAME_CHARACTERS = 40


@dataclass(frozen=True)
class SceneRequest:
    """What is asked for a library: a prompt, how many scenes, and the seed of the first; the next ones count up."""

    library: str
    prompt: str
    count: int
    seed: int
    name: str = ""
    """What the scenes are called, before their seeds; by default by the prompt's first words."""

    @property
    def names_by_seed(self) -> dict[int, str]:
        """Return each scene's seed and name."""
        stem = self.name or slugify(self.prompt)[:_MAX_NAME_CHARACTERS].strip("-") or "stage"
        return {self.seed + number: f"{stem}-{self.seed + number}" for number in range(self.count)}


def make_stages(
    store: ObjectStore,
    parameters: RefreshParameters,
    settings: Settings,
    request: SceneRequest,
    terms: SceneTerms,
    observer: NullObserver,
    opener: EngineOpener = open_engine,
) -> list[OfferedStage]:
    """Generate scenes and offer each to the library. Raises `OptionError` for a prompt that the policy blocks."""
    job, _ = parameters.resolve_job()
    job = resolve_registry_versions(job, settings)
    doubts = _judge_prompt(job, settings, request.prompt)
    known = read_library(store, request.library)
    for name in request.names_by_seed.values():
        known.add(terms.stage(name))  # raises where a name cannot be used, before the engine is opened
    model = scene_model(job.recipe)
    offers = StageOffers(store, request.library, StageGate(job.policy), terms)
    observer.on_stage("generating scenes")
    observer.on_images_planned(request.count)
    engine = opener(resolve_engine_spec(job.recipe, model, settings))
    made = []
    try:
        for result in engine.generate(_prompts(job.recipe, request)):
            seed = int(result.key)
            if isinstance(result, Frame):
                source = scene_source(job.recipe, model, request.prompt, seed)
                made.append(_offer(offers, request.names_by_seed[seed], result, source, doubts))
            else:
                made.append(not_read(request.names_by_seed[seed], ENGINE_FAILED, result.reason))
            added = made[-1].stage is not None
            observer.on_images_done(1, passed=int(added), refused=int(not added))
    finally:
        engine.close()
    return sorted(made, key=lambda offered: offered.name)


def scene_model(recipe: Recipe) -> str:
    """Return the default model by the name that requests use; of a registered one the version in production."""
    entry = recipe.models[recipe.default_model]
    return recipe.default_model if entry.standing is None else f"{recipe.default_model}@{entry.standing.production}"


def scene_source(recipe: Recipe, model: str, prompt: str, seed: int) -> dict[str, str]:
    """Return what a stage keeps of how it was made."""
    provenance = recipe.provenance_by_name[model]
    source = {"model": provenance.model, "precision": provenance.precision, "prompt": prompt, "seed": str(seed)}
    source["weights"] = str(recipe.weights_by_name[model].identity["weights"])
    return source | ({"version": provenance.model_version} if provenance.model_version else {})


def _judge_prompt(job: RefreshJob, settings: Settings, prompt: str) -> Sequence[str]:
    """Return what the policy doubts of a prompt. Raises `OptionError` where it blocks it."""
    if not prompt.strip():
        raise OptionError("--prompt: it is empty; describe the empty scene")
    verdict = open_job_gate(job, settings.classifier).evaluate_stored_prompt(prompt)
    if verdict.decision == "BLOCK":
        raise OptionError(f"--prompt: the policy blocks it ({', '.join(verdict.reasons)}); say it in other words")
    return verdict.reasons


def _prompts(recipe: Recipe, request: SceneRequest) -> Iterator[Prompt]:
    tier = recipe.tiers[recipe.default_tier]
    shape: dict[str, Any] = {"width": tier.width, "height": tier.height}
    for seed in request.names_by_seed:
        yield Prompt(str(seed), request.prompt, seed, steps=tier.steps, guidance=tier.guidance, **shape)


def _offer(offers: StageOffers, name: str, frame: Frame, source: dict[str, str], doubts: Sequence[str]) -> OfferedStage:
    try:
        return offers.offer(name, frame.pixels, source, doubts)
    except OptionError as error:  # the very picture is there, of another command with the same seed
        return not_read(name, STAGE_KNOWN, str(error))
