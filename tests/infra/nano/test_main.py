"""All steps one after another, as the README of the model types them, each as short as can be."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.interfaces import Frame, Prompt
from infra.models.model_files import check_model_folder
from infra.nano.training.__main__ import app

FIRST = {
    "autoencoder": "draw",
    "latents": "draw",
    "transformer": "latents",
    "guided": "transformer",
    "export": "guided",
}


@pytest.mark.parametrize("step", FIRST)
def test_a_step_before_its_time_says_which_comes_first(tmp_path: Path, step: str) -> None:
    words = [step, *[str(tmp_path / "out")] * (step == "export"), "--work", str(tmp_path)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "400", "TERM": "dumb"})
    assert done.exit_code == 2
    assert f"run `{FIRST[step]}` first" in done.stderr


@pytest.mark.slow
def test_the_steps_lead_to_a_model_that_the_engine_opens(tmp_path: Path) -> None:
    work, out = ("--work", str(tmp_path / "work")), tmp_path / "model"
    learning = ("autoencoder --steps 2", "latents", "transformer --steps 2", "guided --steps 2")
    for step in ("draw --each 1", *learning, f"export {out}"):
        done = CliRunner().invoke(app, [*step.split(), *work])
        assert done.exit_code == 0, (step, done.output, done.exception)
    check_model_folder(out)
    assert sum(path.stat().st_size for path in out.rglob("*.safetensors")) <= 12_000_000
    engine = open_engine(EngineSpec("torch", str(out)))
    try:
        [answer] = engine.generate([Prompt("a", "a red mug, front view", 1, 256, 256)])
    finally:
        engine.close()
    assert isinstance(answer, Frame)
    assert answer.pixels.shape == (256, 256, 3)
