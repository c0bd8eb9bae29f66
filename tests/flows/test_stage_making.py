"""Scenes are made once by the engine: each has its seed and its source, and a blocked prompt costs nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalogs.errors import OptionError
from catalogs.recipe.loading import built_in_recipe, with_engine_options
from flows.parameters import RefreshParameters
from flows.run.observers import NullObserver
from flows.stage_making import SceneRequest, make_stages, scene_model, scene_source
from infra.engines.spec import EngineSpec
from infra.interfaces import Failure, Frame, Prompt
from infra.settings import Settings
from infra.stores.local import LocalStore
from tasks.stages.stage_changes import OfferedStage, SceneTerms
from tasks.stages.stage_libraries import read_library
from tests.fixtures.stage_scenes import empty_scene, occupied_scene

REQUEST = SceneRequest("shop", "An empty oak table before a white wall", 3, 5)


class SceneEngine:
    """Draws an empty scene for seed 5, one with a ball for 6, and fails for all others."""

    name = "scenes"

    def __init__(self) -> None:
        self.asked: list[Prompt] = []
        self.is_closed = False

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        """Yield the scenes, the last first."""
        self.asked = list(prompts)
        for prompt in reversed(self.asked):
            if prompt.seed > 6:
                yield Failure(prompt.key, "out of memory")
            else:
                yield Frame(prompt.key, empty_scene() if prompt.seed == 5 else occupied_scene(), 0.1)

    def busy_seconds(self) -> float:
        """Return nothing worth counting."""
        return 0.0

    def close(self) -> None:
        """Note that it was closed."""
        self.is_closed = True


class Counts(NullObserver):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.planned, self.passed, self.refused = 0, 0, 0

    def on_images_planned(self, images: int) -> None:
        """Count."""
        self.planned += images

    def on_images_done(self, images: int, *, passed: int = 0, refused: int = 0) -> None:
        """Count."""
        assert images == passed + refused
        self.passed, self.refused = self.passed + passed, self.refused + refused


def made(
    folder: Path, engine: SceneEngine, request: SceneRequest = REQUEST, observer: NullObserver | None = None
) -> list[OfferedStage]:
    parameters = RefreshParameters(
        source="stages.csv", store=str(folder), recipe="default@1", engine="stub", catalogue="shop"
    )

    def open_it(spec: EngineSpec) -> SceneEngine:
        assert spec.name == "stub"
        return engine

    terms = SceneTerms("made", "ann", ("mugs",))
    return make_stages(LocalStore(folder), parameters, Settings(), request, terms, observer or Counts(), open_it)


def test_scenes_that_pass_are_proposed_with_what_made_them(tmp_path: Path) -> None:
    engine, counts = SceneEngine(), Counts()
    offered = made(tmp_path, engine, observer=counts)
    stem = "an-empty-oak-table-before-a-white-wall"
    assert [(each.name, each.decision, each.reasons) for each in offered] == [
        (f"{stem}-5", "PASS", ()),
        (f"{stem}-6", "BLOCK", ("stage.zone-occupied",)),
        (f"{stem}-7", "BLOCK", ("engine-failed",)),
    ]
    (stage,) = read_library(LocalStore(tmp_path), "shop").stages
    assert (stage.origin, stage.state, stage.categories) == ("made", "proposed", ("mugs",))
    assert stage.source["prompt"] == REQUEST.prompt
    assert (stage.source["seed"], stage.source["weights"]) == ("5", "stub/1")
    assert (counts.planned, counts.passed, counts.refused) == (3, 1, 2)
    assert engine.is_closed


def test_the_engine_is_asked_in_the_recipes_size_and_steps(tmp_path: Path) -> None:
    engine = SceneEngine()
    made(tmp_path, engine)
    recipe = with_engine_options(built_in_recipe("default@1"), engine="stub", model=None, precision=None)
    tier = recipe.tiers[recipe.default_tier]
    assert [(prompt.seed, prompt.width, prompt.height, prompt.steps, prompt.guidance) for prompt in engine.asked] == [
        (seed, tier.width, tier.height, tier.steps, tier.guidance) for seed in (5, 6, 7)
    ]


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [(" ", "--prompt: it is empty"), ("A hunting rifle on a table", "--prompt: the policy blocks it (words.weapons)")],
)
def test_a_prompt_that_the_policy_blocks_opens_no_engine(tmp_path: Path, prompt: str, sentence: str) -> None:
    engine = SceneEngine()
    with pytest.raises(OptionError) as refused:
        made(tmp_path, engine, replace(REQUEST, prompt=prompt))
    assert sentence in str(refused.value)
    assert engine.asked == []


def test_a_second_time_the_names_are_taken_before_the_engine_is_opened(tmp_path: Path) -> None:
    made(tmp_path, SceneEngine())
    engine = SceneEngine()
    with pytest.raises(OptionError, match="wall-5' already"):
        made(tmp_path, engine)
    assert engine.asked == []
    again = made(tmp_path, engine, replace(REQUEST, name="again"))
    assert again[0].reasons == ("stage.known",), "the very picture is there under another name"


def test_a_source_names_the_registrys_version_where_there_is_one() -> None:
    recipe = with_engine_options(built_in_recipe("default@1"), engine="stub", model=None, precision=None)
    source = scene_source(recipe, scene_model(recipe), "p", 1)
    assert source.keys() == {"model", "precision", "prompt", "seed", "weights"}
    assert source["model"].startswith(f"{recipe.default_model}@")
