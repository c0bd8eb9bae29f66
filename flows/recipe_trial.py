"""Recipe trial: what another recipe would change of a catalogue, before anybody pays for it.

Inputs: the parameters of a refresh with the new recipe, and the recipe that it is compared with: the one of the newest
release, or a named one. Outputs: the JSON document of `packshot recipe try`: both plans of the whole catalogue, their
difference, and old and new prompts of the first rows side by side. Both are real plans against the store, which are
written nowhere; with a folder, the pictures of rows that differ are drawn into it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from catalogs.photos.photo_sentences import say_plan
from catalogs.planning.plan import CHANGED, Plan, Request
from catalogs.planning.pricing import estimate_cost
from catalogs.planning.prompt_samples import BLOCKED, UNCHANGED, PromptSample, PromptSampler
from catalogs.recipe.loading import with_engine_options
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from flows.engines.model_versions import resolve_registry_versions
from flows.engines.selection import EngineOpener, resolve_engine_spec
from flows.parameters import RefreshParameters, read_recipe
from flows.run.job_policy import choose_policy, take_policy_in_force
from flows.wiring.open_store import open_for_reading
from flows.wiring.photos import open_photo_resolver
from flows.wiring.preflight import resolve_scanners
from flows.wiring.pricing import cost_model_for_job, read_price_list
from infra.engines import open_engine
from infra.interfaces import ObjectStore, TableStore
from infra.settings import Settings
from tasks.gates.prompt_gate import PlanGates, open_job_gate
from tasks.pipeline.plan import make_plan
from tasks.recipes.drawing import DrawnRequest, draw_requests, picture_name
from tasks.recipes.live_recipe import find_live_recipe
from tasks.reporting.recipe_trial_page import TrialPair, TrialPicture, write_trial_page

MAX_DRAWN_PAIRS = 12
"""Pairs that are drawn: two images each, which a person looks at one by one."""


@dataclass(frozen=True)
class _Side:
    """One recipe's plan, and what it renders of the first rows."""

    name: str
    job: RefreshJob
    plan: Plan
    sampler: PromptSampler

    @property
    def samples(self) -> dict[tuple[int, str], PromptSample]:
        return {(sample.row, sample.views[0]): sample for sample in self.sampler.samples}


def try_recipe(
    parameters: RefreshParameters,
    settings: Settings,
    *,
    against: str | None = None,
    sample: int = 50,
    folder: Path | None = None,
    opener: EngineOpener = open_engine,
) -> dict[str, Any]:
    """Return what the recipe of these parameters would change. Raises what a plan raises."""
    job, warnings = parameters.resolve_job()
    store, tables = open_for_reading(job.store)
    job, policy_warnings = take_policy_in_force(store, tables, job, choose_policy(job, parameters.policy))
    name, recipe = _recipe_as_it_is(parameters, store, tables, job.catalogue, against)
    stub_seconds = parameters.stub_seconds
    if stub_seconds is not None:
        settings = settings.model_copy(update={"stub_seconds": stub_seconds})
    old = _plan(name, replace(job, recipe=recipe), store, tables, settings, sample)
    new = _plan(parameters.recipe, job, store, tables, settings, sample)
    rows = _pair_rows(old, new)
    drawn = _draw(old, new, rows, settings, folder, opener) if folder is not None else None
    warnings = [*warnings, *policy_warnings, *new.plan.warnings]
    return {
        "catalogue": job.catalogue,
        "source": job.source,
        "old": _summary(old, settings),
        "new": _summary(new, settings),
        "made_again": max(0, new.plan.slots.changed - old.plan.slots.changed),
        "rows": rows,
        "drawn": drawn,
        "rejects": [asdict(reject) for reject in new.plan.rejects],
        "warnings": warnings,
    }


def _recipe_as_it_is(
    parameters: RefreshParameters, store: ObjectStore, tables: TableStore, catalogue: str, against: str | None
) -> tuple[str, Recipe]:
    """Return the recipe that the new one is compared with, and what it is called."""
    if against is None and (found := find_live_recipe(store, tables, catalogue)) is not None:
        return f"run {found[0]}", found[1]
    name = against or "default@1"
    named = parameters.model_copy(update={"recipe": name})
    return name, named.resolve_job()[0].recipe if parameters.model else _with_engine(named)


def _with_engine(named: RefreshParameters) -> Recipe:
    recipe = read_recipe(named.recipe)
    return with_engine_options(recipe, engine=named.engine, model=None, precision=named.precision)


def _plan(name: str, job: RefreshJob, store: ObjectStore, tables: TableStore, settings: Settings, sample: int) -> _Side:
    job = resolve_registry_versions(job, settings)
    gate = open_job_gate(job, settings.classifier)
    sampler = PromptSampler(sample, renders=True, every_view=True)
    gates = PlanGates(gate, {*resolve_scanners(job.policy)[0], *gate.scanners}, sampler)
    terms = cost_model_for_job(job, read_price_list(settings), settings)
    with open_photo_resolver(job, store, settings, writes=False) as photos:
        plan = make_plan(job, store, tables, None, settings.shard_size, terms, gates, photos=photos)
    return _Side(name, job, plan, sampler)


def _summary(side: _Side, settings: Settings) -> dict[str, Any]:
    """Return a plan's counts and what it would cost."""
    plan = side.plan
    estimate = estimate_cost(
        read_price_list(settings), settings.gpu, plan.images, plan.gpu_seconds, settings.engine_count
    )
    counts = ("new", "changed", "unchanged", "waiting", "review", "blocked", "photos_not_read")
    return {
        "recipe": side.name,
        "rows": asdict(plan.rows),
        "slots": {name: getattr(plan.slots, name) for name in counts} | {"retired": plan.retired},
        "images": plan.images,
        "gpu_seconds": plan.gpu_seconds,
        "cost": estimate.cost,
        "currency": estimate.currency,
        "gpu": estimate.gpu,
    }


def _pair_rows(old: _Side, new: _Side) -> list[dict[str, Any]]:
    """Return the first rows, view by view, with both prompts; a side that has no such slot is None."""
    before, after = old.samples, new.samples
    rows = []
    for row, view in sorted(before.keys() | after.keys()):
        sides = {"old": before.get((row, view)), "new": after.get((row, view))}
        shown = {name: None if side is None else _shown(side) for name, side in sides.items()}
        first = sides["new"] or sides["old"]
        is_again = _is_made_again(sides["old"], sides["new"])
        rows.append({"row": row, "sku": first and first.sku, "view": view, **shown, "made_again": is_again})
    return rows


def _shown(sample: PromptSample) -> dict[str, Any]:
    names = ("sku", "prompt", "negative", "mode", "photo", "state", "reasons")
    return {name: getattr(sample, name) for name in names}


def _is_made_again(old: PromptSample | None, new: PromptSample | None) -> bool:
    """Tell whether a slot whose image would stay under the old recipe is made anew under the new one."""
    return old is not None and new is not None and old.state == UNCHANGED and new.state == CHANGED


def _draw(
    old: _Side, new: _Side, rows: list[dict[str, Any]], settings: Settings, folder: Path, opener: EngineOpener
) -> dict[str, Any]:
    """Draw the first rows whose requests differ, and return where the pictures lie."""
    differing = [row for row in rows if _key(old, row) != _key(new, row)][:MAX_DRAWN_PAIRS]
    drawn: dict[str, DrawnRequest] = {}
    for side, name in ((old, "old"), (new, "new")):
        requests = {_picture(row, name): found for row in differing if (found := _drawable(side, row, name))}
        for model in sorted({request.model for request in requests.values()}):
            of_model = {key: request for key, request in requests.items() if request.model == model}
            engine = opener(resolve_engine_spec(side.job.recipe, model, settings))
            try:
                drawn |= draw_requests(engine, of_model, folder)
            finally:
                engine.close()
    pairs = [
        TrialPair(row["sku"], row["view"], *(_trial_picture(row, name, drawn) for name in ("old", "new")))
        for row in differing
    ]
    write_trial_page(folder, new.job.catalogue, f"{old.name}, and {new.name}", pairs)
    failed = {name: one.reason for name, one in drawn.items() if one.file is None}
    return {"folder": str(folder), "pairs": len(differing), "failed": failed}


def _trial_picture(row: Mapping[str, Any], side: str, drawn: Mapping[str, DrawnRequest]) -> TrialPicture | None:
    if row[side] is None:
        return None
    if row[side]["mode"]:
        return TrialPicture(say_plan(row[side]["mode"], row[side]["photo"]), None, "a refresh composes it")
    missing = "the gates block this prompt" if row[side]["state"] == BLOCKED else "the engine returned nothing"
    picture = drawn.get(_picture(row, side), DrawnRequest(None, missing))
    return TrialPicture(row[side]["prompt"], picture.file, picture.reason)


def _picture(row: Mapping[str, Any], side: str) -> str:
    return picture_name(row["row"], row["sku"], row["view"], side)


def _drawable(side: _Side, row: Mapping[str, Any], name: str) -> Request | None:
    """Return the request of a slot, unless the gates block its prompt: then no refresh would draw it either."""
    is_blocked = row[name] is not None and row[name]["state"] == BLOCKED
    return None if is_blocked else _request(side, row)


def _key(side: _Side, row: Mapping[str, Any]) -> bytes | None:
    request = _request(side, row)
    return None if request is None else request.key


def _request(side: _Side, row: Mapping[str, Any]) -> Request | None:
    return side.sampler.requests.get((row["row"], row["view"]))
