"""Engine selection: the engine for a machine, and why the others are not taken.

Inputs: the engines of a store, the requirements of a run, whom a host trusts. Outputs: an `EngineSelection`.

A TensorRT plan is a program for one version of TensorRT and one kind of GPU. Whether it fits is therefore decided by
the facts recorded when it was built, never by loading it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from catalogs.models.engine_artifacts import EngineArtifact, EngineFacts, ParityResult

AMPERE = (8, 0)


@dataclass(frozen=True)
class GpuPlatform:
    """The platform that plans depend on: TensorRT's version, the GPU's name, its compute capability."""

    tensorrt: str
    gpu: str
    compute_capability: tuple[int, int]


@dataclass(frozen=True)
class EngineRequirements:
    """The requirements of a run: weights, precision, the sizes (width, height) of its images, its machine."""

    weights_digest: str
    precision: str
    sizes: tuple[tuple[int, int], ...]
    platform: GpuPlatform | None


@dataclass(frozen=True)
class EngineSelection:
    """The selected engine, or None; and why each of the others does not fit, by version."""

    artifact: EngineArtifact | None
    incompatibilities: Mapping[int, str]


Distrust = Callable[[EngineArtifact], str | None]
"""Returns why a host does not trust what a card says, or None."""


def select_engine(
    artifacts: Sequence[EngineArtifact], requirements: EngineRequirements, distrust: Distrust
) -> EngineSelection:
    """Return the newest engine that fits and is trusted, and the reason why each of the others is not taken."""
    incompatibilities = {
        artifact.version: reason
        for artifact in artifacts
        if (reason := incompatibility(artifact, requirements) or distrust(artifact)) is not None
    }
    fitting = [artifact for artifact in artifacts if artifact.version not in incompatibilities]
    newest = max(fitting, key=lambda artifact: artifact.version, default=None)
    return EngineSelection(newest, incompatibilities)


def incompatibility(artifact: EngineArtifact, requirements: EngineRequirements) -> str | None:
    """Return why an engine does not meet the requirements, or None. Reasons that cannot be repaired come first."""
    return _misfit(artifact, requirements) or _unready_reason(artifact)


def fits_but_for_its_state(artifact: EngineArtifact, requirements: EngineRequirements) -> bool:
    """Tell whether an engine would meet the requirements if a verification had passed."""
    return _misfit(artifact, requirements) is None and bool(artifact.files)


def explain_selection(model: str, selection: EngineSelection) -> str:
    """Return one sentence on why none of a model's engines is selected."""
    if not selection.incompatibilities:
        return f"there is no engine of {model!r} in the store"
    reasons = "; ".join(f"version {number}: {reason}" for number, reason in sorted(selection.incompatibilities.items()))
    return f"no engine of {model!r} fits ({reasons})"


def _misfit(artifact: EngineArtifact, requirements: EngineRequirements) -> str | None:
    facts, platform = artifact.facts, requirements.platform
    missing = [size for size in requirements.sizes if size not in facts.sizes]
    reasons = (
        (facts.weights_digest != requirements.weights_digest, "it is of other weights"),
        (
            facts.precision != requirements.precision,
            f"it computes in {facts.precision}, not in {requirements.precision}",
        ),
        (facts.runtime != "tensorrt", "it holds graphs and no plans"),
        (platform is None, "there is no TensorRT on this machine"),
        (platform is not None and facts.tensorrt != platform.tensorrt, _other_tensorrt(facts, platform)),
        (platform is not None and not _runs_on(facts, platform), _other_gpu(facts, platform)),
        (bool(missing), f"it has no profile for {', '.join(f'{width}x{height}' for width, height in missing)}"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _unready_reason(artifact: EngineArtifact) -> str | None:
    if artifact.state == "refused":
        return f"it is refused: {_parity_message(artifact.parity)}"
    if not artifact.files:
        return f"{artifact.by} is putting it in, or was stopped while doing so"
    if artifact.state != "ready":
        return "it is not verified: `packshot engine verify` does"
    if not _passed(artifact):
        return "it is called ready without a verification that passed: `packshot engine verify` does"
    return None


def _passed(artifact: EngineArtifact) -> bool:
    """Tell whether the figures of a verification say what its verdict says."""
    parity = artifact.parity
    if parity is None or not parity.passed or parity.max_abs_diff is None or parity.cases < 1:
        return False
    return parity.max_abs_diff <= parity.tolerance and parity.runtime == artifact.facts.runtime


def _runs_on(facts: EngineFacts, platform: GpuPlatform) -> bool:
    same = facts.compute_capability == platform.compute_capability
    return {
        "none": same and facts.gpu == platform.gpu,
        "same-compute-capability": same,
        "ampere-plus": platform.compute_capability >= AMPERE,
    }[facts.compatibility]


def _other_tensorrt(facts: EngineFacts, platform: GpuPlatform | None) -> str:
    return f"it was built by TensorRT {facts.tensorrt}, and this is {platform.tensorrt}" if platform else ""


def _other_gpu(facts: EngineFacts, platform: GpuPlatform | None) -> str:
    return f"it was built for {facts.gpu}, and this is {platform.gpu}" if platform else ""


def _parity_message(parity: ParityResult | None) -> str:
    if parity is None or parity.max_abs_diff is None:
        return "its outputs are not numbers"
    return f"it differs by {parity.max_abs_diff:.2g}, and {parity.tolerance:g} is allowed"
