"""What this machine brings: Python, packages, GPU and driver, TensorRT, room on its disks, a model's files.

Comes in: the interpreter, the installed distributions, `nvidia-smi`, folders. Goes out: findings. Nothing heavy is
imported here: versions are read from metadata, and torch is asked in a process of its own, only where there is a GPU.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.diagnosis import DiagnosticFinding
from infra.errors import one_line
from infra.models.model_files import check_model_folder, model_folder_digest

SUPPORTED_PYTHON = ((3, 11), (3, 15))
"""As `requires-python` in pyproject.toml: from the first, below the second."""
MIN_DRIVER = 580
"""CUDA 13, which torch 2.13's wheels and TensorRT 11 are built for, needs this branch of the Linux driver."""
LOW_DISK_BYTES, CRITICAL_DISK_BYTES = 20 * 10**9, 2 * 10**9
"""Below the first a model (12 GB of weights alone) may not fit; below the second a run's temporary files may not."""
_SMI_SECONDS, _TORCH_SECONDS = 10.0, 60.0

VersionLookup = Callable[[str], str | None]


def installed_version(name: str) -> str | None:
    """Return a distribution's version, or None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> list[DiagnosticFinding]:
    """Tell whether this Python is one that Packshot supports."""
    text = ".".join(map(str, version))
    if SUPPORTED_PYTHON[0] <= tuple(version[:2]) < SUPPORTED_PYTHON[1]:
        return [DiagnosticFinding("Python", "ok", text)]
    return [
        DiagnosticFinding(
            "Python", "failed", text, "Install Python 3.11 to 3.14 and make the environment anew with it."
        )
    ]


def check_packages(installed: VersionLookup = installed_version) -> list[DiagnosticFinding]:
    """Compare what is installed with what pyproject.toml asks for; an extra counts once one of its own is there."""
    try:
        wanted = [Requirement(text) for text in metadata.requires("packshot") or ()]
    except metadata.PackageNotFoundError:
        return [
            DiagnosticFinding(
                "packages", "warning", "packshot itself is not installed", "Install it: `pip install -e .`"
            )
        ]
    wrong, good, without = [], 0, []
    extras = _by_extra(wanted)
    for extra, requirements in extras.items():
        versions = {each.name: installed(each.name) for each in requirements}
        others = {each.name for name, rest in extras.items() if name != extra for each in rest}
        if extra and not any(version for name, version in versions.items() if name not in others):
            without.append(extra)
            continue
        for each in requirements:
            version = versions[each.name]
            if version is not None and each.specifier.contains(version, prereleases=True):
                good += 1
            else:
                wrong.append(f"{each.name} {version or 'is missing'} (needed: {each.specifier or 'any'})")
    if wrong:
        advice = "Install them: `pip install -c constraints.txt -e '.[s3,torch]'`"
        if any(text.startswith("fastapi ") for text in wrong):
            advice += "; prefect 3.8.8's server does not start with a fastapi above 0.150"
        return [DiagnosticFinding("packages", "failed", ", ".join(wrong), advice)]
    found = f"{good} as pyproject.toml asks for" + (f"; without the extra {', '.join(without)}" if without else "")
    pair = ", ".join(f"{name} {installed(name)}" for name in ("prefect", "fastapi"))
    return [DiagnosticFinding("packages", "ok", f"{found}; {pair}")]


def _by_extra(wanted: list[Requirement]) -> dict[str, list[Requirement]]:
    extras: dict[str, list[Requirement]] = {}
    names = {canonicalize_name(extra) for extra in metadata.metadata("packshot").get_all("Provides-Extra") or ()}
    for each in wanted:
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            extras.setdefault("", []).append(each)
            continue
        for extra in sorted(names):
            if each.marker.evaluate({"extra": extra}):
                extras.setdefault(extra, []).append(each)
    return extras


def check_gpu(smi: str = "nvidia-smi", torch: str | None = None) -> list[DiagnosticFinding]:
    """Ask the driver for its GPUs, and torch whether it can use them."""
    torch = torch or installed_version("torch")
    if shutil.which(smi) is None:
        advice = "Fine for the stub engine, and slow for torch; install NVIDIA's driver where there is a GPU."
        return [DiagnosticFinding("GPU", "warning", f"none: {smi} is not on the path", advice)]
    query = [smi, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, timeout=_SMI_SECONDS, check=False)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not lines:
        said = one_line(done.stderr or done.stdout) or f"exit code {done.returncode}"
        return [
            DiagnosticFinding(
                "GPU", "failed", f"{smi}: {said}", "Reload or reinstall NVIDIA's driver, then look again."
            )
        ]
    found = DiagnosticFinding("GPU", "ok", "; ".join(lines))
    driver = lines[0].rsplit(",", 1)[-1].strip()
    if driver.split(".")[0].isdecimal() and int(driver.split(".")[0]) < MIN_DRIVER:
        advice = f"CUDA 13 needs driver {MIN_DRIVER} or newer: update it, or install a torch built for an older CUDA."
        found = DiagnosticFinding("GPU", "warning", found.found, advice)
    return [found, _check_torch_cuda(torch)]


def _check_torch_cuda(version: str | None) -> DiagnosticFinding:
    if version is None:
        return DiagnosticFinding(
            "CUDA in torch", "warning", "torch is not installed", "Install the extra: `packshot[torch]`."
        )
    # In a process of its own: importing torch takes seconds, and a broken driver can take the process with it.
    code = "import torch; print(torch.version.cuda, torch.cuda.is_available(), torch.cuda.device_count())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TORCH_SECONDS, check=False)
    words = done.stdout.split()
    if done.returncode == 0 and len(words) == 3 and words[1] == "True":
        return DiagnosticFinding("CUDA in torch", "ok", f"torch {version}, CUDA {words[0]}, {words[2]} device(s)")
    said = f"torch {version} sees no CUDA device" if not done.returncode else f"torch {version} cannot be imported"
    advice = "Install a torch with CUDA that the driver supports: `pip install --force-reinstall torch`."
    return DiagnosticFinding("CUDA in torch", "failed", said, advice)


def check_tensorrt(installed: VersionLookup = installed_version) -> list[DiagnosticFinding]:
    """Name the TensorRT that is installed; none is needed by the torch engine."""
    names = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12")
    found = [f"{name} {version}" for name in names if (version := installed(name))]
    return [DiagnosticFinding("TensorRT", "ok", ", ".join(found) or "not installed; only the tensorrt engine needs it")]


def check_disks(
    folders: Mapping[str, Path], free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
) -> list[DiagnosticFinding]:
    """Tell how much room there is where work is done; a folder that is not made yet is looked at through its parent."""
    findings = []
    for name, folder in folders.items():
        there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
        left = free(there)
        words = f"{left / 1e9:,.1f} GB free at {there}"
        advice = "Make room; `packshot sweep STORE` deletes what no release needs." if name == "store" else "Make room."
        state = "failed" if left < CRITICAL_DISK_BYTES else "warning" if left < LOW_DISK_BYTES else "ok"
        findings.append(DiagnosticFinding(f"disk: {name}", state, words, advice if state != "ok" else ""))  # type: ignore[arg-type]
    return findings


def working_folders(store: Path | None = None) -> dict[str, Path]:
    """Return where this machine keeps things: temporary files, downloaded models, and a store on a disk."""
    cache = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    folders = {"temporary files": Path(tempfile.gettempdir()), "model cache": cache}
    return folders if store is None else {**folders, "store": store}


def check_model(folder: Path) -> list[DiagnosticFinding]:
    """Check a model's folder: whole, safetensors only, no code; and give its digest.

    Raises `EngineError`, which says what is wrong with it.
    """
    check_model_folder(folder)
    missing = sorted(_missing_shards(folder))
    if missing:
        advice = "Download the folder again, whole: `hf download MODEL --revision COMMIT --local-dir FOLDER`."
        return [
            DiagnosticFinding("model", "failed", f"{folder} lacks {missing[0]!r} and {len(missing) - 1} others", advice)
        ]
    size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    return [
        DiagnosticFinding(
            "model", "ok", f"{folder}: {size / 1e9:,.2f} GB of safetensors, sha256 {model_folder_digest(folder)}"
        )
    ]


def _missing_shards(folder: Path) -> Iterator[str]:
    import json

    for index in folder.glob("*/*.safetensors.index.json"):
        for name in set(json.loads(index.read_text("utf-8"))["weight_map"].values()):
            if not (index.parent / name).is_file():
                yield f"{index.parent.name}/{name}"
