"""The committed model: small, safe to open, and the same picture however it is asked for."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.interfaces import Engine, Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.models.model_files import check_model_folder
from infra.nano import MODEL_FOLDER
from infra.nano.training.image_classification import classify_colour
from infra.onnx_graphs.graph_spec import TOKEN_MULTIPLE

SIDE = 256
TOLERANCE = 2
"""Levels of 255 by which rounding may move a pixel in fp32; see `infra.engines.EngineSpec`."""

WORDS = "Studio product photograph of {}, on a pure white background, soft even light"
PROMPTS = [
    Prompt("short", "red mug, front view", 1, SIDE, SIDE),
    Prompt("usual", WORDS.format("Striped T-Shirt, blue cotton, front view"), 2, SIDE, SIDE),
    Prompt("long", WORDS.format("Nordic Sofa, green linen, three-quarter view") + ", made to last" * 16, 3, SIDE, SIDE),
    Prompt(
        "other", WORDS.format("Camping Lamp, orange felt, seen from the side") + ", made to last" * 7, 4, SIDE, SIDE
    ),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    opened = open_engine(EngineSpec("torch", str(MODEL_FOLDER), batch_size=4))
    yield opened
    opened.close()


def made(engine: Engine, prompts: list[Prompt]) -> dict[str, np.ndarray]:
    answers = list(engine.generate(prompts))
    return {answer.key: answer.pixels for answer in answers if isinstance(answer, Frame)}


def apart(some: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(some.astype(int) - other.astype(int)).max())


def test_it_is_small_and_holds_weights_in_safetensors_only() -> None:
    check_model_folder(MODEL_FOLDER)
    weights = list(MODEL_FOLDER.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in weights) <= 12_000_000
    assert {path.suffix for path in MODEL_FOLDER.rglob("*") if path.is_file()} <= {
        ".safetensors",
        ".json",
        ".jinja",
        ".md",
        ".jpg",
    }
    assert json.loads((MODEL_FOLDER / "model_index.json").read_text("utf-8"))["_class_name"] == "ZImagePipeline"


def test_its_card_tells_its_figures_and_its_faults() -> None:
    card = (MODEL_FOLDER / "README.md").read_text("utf-8")
    for word in ("rehearsals and tests", "type_accuracy", "colour_accuracy", "What it gets wrong", "sheet.jpg"):
        assert word in card, word
    assert (MODEL_FOLDER / "sheet.jpg").is_file()


def test_the_prompts_of_this_file_have_captions_of_several_lengths() -> None:
    painter = DiffusersBackend(StoredPipeline(str(MODEL_FOLDER)), "fp32")
    painter.load()
    groups = {painter.batch_key(prompt) for prompt in PROMPTS}
    assert len(groups) == 3
    assert all(group[-1] % TOKEN_MULTIPLE == 0 for group in groups if isinstance(group, tuple))


def test_the_same_seed_gives_the_same_picture_and_another_gives_another(engine: Engine) -> None:
    first, again = made(engine, PROMPTS), made(engine, PROMPTS)
    assert all(apart(first[key], again[key]) == 0 for key in first)
    other = made(engine, [Prompt("short", PROMPTS[0].text, 99, SIDE, SIDE)])
    assert apart(first["short"], other["short"]) > 10 * TOLERANCE


def test_four_at_once_are_what_one_at_a_time_is_and_the_check_would_notice_a_mixture(engine: Engine) -> None:
    mugs = [Prompt(str(seed), PROMPTS[0].text, seed, SIDE, SIDE) for seed in range(4)]
    together = made(engine, mugs)
    alone = {mug.key: made(engine, [mug])[mug.key] for mug in mugs}
    assert max(apart(together[key], alone[key]) for key in alone) <= TOLERANCE
    assert apart(together["0"], alone["1"]) > 10 * TOLERANCE


def test_captions_of_mixed_lengths_in_one_shard_do_not_touch_each_other(engine: Engine) -> None:
    together = made(engine, PROMPTS * 1)
    alone = {prompt.key: made(engine, [prompt])[prompt.key] for prompt in PROMPTS}
    assert max(apart(together[key], alone[key]) for key in alone) <= TOLERANCE


def test_a_caption_padded_by_another_step_would_be_noticed() -> None:
    # The control of the two tests above: padding is attended, so it is what careless batching changes.
    painter = DiffusersBackend(StoredPipeline(str(MODEL_FOLDER)), "fp32")
    painter.load()
    usual = painter.generate_batch(PROMPTS[:1])[0]
    embed = painter._caption_embedder.embed

    def padded(texts: Sequence[str]) -> object:
        import torch

        return [torch.cat([features, features[-1:].expand(TOKEN_MULTIPLE, -1)]) for features in embed(texts)]

    painter._caption_embedder.embed = padded
    careless = painter.generate_batch(PROMPTS[:1])[0]
    assert isinstance(usual, Frame)
    assert isinstance(careless, Frame)
    assert apart(usual.pixels, careless.pixels) > 4 * TOLERANCE


def test_a_person_would_name_the_colours(engine: Engine) -> None:
    asked = {colour: WORDS.format(f"Camping Mug, {colour} enamel, front view") for colour in ("red", "blue", "green")}
    drawn = made(engine, [Prompt(colour, text, 7, SIDE, SIDE) for colour, text in asked.items()])
    assert {colour: classify_colour(picture) for colour, picture in drawn.items()} == {
        colour: colour for colour in asked
    }


def test_the_folder_is_found_wherever_the_command_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (MODEL_FOLDER / "model_index.json").is_file()
