"""Write constraints.txt: every dependency of pyproject.toml at one version, with the sha256 of each of its files.

Inputs: pyproject.toml, the present constraints.txt, and a package index (PyPI, or what uv is configured for).
Outputs: constraints.txt anew. The resolve holds for Python 3.11 to 3.14 on Linux, x86_64 and aarch64.

A file that is not listed is not installed, whichever index or mirror serves it (`pip install --require-hashes`).
PyTorch's CPU wheels are listed beside PyPI's, because a machine without a GPU takes those: their hashes come from
PyTorch's own index. Where that cannot be reached, the listed ones stay as long as the version does.
"""

import re
import subprocess
import sys
import urllib.error
import urllib.request
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
EXTRAS = ("s3", "torch", "ocr", "onnx", "ray", "explicit", "cutout", "nudity")
"""Every extra but `tensorrt`: its wheels are on NVIDIA's own index, and PyPI holds only what downloads them."""
GROUPS = ("build", "dev", "fuzzing", "reference-tools", "reference", "supply")
CPU_INDEX = "https://download.pytorch.org/whl/cpu/torch/"
SUPPORTED_WHEEL = re.compile(r"cp31[1-4]-manylinux\w*_(x86_64|aarch64)\.whl$")
HEADER = """\
# Every dependency of pyproject.toml (all extras but tensorrt, all groups) at one version, and the sha256 of every file
# that may be installed for it: Python 3.11 to 3.14. pip (26.3) reads it as constraints, so a package that is not asked
# for is not installed by standing here, and what is installed is one of these files or is refused.
# To make it anew: `make constraints`, then `make test-all`, and commit what it wrote.
"""


def main() -> None:
    """Resolve, add PyTorch's CPU wheels, and write constraints.txt."""
    before = CONSTRAINTS.read_text("utf-8")
    resolved = _resolve()
    version = _version(resolved, "torch")
    hashes = _cpu_wheel_hashes(version)
    if not hashes:
        if _version(before, "torch") != version:
            sys.exit(
                f"{CPU_INDEX} has no torch {version}, or cannot be reached; the new version's CPU wheels are unknown."
            )
        sys.stderr.write(f"{CPU_INDEX} cannot be reached: the CPU wheels of torch {version} stay as they are listed.\n")
        hashes = _hashes(before, "torch")
    CONSTRAINTS.write_text(HEADER + with_hashes(resolved, "torch", hashes), "utf-8")


def with_hashes(lock: str, name: str, hashes: set[str]) -> str:
    """Return the lock with the hashes of one package and the given ones, sorted."""
    entry = _entry(lock, name)
    pin = entry.partition(" \\\n")[0]
    lines = [f"    --hash=sha256:{digest}" for digest in sorted(_hashes(lock, name) | hashes)]
    return lock.replace(entry, " \\\n".join([pin, *lines]) + "\n")


def _resolve() -> str:
    command = [
        "uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--no-header", "--no-annotate", "--allow-unsafe", "--quiet",
        *(f"--extra={extra}" for extra in EXTRAS),
        *(f"--group={group}" for group in GROUPS),
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _entry(lock: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if found is None:
        sys.exit(f"{name} is not in the lock.")
    return found.group()


def _version(lock: str, name: str) -> str:
    return _entry(lock, name).partition("==")[2].split()[0]


def _hashes(lock: str, name: str) -> set[str]:
    return set(re.findall(r"sha256:([0-9a-f]{64})", _entry(lock, name)))


def _cpu_wheel_hashes(version: str) -> set[str]:
    """Return the sha256 of each CPU wheel that we support; nothing where the index cannot be reached."""
    try:
        with urllib.request.urlopen(CPU_INDEX, timeout=15) as answer:
            page = unescape(answer.read().decode())
    except (urllib.error.URLError, TimeoutError):
        return set()
    files = re.findall(r'href="[^"]*/([^"/#]+\.whl)#sha256=([0-9a-f]{64})"', page)
    return {
        digest for file, digest in files if file.startswith(f"torch-{version}%2Bcpu-") and SUPPORTED_WHEEL.search(file)
    }


if __name__ == "__main__":
    main()
