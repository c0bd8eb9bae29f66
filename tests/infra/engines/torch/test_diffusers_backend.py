"""Z-Image through diffusers, proved on a real pipeline of random weights."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import CAPTION_TOO_LONG, Engine, Failure, Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.models.model_files import model_folder_digest
from infra.onnx_graphs.graph_spec import TOKEN_MULTIPLE

TOLERANCE = 2
"""Levels of 255 by which a pixel may move with its batch in fp32: sums are rounded in another order."""

TEXTS = ("a red cube", "a very long caption about a lighthouse in the storm, " * 3, "造相 poster", "cat")
PROMPTS = [Prompt(f"p{number}", TEXTS[number % 4], 11 * number, 64, 64, steps=4) for number in range(8)]


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[Engine]:
    opened = open_engine(EngineSpec("torch", str(tiny_model), batch_size=4))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def backend(tiny_model: Path) -> DiffusersBackend:
    loaded = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32")
    loaded.load()
    return loaded


def made(engine: Engine, prompts: list[Prompt]) -> dict[str, np.ndarray]:
    answers = list(engine.generate(prompts))
    assert not [answer for answer in answers if isinstance(answer, Failure)]
    return {answer.key: answer.pixels.astype(int) for answer in answers if isinstance(answer, Frame)}


def apart(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> int:
    return max(int(np.abs(some[key] - others[key]).max()) for key in some)


def test_the_same_batch_twice_is_the_same_to_the_last_bit(engine: Engine) -> None:
    assert apart(made(engine, PROMPTS), made(engine, PROMPTS)) == 0


def test_alone_or_in_a_batch_of_mixed_captions_a_picture_is_the_same(engine: Engine) -> None:
    together = made(engine, PROMPTS)
    alone = {prompt.key: made(engine, [prompt])[prompt.key] for prompt in PROMPTS}
    assert together["p0"].shape == (64, 64, 3)
    assert apart(together, alone) <= TOLERANCE


def test_the_tolerance_would_notice_another_seed_or_another_caption(engine: Engine) -> None:
    usual = made(engine, PROMPTS[:1])
    assert apart(usual, made(engine, [Prompt("p0", TEXTS[0], 1, 64, 64, steps=4)])) > 20 * TOLERANCE
    assert apart(usual, made(engine, [Prompt("p0", "a blue car", 0, 64, 64, steps=4)])) > TOLERANCE
    assert apart(usual, made(engine, [Prompt("p0", TEXTS[0], 0, 64, 64, steps=5)])) > TOLERANCE
    assert apart(usual, made(engine, [Prompt("p0", TEXTS[0], 0, 64, 64, steps=4, guidance=2.0)])) > TOLERANCE


def test_a_picture_is_what_diffusers_makes_of_the_same_prompt(engine: Engine, tiny_model: Path) -> None:
    import torch
    from diffusers import ZImagePipeline

    pipeline = ZImagePipeline.from_pretrained(tiny_model)
    pipeline.set_progress_bar_config(disable=True)
    for guidance in (0.0, 3.0):
        reference = pipeline(
            prompt=[TEXTS[1]],
            negative_prompt=["blurred"],
            height=64,
            width=96,
            num_inference_steps=4,
            guidance_scale=guidance,
            generator=torch.Generator("cpu").manual_seed(5),
        ).images[0]
        prompt = Prompt("p", TEXTS[1], 5, 96, 64, steps=4, guidance=guidance, negative="blurred")
        assert apart(made(engine, [prompt]), {"p": np.asarray(reference, dtype=int)}) <= TOLERANCE


def test_prompts_are_not_changed_and_frames_own_plain_bytes(engine: Engine) -> None:
    prompts = list(PROMPTS[:4])
    answers = list(engine.generate(prompts))
    assert prompts == PROMPTS[:4]
    for answer in answers:
        assert isinstance(answer, Frame)
        assert type(answer.pixels) is np.ndarray
        assert answer.pixels.dtype == np.uint8
        assert answer.pixels.flags.owndata
        assert answer.seconds > 0


def test_the_tokens_counted_are_the_tokens_embedded(backend: DiffusersBackend) -> None:
    for text in ("", *TEXTS):
        (embedding,) = backend._caption_embedder.embed([text])
        padded = -(-len(embedding) // TOKEN_MULTIPLE) * TOKEN_MULTIPLE
        assert backend.batch_key(Prompt("p", text, 0, 64, 48)) == (64, 48, 8, 0.0, padded)
        assert padded <= 512


def test_a_caption_that_would_be_cut_is_a_failure_that_says_its_length(engine: Engine) -> None:
    long = [Prompt("text", "x" * 2000, 1, 64, 64, steps=1), Prompt("both", "cat", 1, 64, 64, 1, 2.0, "y" * 2000)]
    fine = Prompt("unread", "cat", 1, 64, 64, steps=1, guidance=0.0, negative="z" * 2000)
    answers = {answer.key: answer for answer in engine.generate([*long, fine])}
    assert isinstance(answers["unread"], Frame), "without guidance nobody reads the negative caption"
    for key in ("text", "both"):
        answer = answers[key]
        assert isinstance(answer, Failure)
        assert re.fullmatch(r"A caption has 2,0\d\d tokens and the model reads 512: shorten .*", answer.reason)
        assert answer.code == CAPTION_TOO_LONG


def test_impossible_sizes_and_steps_are_failures_beside_good_pictures(engine: Engine) -> None:
    bad = [
        Prompt("odd", "cat", 1, 72, 64),
        Prompt("none", "cat", 1, 0, 64),
        Prompt("huge", "cat", 1, 64, 16 * 65),
        Prompt("steps", "cat", 1, 64, 64, steps=0),
        Prompt("seed", "cat", 2**70, 64, 64, steps=1),
    ]
    answers = {answer.key: answer for answer in engine.generate([*bad, *PROMPTS[:2]])}
    reasons = {key: answer.reason for key, answer in answers.items() if isinstance(answer, Failure)}
    assert set(reasons) == {"odd", "none", "huge", "steps", "seed"}
    assert reasons["odd"] == "The size 72x64 cannot be generated: sides must be multiples of 16 up to 1024."
    assert "at least one step" in reasons["steps"]
    assert len(answers) == 7


@pytest.mark.parametrize(
    ("value", "reason"), [(float("nan"), "not finite"), (float("-inf"), "black"), (-50.0, "black")]
)
def test_a_picture_of_no_numbers_or_all_black_is_a_failure(tiny_model: Path, value: float, reason: str) -> None:
    import torch

    painter = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32")
    painter.load()
    with torch.no_grad():
        painter._pipeline.vae.decoder.conv_out.weight.zero_()
        painter._pipeline.vae.decoder.conv_out.bias.fill_(value)
    (answer,) = painter.generate_batch([Prompt("p", "cat", 1, 32, 32, steps=1)])
    assert isinstance(answer, Failure)
    assert reason in answer.reason
    painter.close()


def test_half_precision_is_honoured_and_close_to_full(tiny_model: Path, engine: Engine) -> None:
    import torch

    painter = DiffusersBackend(StoredPipeline(str(tiny_model)), "bf16")
    painter.load()
    for part in (painter._pipeline.transformer, painter._pipeline.vae, painter._pipeline.text_encoder):
        assert {weight.dtype for weight in part.parameters()} == {torch.bfloat16}
    answers = painter.generate_batch(PROMPTS[3:4])
    assert isinstance(answers[0], Frame)
    difference = np.abs(answers[0].pixels.astype(int) - made(engine, PROMPTS[3:4])["p3"])
    assert 0 < difference.mean() < 3
    painter.close()


def refusal(spec: EngineSpec, kind: type[EngineError] = EngineError) -> str:
    with pytest.raises(kind) as caught:
        open_engine(spec)
    return str(caught.value)


def test_the_digest_in_the_recipe_must_be_that_of_the_weights(tiny_model: Path) -> None:
    found = model_folder_digest(tiny_model)
    open_engine(EngineSpec("torch", str(tiny_model), weights_digest=found)).close()
    message = refusal(EngineSpec("torch", str(tiny_model), weights_digest="0" * 64))
    assert found in message
    assert "0" * 64 in message


@pytest.mark.parametrize(
    "name", ["vae/diffusion_pytorch_model.bin", "extra.ckpt", "text_encoder/model.PT", "pipeline.py"]
)
def test_a_folder_with_pickled_weights_or_code_is_refused(tiny_model: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (folder / name).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert repr(name) in refusal(EngineSpec("torch", str(folder)))


def test_a_damaged_model_says_which_folder(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    said = "is refused: 'vae/diffusion_pytorch_model.safetensors' cannot be read: it has 1000 bytes, and a header of"
    assert said in refusal(EngineSpec("torch", str(folder)))


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("OutOfMemoryError", EngineUnsuitable, "does not fit this device: as ordered"),
        ("AcceleratorError", EngineError, "could not be put on the device: as ordered"),
    ],
)
def test_a_model_that_the_device_does_not_take_says_why(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, fault: str, kind: type[EngineError], reason: str
) -> None:
    import torch

    def refuse(_pipeline: object, _device: str) -> None:
        raise getattr(torch, fault)("as ordered")

    monkeypatch.setattr("infra.engines.torch.diffusers_backend.place_pipeline", refuse)
    assert reason in refusal(EngineSpec("torch", str(tiny_model)), kind)


def test_a_source_must_be_a_folder_or_a_hub_id_at_a_whole_commit(tiny_model: Path) -> None:
    assert "needs a model" in refusal(EngineSpec("torch"))
    assert "neither a folder" in refusal(EngineSpec("torch", "/nowhere/at/all"))
    for revision in (None, "main", "abc1234", "A" * 40):
        assert "40 hex digits" in refusal(EngineSpec("torch", "owner/model", revision=revision))
    assert "could not be downloaded" in refusal(EngineSpec("torch", "owner/model", revision="a" * 40))


def test_precisions_that_cannot_be_honoured_are_refused_not_changed(tiny_model: Path) -> None:
    assert "'fp8'" in refusal(EngineSpec("torch", str(tiny_model), precision="fp8"), EngineUnsuitable)
    half = EngineSpec("torch", str(tiny_model), precision="fp16")  # type: ignore[arg-type]
    assert "overflows to black" in refusal(half, EngineUnsuitable)


def test_a_batch_too_large_for_the_device_is_halved(tiny_model: Path) -> None:
    import torch

    from infra.engines.threaded import ThreadedEngine

    class SmallDevice(DiffusersBackend):
        def load(self) -> None:
            super().load()
            self._pipeline.transformer.register_forward_pre_hook(self.refuse_large)

        @staticmethod
        def refuse_large(_model: object, inputs: tuple[list[object], ...]) -> None:
            if len(inputs[0]) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory, as ordered")

    engine = ThreadedEngine(SmallDevice(StoredPipeline(str(tiny_model)), "fp32"), 8, 8)
    same = [Prompt(str(seed), "cat", seed, 32, 32, steps=1) for seed in range(8)]
    assert len(made(engine, same)) == 8
    assert set(engine._runner._batch_limits.values()) == {2}
    engine.close()
