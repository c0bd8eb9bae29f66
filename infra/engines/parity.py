"""Whether a faster way of computing still makes the same pictures: compared once, and written down.

Comes in: two engines of one model, and fixed prompts of mixed lengths. Goes out: a record in this machine's data
folder, which names the weights, the precision, the GPU and the version of torch that it holds for. An engine that
rounds to 8 bits is refused until such a record says that it passed (or an operator says PACKSHOT_UNVERIFIED=1).
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from infra.errors import EngineError, EngineUnsuitable
from infra.interfaces import Engine, Failure, Frame, Pixels, Prompt

MIN_PSNR = 20.0
"""Decibels, the mean over the prompts. Rounding moves the path that a picture takes from its noise, so the same seed
gives the same scene with other details: vLLM-Omni's gate (pull request 3929) passes 8-bit linears at 20.1; another
seed's picture lies near 10."""

PROMPT_TEXTS = (
    "Studio product photograph of a red enamel mug, front view, on a pure white background",
    "a blue chair",
    "Studio product photograph of a striped cotton T-shirt with the word HARBOUR printed in navy letters across the "
    "chest, three-quarter view, on a pure white background, soft even light, the whole product in the frame",
    "a green glass bottle with a cork and a paper label",
)


@dataclass(frozen=True)
class ParityCase:
    """One prompt painted twice: the largest difference (levels of 255), and how far apart the pictures are (dB)."""

    shape: str
    max_abs_diff: int
    psnr: float


@dataclass(frozen=True)
class ParityKey:
    """What a record holds for."""

    weights: str
    """The recipe's digest, else hub id and commit."""
    precision: str
    device: str
    torch: str


@dataclass(frozen=True)
class ParityRecord:
    """What was compared, and whether it passed."""

    subject: ParityKey
    passed: bool
    psnr: float
    cases: tuple[ParityCase, ...]


def parity_folder() -> Path:
    """Return where records are kept: among the user's own data."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return (Path(data) / "packshot" / "parity").expanduser()


def fixed_prompts(side: int, steps: int) -> list[Prompt]:
    """Return the prompts that are painted by both engines."""
    return [Prompt(str(place), text, 1000 + place, side, side, steps) for place, text in enumerate(PROMPT_TEXTS)]


def generate_images(engine: Engine, prompts: Sequence[Prompt]) -> dict[str, Pixels]:
    """Return the pictures by key; raise `EngineError` where one could not be made."""
    pictures = {}
    for answer in engine.generate(prompts):
        if isinstance(answer, Failure):
            raise EngineError(f"The fixed prompt {answer.key!r} could not be painted: {answer.reason}")
        if isinstance(answer, Frame):
            pictures[answer.key] = answer.pixels
    return pictures


def compare_images(parity_key: ParityKey, reference: dict[str, Pixels], candidate: dict[str, Pixels]) -> ParityRecord:
    """Compare the same prompts' pictures."""
    cases = []
    for key, expected in reference.items():
        difference = expected.astype(np.float64) - candidate[key]
        squared = float((difference**2).mean())
        psnr = 99.0 if squared == 0 else min(99.0, 10 * float(np.log10(255**2 / squared)))
        height, width = expected.shape[:2]
        cases.append(ParityCase(f"{width}x{height}", int(np.abs(difference).max()), round(psnr, 2)))
    mean = sum(case.psnr for case in cases) / len(cases)
    return ParityRecord(parity_key, mean >= MIN_PSNR, round(mean, 2), tuple(cases))


def write_parity_record(record: ParityRecord, folder: Path) -> Path:
    """Keep a record, in the place of an older one of the same subject."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _record_file_name(record.subject)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(asdict(record), indent=1), "utf-8")
    temporary.replace(path)
    return path


def require_parity(key: ParityKey, folder: Path) -> None:
    """Raise `EngineUnsuitable` unless a record says that this subject passed."""
    try:
        found = json.loads((folder / _record_file_name(key)).read_text("utf-8"))
        passed, psnr = found["passed"] is True, float(found["psnr"])
    except FileNotFoundError:
        raise EngineUnsuitable(
            f"{key.precision!r} has not been verified with these weights on {key.device!r} with torch "
            f"{key.torch}: run `packshot engine verify-precision --model MODEL --precision {key.precision}`, "
            "choose 'bf16', or set PACKSHOT_UNVERIFIED=1."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineUnsuitable(
            f"The parity record in {str(folder)!r} cannot be read ({error}): verify again."
        ) from None
    if not passed:
        raise EngineUnsuitable(
            f"{key.precision!r} did not pass with these weights on {key.device!r}: {psnr:.1f} dB, and "
            f"{MIN_PSNR:.0f} are needed. Choose 'bf16'."
        )


def _record_file_name(key: ParityKey) -> str:
    return hashlib.sha256(json.dumps(asdict(key), sort_keys=True).encode()).hexdigest()[:40] + ".json"
