"""Prompts become pictures through an engine folder: fast with graphs of no sense, slowly with packshot-nano's own."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.tensorrt.engine_build import EngineBuildRequest, build_engine_folder, prepare_build
from infra.engines.tensorrt.engine_open import TensorRtHost
from infra.engines.tensorrt.profiles import ImageSize, batch_range
from infra.engines.tensorrt.tensorrt_backend import create_tensorrt_backend_from_spec
from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError, EngineUnsuitable
from infra.evaluation.benchmark import REFERENCE_BACKEND, measure_backends, tensorrt_backend_factory
from infra.evaluation.benchmark_cases import BenchmarkCase
from infra.interfaces import NO_VAE_ENCODER, Engine, Failure, Frame, Prompt
from infra.models.loading import StoredPipeline
from infra.models.model_files import model_folder_digest
from infra.nano import MODEL_FOLDER
from tests.fixtures.kept_regions import kept_region

TOLERANCE = 2
"""Levels of 255 by which a pixel may move from the torch engine's in fp32: sums are rounded in another order."""

TEXTS = ("a red mug", "a blue ball on a wooden table, seen from above, " * 4, "bag", "a green box")
PROMPTS = [Prompt(f"p{number}", text, 11 * number, 128, 128, steps=2) for number, text in enumerate(TEXTS)]
SCENES = [
    replace(prompt, key=f"s{number}", kept_region=kept_region(128, 128, hue=number))
    for number, prompt in enumerate(PROMPTS)
]


def build(export: Path, out: Path, runtime: str, host: TensorRtHost | None = None, model: Path = MODEL_FOLDER) -> Path:
    order = EngineBuildRequest(model, export, out, [ImageSize(128, 128)], batch_range(1, 3), "fp32", runtime=runtime)  # type: ignore[arg-type]
    build_engine_folder(prepare_build(order, str), str, lambda: host)  # type: ignore[arg-type, return-value]
    return out


def spec(folder: Path, **changes: Any) -> EngineSpec:
    return EngineSpec("tensorrt", **{"source": str(MODEL_FOLDER), "folder": str(folder), **changes})


def on_host(asked: EngineSpec, host: TensorRtHost) -> Engine:
    painter, batch = create_tensorrt_backend_from_spec(asked, lambda: host)
    return ThreadedEngine(painter, batch, 64)


def answers(engine: Engine, prompts: list[Prompt]) -> dict[str, Frame | Failure]:
    try:
        return {answer.key: answer for answer in engine.generate(prompts)}
    finally:
        engine.close()


def pixels(engine: Engine, prompts: list[Prompt]) -> dict[str, np.ndarray]:
    made = answers(engine, prompts)
    assert [answer for answer in made.values() if isinstance(answer, Failure)] == []
    return {key: answer.pixels.astype(int) for key, answer in made.items() if isinstance(answer, Frame)}


def refusal(asked: EngineSpec, kind: type[EngineError] = EngineError) -> str:
    with pytest.raises(kind) as caught:
        open_engine(asked)
    return str(caught.value)


@pytest.fixture
def onnxruntime_engine(small_export: Path, tmp_path: Path) -> Path:
    return build(small_export, tmp_path / "engine", "onnxruntime")


def test_a_size_that_was_not_built_is_a_failure_with_the_mend_beside_good_pictures(onnxruntime_engine: Path) -> None:
    odd = [Prompt("large", "a mug", 1, 256, 128, steps=1), Prompt("wrong", "a mug", 1, 100, 128, steps=1)]
    made = answers(open_engine(spec(onnxruntime_engine)), [*odd, *PROMPTS])
    reasons = {key: answer.reason for key, answer in made.items() if isinstance(answer, Failure)}
    assert reasons == {
        "large": "The engine was built for 128x128, not for 256x128: add it to --sizes of `packshot engine build`.",
        "wrong": "The engine was built for 128x128, not for 100x128: add it to --sizes of `packshot engine build`.",
    }
    frames = [answer for answer in made.values() if isinstance(answer, Frame)]
    assert {frame.pixels.shape for frame in frames} == {(128, 128, 3)}
    assert len(frames) == 4


def test_the_plans_and_their_rehearsal_paint_the_same(
    small_export: Path, onnxruntime_engine: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    plans = build(small_export, tmp_path / "plans", "tensorrt", host)
    by_plans = pixels(on_host(spec(plans), host), PROMPTS)
    by_graphs = pixels(open_engine(spec(onnxruntime_engine)), PROMPTS)
    assert by_plans.keys() == by_graphs.keys()
    assert all(np.array_equal(by_plans[key], by_graphs[key]) for key in by_plans)


def test_the_engine_is_called_tensorrt_and_fills_the_batch_that_it_was_built_for(onnxruntime_engine: Path) -> None:
    engine = open_engine(spec(onnxruntime_engine))
    assert isinstance(engine, ThreadedEngine)
    assert (engine.name, engine.batch_size) == ("tensorrt", 3)
    engine.close()
    smaller = open_engine(spec(onnxruntime_engine, batch_size=2))
    assert isinstance(smaller, ThreadedEngine)
    assert smaller.batch_size == 2
    smaller.close()


def test_neither_transformer_nor_vae_is_loaded_beside_the_engine(onnxruntime_engine: Path) -> None:
    painter, _ = create_tensorrt_backend_from_spec(spec(onnxruntime_engine))
    painter.load()
    pipeline = painter._backend._pipeline  # type: ignore[attr-defined]
    loaded = {name for name, part in pipeline.components.items() if hasattr(part, "parameters")}
    assert loaded == {"text_encoder"}
    assert pipeline.vae_scale_factor == 16
    painter.close()
    painter.close()


def test_the_vae_encoder_is_read_from_the_models_folder_at_the_first_region_and_not_before(
    onnxruntime_engine: Path,
) -> None:
    painter, _ = create_tensorrt_backend_from_spec(spec(onnxruntime_engine))
    painter.load()
    inpainter = painter._backend._inpainter  # type: ignore[attr-defined]
    (plain,) = painter.generate_batch(PROMPTS[:1])
    assert inpainter._encoder is None
    (scene,) = painter.generate_batch(SCENES[:1])
    assert inpainter._encoder.decoder is None
    assert isinstance(plain, Frame)
    assert isinstance(scene, Frame)
    painter.close()


def test_a_model_whose_vae_cannot_encode_refuses_regions_by_code_and_makes_all_other_images(
    onnxruntime_engine: Path, tmp_path: Path
) -> None:
    painter, _ = create_tensorrt_backend_from_spec(spec(onnxruntime_engine))
    painter.load()
    pipeline = painter._backend._pipeline  # type: ignore[attr-defined]
    pipeline.register_to_config(_name_or_path=str(tmp_path))  # no VAE lies there
    scene, plain = painter.generate_batch([SCENES[0], PROMPTS[0]])
    assert isinstance(scene, Failure)
    assert scene.code == NO_VAE_ENCODER
    assert f"The VAE in {str(tmp_path)!r} has no encoder" in scene.reason
    assert isinstance(plain, Frame)
    painter.close()


def test_an_engine_of_other_weights_is_refused_by_both_digests(onnxruntime_engine: Path, tiny_model: Path) -> None:
    for weights in (None, model_folder_digest(tiny_model)):
        said = refusal(spec(onnxruntime_engine, source=str(tiny_model), weights_digest=weights), EngineUnsuitable)
        assert model_folder_digest(MODEL_FOLDER) in said
        assert model_folder_digest(tiny_model) in said


def test_a_recipes_precision_is_honoured_or_refused(onnxruntime_engine: Path) -> None:
    said = refusal(spec(onnxruntime_engine, precision="bf16"), EngineUnsuitable)
    assert "computes in 'fp32' and the recipe asks for 'bf16': build one with --precision bf16" in said


def test_a_missing_engine_says_how_to_build_one(tmp_path: Path) -> None:
    assert "needs an engine folder" in refusal(EngineSpec("tensorrt", str(MODEL_FOLDER)))
    assert "which lacks card.json" in refusal(spec(tmp_path))


def test_plans_of_another_gpu_are_refused_before_weights_are_read(
    small_export: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    plans = build(small_export, tmp_path / "plans", "tensorrt", host)
    other = replace(host, machine=replace(host.machine, gpu="NVIDIA H100"))
    with pytest.raises(EngineUnsuitable, match=r"and this is 'NVIDIA H100' \(9\.0\): build it again here"):
        on_host(spec(plans, source="/nowhere"), other)


def test_plans_without_tensorrt_say_what_to_install_before_weights_are_read(
    small_export: Path, tmp_path: Path, host: TensorRtHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = build(small_export, tmp_path / "plans", "tensorrt", host)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert "install packshot[tensorrt]" in refusal(spec(plans, source="/nowhere"))


def compare_with_torch(model: Path, export: Path, folder: Path, host: TensorRtHost) -> None:
    """Paint by graphs in batches and alone, and by plans, and hold all against the torch engine's pictures."""
    wanted = [*PROMPTS, *SCENES]
    by_torch = pixels(open_engine(EngineSpec("torch", str(model), batch_size=3)), wanted)
    rehearsed = build(export, folder / "rehearsed", "onnxruntime", model=model)
    plans = build(export, folder / "planned", "tensorrt", host, model=model)
    batched, alone, planned = (
        pixels(open_engine(spec(rehearsed, source=str(model))), wanted),
        pixels(open_engine(spec(rehearsed, source=str(model), batch_size=1)), wanted),
        pixels(on_host(spec(plans, source=str(model)), host), wanted),
    )
    for how, made in {"batched": batched, "alone": alone, "planned": planned}.items():
        assert made.keys() == by_torch.keys()
        apart = {key: int(np.abs(made[key] - by_torch[key]).max()) for key in made}
        print(f"{model.name}, {how}: levels from the torch engine's {apart}")  # noqa: T201 - to be read
        assert max(apart.values()) <= TOLERANCE
    resumed = pixels(open_engine(spec(rehearsed, source=str(model), batch_size=1)), SCENES[2:])
    assert all(np.array_equal(resumed[key], alone[key]) for key in resumed)
    assert all(int(np.abs(by_torch[f"s{n}"] - by_torch[f"p{n}"]).max()) > 10 * TOLERANCE for n in range(len(TEXTS)))
    strange = Prompt("p0", TEXTS[0], 1, 128, 128, steps=2)
    other = pixels(open_engine(spec(rehearsed, source=str(model))), [strange])
    assert int(np.abs(other["p0"] - by_torch["p0"]).max()) > 20 * TOLERANCE


def test_a_tiny_z_image_through_plans_and_graphs_gives_the_torch_engines_pictures(
    tiny_model: Path, tiny_export: Path, tmp_path: Path, host: TensorRtHost
) -> None:
    compare_with_torch(tiny_model, tiny_export, tmp_path, host)


@pytest.mark.slow
def test_packshot_nano_through_plans_and_graphs_gives_the_torch_engines_pictures(
    tmp_path: Path, host: TensorRtHost
) -> None:
    from infra.onnx_graphs.model_export import export_model

    export_model(str(MODEL_FOLDER), tmp_path / "export", "fp32", str)
    compare_with_torch(MODEL_FOLDER, tmp_path / "export", tmp_path, host)


def test_an_engine_is_one_more_backend_of_the_bench(onnxruntime_engine: Path) -> None:
    cases = [BenchmarkCase(128, 1, 1, 1), BenchmarkCase(256, 1, 1, 1)]
    backends = {"tensorrt": tensorrt_backend_factory(onnxruntime_engine)}
    rows = [
        row
        for row in measure_backends(StoredPipeline(str(MODEL_FOLDER)), "cpu", "fp32", cases, backends)
        if row.backend != REFERENCE_BACKEND
    ]
    assert [(row.backend, row.size, row.images) for row in rows] == [("tensorrt", 128, 1), ("tensorrt", 256, 0)]
    assert rows[0].to_diffusers is not None
    assert "The engine was built for 128x128, not for 256x256" in rows[1].reason


def test_both_graphs_spare_what_they_recorded(small_export: Path, tmp_path: Path, host: TensorRtHost) -> None:
    plans = build(small_export, tmp_path / "plans", "tensorrt", host)
    painter, _ = create_tensorrt_backend_from_spec(spec(plans), lambda: host)
    painter._accelerator.free_memory()  # nothing is open yet
    painter.load()
    painter.generate_batch(PROMPTS[:1])
    opened = painter._accelerator._engine
    assert opened is not None
    kept = [opened.transformer._captures, opened.vae_decoder._captures]  # type: ignore[attr-defined]
    assert [len(each) for each in kept] == [1, 1]
    painter._accelerator.free_memory()
    assert [len(each) for each in kept] == [0, 0]
    painter.close()
