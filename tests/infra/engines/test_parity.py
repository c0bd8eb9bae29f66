"""Parity records: what passes, what does not, and for whom a record holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.engines import open_engine
from infra.engines.parity import (
    ParityKey,
    compare_images,
    fixed_prompts,
    generate_images,
    parity_folder,
    require_parity,
    write_parity_record,
)
from infra.engines.spec import EngineSpec
from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Pixels, Prompt
from infra.testing.faulty_engine import FaultyBackend

SUBJECT = ParityKey("a" * 64, "fp8", "NVIDIA H200", "2.13.0")
GREY: dict[str, Pixels] = {key: np.full((4, 6, 3), 100, np.uint8) for key in "ab"}


def off_by(levels: int) -> dict[str, Pixels]:
    return {key: np.full_like(picture, 100 + levels) for key, picture in GREY.items()}


def test_the_figures_are_psnr_and_the_largest_difference() -> None:
    record = compare_images(SUBJECT, GREY, off_by(10))
    assert [(case.shape, case.max_abs_diff) for case in record.cases] == [("6x4", 10)] * 2
    assert record.psnr == pytest.approx(28.13, abs=0.01)
    assert record.passed
    assert compare_images(SUBJECT, GREY, off_by(25)).psnr == pytest.approx(20.17, abs=0.01)
    assert compare_images(SUBJECT, GREY, off_by(25)).passed
    assert not compare_images(SUBJECT, GREY, off_by(26)).passed
    assert compare_images(SUBJECT, GREY, GREY).psnr == 99


def test_a_difference_is_not_lost_where_bytes_would_wrap_around() -> None:
    assert compare_images(SUBJECT, GREY, off_by(-100)).cases[0].max_abs_diff == 100


def test_a_record_is_asked_for_and_holds_for_its_own_subject_only(tmp_path: Path) -> None:
    with pytest.raises(EngineUnsuitable, match=r"'fp8' has not been verified .* 'NVIDIA H200' .*PACKSHOT_UNVERIFIED=1"):
        require_parity(SUBJECT, tmp_path)
    write_parity_record(compare_images(SUBJECT, GREY, off_by(1)), tmp_path)
    require_parity(SUBJECT, tmp_path)
    for other in (
        replace(SUBJECT, weights="b" * 64),
        replace(SUBJECT, precision="fp4"),
        replace(SUBJECT, device="NVIDIA L4"),
        replace(SUBJECT, torch="2.14.0"),
    ):
        with pytest.raises(EngineUnsuitable, match="has not been verified"):
            require_parity(other, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_record_that_did_not_pass_refuses_with_its_figure(tmp_path: Path) -> None:
    write_parity_record(compare_images(SUBJECT, GREY, off_by(1)), tmp_path)
    path = write_parity_record(compare_images(SUBJECT, GREY, off_by(60)), tmp_path)
    with pytest.raises(EngineUnsuitable, match=r"did not pass .* 12\.6 dB, and 20 are needed"):
        require_parity(SUBJECT, tmp_path)
    path.write_text('{"passed": true}')
    with pytest.raises(EngineUnsuitable, match="cannot be read"):
        require_parity(SUBJECT, tmp_path)


def test_records_are_kept_among_the_users_own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert parity_folder() == tmp_path / "packshot" / "parity"


def test_the_fixed_prompts_have_lengths_that_differ_and_seeds_of_their_own() -> None:
    prompts = fixed_prompts(64, 3)
    assert len({prompt.seed for prompt in prompts}) == len(prompts) == 4
    assert len({len(prompt.text) // 32 for prompt in prompts}) >= 3
    assert {(prompt.width, prompt.height, prompt.steps) for prompt in prompts} == {(64, 64, 3)}


def test_a_prompt_that_cannot_be_painted_ends_the_comparison() -> None:
    engine = ThreadedEngine(FaultyBackend(), 1, 1)
    with pytest.raises(EngineError, match="'bad' failed: ValueError"):
        generate_images(engine, [Prompt("good", "a", 1, 4, 4), Prompt("bad", "[poison]", 1, 4, 4)])
    engine.close()


def test_a_cpu_is_refused_before_any_record_is_asked_for() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(EngineUnsuitable, match="A CPU cannot compute in 'fp8'"):
        open_engine(EngineSpec("torch", "model", precision="fp8"))
