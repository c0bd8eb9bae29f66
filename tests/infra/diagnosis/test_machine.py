"""This machine, and machines that are not like it: what is found, and what to do."""

import json
import sys
from pathlib import Path

import pytest

from infra.diagnosis import machine
from infra.errors import EngineError
from tests.fixtures.model_folders import WEIGHTS


def a_program(folder: Path, *lines: str) -> str:
    """Return an executable of these lines of Python."""
    program = folder / "nvidia-smi"
    program.write_text("\n".join([f"#!{sys.executable}", *lines]), "utf-8")
    program.chmod(0o755)
    return str(program)


def a_model(folder: Path) -> Path:
    (folder / "transformer").mkdir(parents=True)
    index = {"_class_name": "ZImagePipeline", "transformer": ["diffusers", "ZImageTransformer2DModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "transformer" / "one.safetensors").write_text(WEIGHTS)
    return folder


def test_a_python_that_is_too_old_or_too_new_is_told_so() -> None:
    assert [each.state for each in machine.check_python()] == ["ok"]
    for version in ((3, 10, 9), (3, 15, 0)):
        [finding] = machine.check_python(version)
        assert (finding.state, finding.advice[:26]) == ("failed", "Install Python 3.11 to 3.1")


def test_what_is_installed_here_is_what_pyproject_asks_for() -> None:
    [finding] = machine.check_packages()
    assert finding.state == "ok", finding
    assert "prefect 3.8.8, fastapi 0." in finding.found


def test_the_pair_of_prefect_and_fastapi_that_does_not_start_is_named() -> None:
    def installed(name: str) -> str | None:
        return "0.165.0" if name == "fastapi" else machine.installed_version(name)

    [finding] = machine.check_packages(installed)
    assert finding.state == "failed"
    assert finding.found == "fastapi 0.165.0 (needed: <0.151,>=0.139)"
    assert "prefect 3.8.8's server does not start" in finding.advice


def test_a_package_that_is_missing_is_named() -> None:
    [finding] = machine.check_packages(lambda name: None if name == "rich" else machine.installed_version(name))
    assert finding.found.startswith("rich is missing (needed: ")


def test_without_a_driver_there_is_a_warning_and_no_failure() -> None:
    [finding] = machine.check_gpu("no-such-program")
    assert (finding.state, finding.found) == ("warning", "none: no-such-program is not on the path")


@pytest.mark.parametrize(("driver", "state"), [("580.65.06", "ok"), ("535.104.05", "warning")])
def test_an_older_driver_than_cuda_needs_is_a_warning(tmp_path: Path, driver: str, state: str) -> None:
    smi = a_program(tmp_path, f"print('NVIDIA H100 80GB HBM3, 81559 MiB, {driver}')")
    gpu, torch = machine.check_gpu(smi, "0.0")
    assert (gpu.state, gpu.found) == (state, f"NVIDIA H100 80GB HBM3, 81559 MiB, {driver}")
    assert (torch.name, torch.state) == ("CUDA in torch", "failed")  # this machine has no GPU


def test_a_driver_that_answers_with_an_error_has_failed(tmp_path: Path) -> None:
    smi = a_program(tmp_path, "import sys; sys.exit('NVIDIA-SMI has failed: no communication with the driver')")
    [finding] = machine.check_gpu(smi)
    assert finding.state == "failed"
    assert "no communication with the driver" in finding.found


def test_tensorrt_is_named_where_it_is_installed() -> None:
    assert machine.check_tensorrt(lambda _: None)[0].found.startswith("not installed")
    [finding] = machine.check_tensorrt(lambda name: "11.4.0" if name == "tensorrt" else None)
    assert finding.found == "tensorrt 11.4.0"


def test_a_disk_that_is_nearly_full_is_told_before_it_is_full(tmp_path: Path) -> None:
    folders = {"store": tmp_path / "not" / "made" / "yet"}
    states = [machine.check_disks(folders, lambda _, left=left: left)[0] for left in (10**9, 10**10, 10**11)]
    assert [each.state for each in states] == ["failed", "warning", "ok"]
    assert states[0].found == f"1.0 GB free at {tmp_path}"
    assert "packshot sweep STORE" in states[0].advice
    assert machine.working_folders(tmp_path)["store"] == tmp_path


def test_a_whole_model_is_named_by_its_digest_and_a_torn_one_by_what_it_lacks(tmp_path: Path) -> None:
    folder = a_model(tmp_path / "model")
    [finding] = machine.check_model(folder)
    assert finding.state == "ok"
    assert finding.found.endswith(f"sha256 {machine.model_folder_digest(folder)}")
    weights = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}}
    (folder / "transformer" / "model.safetensors.index.json").write_text(json.dumps(weights))
    with pytest.raises(
        EngineError, match=r"names '\w+\.safetensors', .* download the folder again if it is not complete"
    ):
        machine.check_model(folder)
    (folder / "transformer" / "weights.bin").write_bytes(b"pickled")
    with pytest.raises(EngineError, match="only safetensors weights are read"):
        machine.check_model(folder)
