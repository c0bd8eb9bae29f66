"""Diagnose this machine: Python, packages, GPU and driver, TensorRT, disk space, a model's files.

Inputs: the interpreter, the installed distributions, `nvidia-smi`, folders. Outputs: findings. Nothing heavy is
imported here: versions are read from metadata, and torch runs in another process, only where there is a GPU.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.diagnosis import DiagnosticFinding
from infra.errors import one_line
from infra.models.model_files import check_model_folder, model_folder_digest

SUPPORTED_PYTHON = ((3, 11), (3, 15))
"""The same as `requires-python` in pyproject.toml: from the first, below the second."""
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
            "Python", "failed", text, "Install Python 3.11 to 3.14 and create the environment again with it."
        )
    ]


def check_packages(installed: VersionLookup = installed_version) -> list[DiagnosticFinding]:
    """Compare the installed packages with pyproject.toml; an extra counts once one of its own packages is installed."""
    try:
        all_requirements = [Requirement(text) for text in metadata.requires("packshot") or ()]
    except metadata.PackageNotFoundError:
        return [
            DiagnosticFinding(
                "packages", "warning", "packshot itself is not installed", "Install it: `pip install -e .`"
            )
        ]
    problems, good_count, missing_extras = [], 0, []
    extras = _by_extra(all_requirements)
    for extra, requirements in extras.items():
        versions = {requirement.name: installed(requirement.name) for requirement in requirements}
        others = {requirement.name for name, rest in extras.items() if name != extra for requirement in rest}
        if extra and not any(version for name, version in versions.items() if name not in others):
            missing_extras.append(extra)
            continue
        for requirement in requirements:
            version = versions[requirement.name]
            if version is not None and requirement.specifier.contains(version, prereleases=True):
                good_count += 1
            else:
                problems.append(
                    f"{requirement.name} {version or 'is missing'} (needed: {requirement.specifier or 'any'})"
                )
    if problems:
        advice = "Install them: `pip install -c constraints.txt -e '.[s3,torch]'`"
        if any(text.startswith("fastapi ") for text in problems):
            advice += "; prefect 3.8.8's server does not start with a fastapi above 0.150"
        return [DiagnosticFinding("packages", "failed", ", ".join(problems), advice)]
    summary = f"{good_count} as pyproject.toml requires"
    if missing_extras:
        summary += f"; without the extra {', '.join(missing_extras)}"
    pair = ", ".join(f"{name} {installed(name)}" for name in ("prefect", "fastapi"))
    return [DiagnosticFinding("packages", "ok", f"{summary}; {pair}")]


def _by_extra(requirements: list[Requirement]) -> dict[str, list[Requirement]]:
    extras: dict[str, list[Requirement]] = {}
    names = {canonicalize_name(extra) for extra in metadata.metadata("packshot").get_all("Provides-Extra") or ()}
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            extras.setdefault("", []).append(requirement)
            continue
        for extra in sorted(names):
            if requirement.marker.evaluate({"extra": extra}):
                extras.setdefault(extra, []).append(requirement)
    return extras


def check_gpu(smi: str = "nvidia-smi", torch: str | None = None) -> list[DiagnosticFinding]:
    """List the driver's GPUs, and tell whether torch can use them."""
    torch = torch or installed_version("torch")
    if shutil.which(smi) is None:
        advice = "Fine for the stub engine, and slow for torch; install NVIDIA's driver where there is a GPU."
        return [DiagnosticFinding("GPU", "warning", f"none: {smi} is not on the path", advice)]
    query = [smi, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, timeout=_SMI_SECONDS, check=False)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or not lines:
        reason = one_line(done.stderr or done.stdout) or f"exit code {done.returncode}"
        return [
            DiagnosticFinding(
                "GPU", "failed", f"{smi}: {reason}", "Reload or reinstall NVIDIA's driver, then run this again."
            )
        ]
    finding = DiagnosticFinding("GPU", "ok", "; ".join(lines))
    driver = lines[0].rsplit(",", 1)[-1].strip()
    if driver.split(".")[0].isdecimal() and int(driver.split(".")[0]) < MIN_DRIVER:
        advice = f"CUDA 13 needs driver {MIN_DRIVER} or newer: update it, or install a torch built for an older CUDA."
        finding = DiagnosticFinding("GPU", "warning", finding.found, advice)
    return [finding, _check_torch_cuda(torch)]


def _check_torch_cuda(version: str | None) -> DiagnosticFinding:
    if version is None:
        return DiagnosticFinding(
            "CUDA in torch", "warning", "torch is not installed", "Install the extra: `packshot[torch]`."
        )
    # In another process: importing torch takes seconds, and a broken driver can take the process with it.
    code = "import torch; print(torch.version.cuda, torch.cuda.is_available(), torch.cuda.device_count())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TORCH_SECONDS, check=False)
    fields = done.stdout.split()
    if done.returncode == 0 and len(fields) == 3 and fields[1] == "True":
        return DiagnosticFinding("CUDA in torch", "ok", f"torch {version}, CUDA {fields[0]}, {fields[2]} device(s)")
    reason = f"torch {version} sees no CUDA device" if not done.returncode else f"torch {version} cannot be imported"
    advice = "Install a torch with CUDA that the driver supports: `pip install --force-reinstall torch`."
    return DiagnosticFinding("CUDA in torch", "failed", reason, advice)


def check_tensorrt(installed: VersionLookup = installed_version) -> list[DiagnosticFinding]:
    """Return the installed TensorRT; the torch engine needs none."""
    names = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12")
    versions = [f"{name} {version}" for name in names if (version := installed(name))]
    return [
        DiagnosticFinding("TensorRT", "ok", ", ".join(versions) or "not installed; only the tensorrt engine needs it")
    ]


def check_disks(
    folders: Mapping[str, Path], free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
) -> list[DiagnosticFinding]:
    """Report the free space of the working folders; a missing folder is measured at its nearest existing parent."""
    findings = []
    for name, folder in folders.items():
        existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
        free_bytes = free(existing)
        summary = f"{free_bytes / 1e9:,.1f} GB free at {existing}"
        advice = (
            "Free some space; `packshot sweep STORE` deletes what no release needs."
            if name == "store"
            else "Free some space."
        )
        state = "failed" if free_bytes < CRITICAL_DISK_BYTES else "warning" if free_bytes < LOW_DISK_BYTES else "ok"
        findings.append(DiagnosticFinding(f"disk: {name}", state, summary, advice if state != "ok" else ""))  # type: ignore[arg-type]
    return findings


def working_folders(store: Path | None = None) -> dict[str, Path]:
    """Return the folders that Packshot writes on this machine: temporary files, downloaded models, a local store."""
    cache = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    folders = {"temporary files": Path(tempfile.gettempdir()), "model cache": cache}
    return folders if store is None else {**folders, "store": store}


def check_model(folder: Path) -> list[DiagnosticFinding]:
    """Check a model's folder (complete, safetensors only, no code) and report its digest.

    Raises `EngineError`, which names what is wrong.
    """
    check_model_folder(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    return [
        DiagnosticFinding(
            "model", "ok", f"{folder}: {size / 1e9:,.2f} GB of safetensors, sha256 {model_folder_digest(folder)}"
        )
    ]
