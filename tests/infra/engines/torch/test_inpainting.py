"""Surroundings are generated and the product's latents stay, on a real pipeline of random weights."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch

from infra.engines.threaded import ThreadedEngine
from infra.engines.torch.cuda_graphs import RUNS_BEFORE_CAPTURE, CudaGraphAccelerator
from infra.engines.torch.diffusers_backend import DiffusersBackend
from infra.engines.torch.inpainting import KeptLatents, encode_regions, kept_latent_cells
from infra.interfaces import KEPT_REGION_TOO_THIN, NO_VAE_ENCODER, Failure, Frame, KeptRegion, Prompt
from infra.models.loading import StoredPipeline
from infra.testing.fake_graph_capture import FakeGraphCapturer
from tests.fixtures.kept_regions import kept_region

TOLERANCE = 2
"""Levels of 255 by which a pixel may move with its batch in fp32: sums are rounded in another order."""

SIDE, STEPS = 64, 4
REGION = kept_region(SIDE, SIDE)
PLAIN = [Prompt(f"p{seed}", "cat", seed, SIDE, SIDE, steps=STEPS) for seed in range(2)]
SCENES = [replace(each, key=f"s{each.key}", kept_region=kept_region(SIDE, SIDE, hue=9 * each.seed)) for each in PLAIN]


def loaded(model: Path) -> DiffusersBackend:
    backend = DiffusersBackend(StoredPipeline(str(model)), "fp32")
    backend.load()
    return backend


@pytest.fixture(scope="module")
def backend(tiny_model: Path) -> Iterator[DiffusersBackend]:
    opened = loaded(tiny_model)
    yield opened
    opened.close()


def pixels(backend: DiffusersBackend, prompts: list[Prompt]) -> dict[str, np.ndarray]:
    answers = backend.generate_batch(prompts)
    assert [answer for answer in answers if isinstance(answer, Failure)] == []
    return {answer.key: answer.pixels.astype(int) for answer in answers if isinstance(answer, Frame)}


def apart(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> int:
    return max(int(np.abs(some[key] - others[key]).max()) for key in some)


@given(
    npst.arrays(np.uint8, (16, 24), elements=st.sampled_from([255, 255, 255, 255, 254, 0])), st.sampled_from([2, 4, 8])
)
def test_a_latent_is_kept_where_all_its_pixels_are_product_and_nowhere_else(alpha: np.ndarray, scale: int) -> None:
    kept = kept_latent_cells(alpha, scale)
    assert kept.shape == (16 // scale, 24 // scale)
    for (row, column), found in np.ndenumerate(kept):
        cell = alpha[row * scale : (row + 1) * scale, column * scale : (column + 1) * scale]
        assert bool(found) is (int(cell.min()) == 255)


def test_kept_latents_end_as_the_photos_to_the_last_bit_and_the_others_do_not(backend: DiffusersBackend) -> None:
    pipeline, decoded = backend._pipeline, []
    decode = pipeline.vae.decode
    pipeline.vae.decode = lambda latents, **options: decoded.append(latents) or decode(latents, **options)
    try:
        pixels(backend, SCENES)
    finally:
        del pipeline.vae.decode
    with torch.no_grad():
        region = encode_regions(pipeline.vae, [each.kept_region for each in SCENES if each.kept_region], "cpu")
    photo = region.latents / pipeline.vae.config.scaling_factor + pipeline.vae.config.shift_factor
    kept = region.kept.expand_as(photo)
    assert 0.1 < float(kept.float().mean()) < 0.5
    assert torch.equal(decoded[0][kept], photo[kept])
    assert float((decoded[0][~kept] == photo[~kept]).float().mean()) < 0.01


def test_the_photos_latents_are_the_vaes_own_mean_scaled_as_the_pipeline_scales(backend: DiffusersBackend) -> None:
    vae = backend._pipeline.vae
    image = backend._pipeline.image_processor.preprocess(REGION.pixels[None] / np.float32(255))
    with torch.no_grad():
        expected = (vae.encode(image).latent_dist.mean - vae.config.shift_factor) * vae.config.scaling_factor
        found = encode_regions(vae, [REGION, SCENES[1].kept_region or REGION], "cpu").latents
    assert torch.allclose(found[:1], expected, rtol=0, atol=1e-4)
    assert found.dtype == torch.float32
    assert not torch.equal(found[0], found[1])


def test_a_region_that_keeps_nothing_would_be_text_to_image_to_the_last_bit(backend: DiffusersBackend) -> None:
    # So the noise is the seed's own, the callback adds nothing, and no generator was drawn from before.
    usual = pixels(backend, PLAIN)
    step_callback = KeptLatents.step_callback
    try:
        KeptLatents.step_callback = lambda region, noise: step_callback(  # type: ignore[method-assign]
            replace(region, kept=torch.zeros_like(region.kept)), noise
        )
        scenes = pixels(backend, SCENES)
    finally:
        KeptLatents.step_callback = step_callback  # type: ignore[method-assign]
    assert all(np.array_equal(usual[prompt.key], scenes[f"s{prompt.key}"]) for prompt in PLAIN)
    assert apart(usual, {prompt.key: pixels(backend, SCENES)[f"s{prompt.key}"] for prompt in PLAIN}) > 10 * TOLERANCE


def test_images_without_a_region_have_the_bytes_of_an_engine_that_never_saw_one(
    tiny_model: Path, backend: DiffusersBackend
) -> None:
    untouched = loaded(tiny_model)
    expected = pixels(untouched, PLAIN)
    assert untouched._inpainter is not None
    assert untouched._inpainter._encoder is None, "an encoder is opened for those who need it"
    untouched.close()
    engine = ThreadedEngine(backend, 2, 8)
    answers = list(engine.generate([SCENES[0], PLAIN[0], SCENES[1], PLAIN[1]]))
    found = {answer.key: answer.pixels for answer in answers if isinstance(answer, Frame)}
    assert len(found) == 4
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_the_same_seed_again_is_the_same_image_and_alone_or_batched_it_differs_by_rounding(
    tiny_model: Path,
) -> None:
    first, resumed = loaded(tiny_model), loaded(tiny_model)
    together = pixels(first, SCENES)
    assert apart(together, pixels(resumed, SCENES)) == 0
    alone = {prompt.key: pixels(first, [prompt])[prompt.key] for prompt in SCENES}
    print(f"alone or batched: {apart(together, alone)} levels")  # noqa: T201 - to be read
    assert apart(together, alone) <= TOLERANCE
    assert apart({"sp0": together["sp0"]}, {"sp0": alone["sp1"]}) > 10 * TOLERANCE
    another = replace(SCENES[0], seed=77)
    assert apart({"sp0": together["sp0"]}, pixels(first, [another])) > 10 * TOLERANCE


@pytest.mark.parametrize("guidance", [0.0, 2.0])
def test_sizes_steps_and_guidance_are_as_asked(backend: DiffusersBackend, guidance: float) -> None:
    wide = Prompt("w", "cat", 3, 96, 64, 2, guidance, "blurred", kept_region=kept_region(96, 64))
    (found,) = backend.generate_batch([wide])
    assert isinstance(found, Frame)
    assert found.pixels.shape == (64, 96, 3)


def test_graphs_are_captured_and_replayed_as_without_regions(tiny_model: Path, backend: DiffusersBackend) -> None:
    capturer = FakeGraphCapturer()
    graphed = DiffusersBackend(StoredPipeline(str(tiny_model)), "fp32", CudaGraphAccelerator(capturer, 100))
    graphed.load()
    expected = pixels(backend, SCENES)
    for _ in range(RUNS_BEFORE_CAPTURE // STEPS):
        pixels(graphed, SCENES)
    replayed = pixels(graphed, SCENES)
    assert (capturer.captured, capturer.replayed) == (1, STEPS)
    assert apart(expected, replayed) <= TOLERANCE
    pixels(graphed, PLAIN)
    assert (capturer.captured, capturer.replayed) == (1, 2 * STEPS), "one graph serves both"
    graphed.close()


def test_regions_that_cannot_be_kept_are_failures_beside_good_images(backend: DiffusersBackend) -> None:
    thin = np.zeros((SIDE, SIDE), np.uint8)
    thin[:, 30:37] = 255  # 7 pixels, and a latent is 8
    prompts = [
        replace(SCENES[0], key="size", kept_region=kept_region(SIDE, 2 * SIDE)),
        replace(SCENES[0], key="thin", kept_region=KeptRegion(REGION.pixels, thin)),
        SCENES[1],
    ]
    wrong_size, too_thin, good = backend.generate_batch(prompts)
    assert isinstance(wrong_size, Failure)
    assert wrong_size.reason == "The kept region is 64x128 and the image 64x64: place it on that canvas."
    assert isinstance(too_thin, Failure)
    assert too_thin.code == KEPT_REGION_TOO_THIN
    assert "none of the image's cells of 8x8 pixels" in too_thin.reason
    assert isinstance(good, Frame)


def test_without_an_encoder_images_around_a_product_are_refused_and_all_others_made(tiny_model: Path) -> None:
    decoder_only = loaded(tiny_model)
    decoder_only._pipeline.vae.encoder = None
    scene, plain = decoder_only.generate_batch([SCENES[0], PLAIN[0]])
    assert isinstance(scene, Failure)
    assert scene.code == NO_VAE_ENCODER
    assert f"The VAE in {str(tiny_model)!r} has no encoder" in scene.reason
    assert isinstance(plain, Frame)
    decoder_only.close()


def test_a_batch_of_regions_too_large_for_the_device_is_halved(tiny_model: Path) -> None:
    class SmallDevice(DiffusersBackend):
        def load(self) -> None:
            super().load()
            self._pipeline.transformer.register_forward_pre_hook(self.refuse_large)

        @staticmethod
        def refuse_large(_model: object, inputs: tuple[list[object], ...]) -> None:
            if len(inputs[0]) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory, as ordered")

    engine = ThreadedEngine(SmallDevice(StoredPipeline(str(tiny_model)), "fp32"), 4, 4)
    answers = list(engine.generate([*SCENES, PLAIN[0]]))
    assert [answer.key for answer in answers if isinstance(answer, Frame)] == ["sp0", "sp1", "p0"]
    assert set(engine._runner._batch_limits.values()) == {1}
    engine.close()


def test_components_that_take_turns_on_the_device_make_the_same_scene(
    tiny_model: Path, backend: DiffusersBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Their turns are taken by the same hooks on a CPU, where there is nowhere to go.
    monkeypatch.setattr(
        "infra.engines.torch.diffusers_backend.place_pipeline",
        lambda pipeline, device: pipeline.enable_model_cpu_offload(device=device),
    )
    turns = loaded(tiny_model)
    assert hasattr(turns._pipeline.vae, "_hf_hook")
    expected = pixels(backend, SCENES)
    for _ in range(2):
        assert apart(expected, pixels(turns, SCENES)) == 0
    turns.close()
