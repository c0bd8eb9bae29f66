"""Preflight checks of a run: fail before any image is generated, or return warnings for its report.

Inputs: a recipe, a policy, settings. Outputs: nothing where all checks pass, an `InputError` where a run would fail
later, or sentences for the report's `warnings`.
"""

from catalogs.policy.channels import missing_scanners
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from infra.provenance.watermarks import open_watermark
from infra.scanners.image_scanners import find_available
from infra.screening.measure import BUILTIN_SCANNER_VERSIONS
from infra.settings import Settings


def require_watermarks(recipe: Recipe, settings: Settings) -> None:
    """Open each watermark that the recipe's finishes name; raise `ProvenanceConfigError` for an unregistered one."""
    for finish in recipe.finishes_by_digest.values():
        if finish.watermark is not None:
            open_watermark(settings.watermark, finish.watermark)


def resolve_scanners(policy: Policy) -> tuple[dict[str, str], dict[str, str]]:
    """Return name -> version of the scanners that will measure images here, and name -> reason of the missing ones.

    Scanners that are part of every installation always run; the others run where the policy names them.
    """
    named = [name for name in policy.image_scanners if name not in BUILTIN_SCANNER_VERSIONS]
    available, missing = find_available(named, policy.scanner_settings)
    return {**BUILTIN_SCANNER_VERSIONS, **available}, missing


def single_writer_warnings(settings: Settings) -> list[str]:
    """Return a warning where the operator has promised to be the store's only writer."""
    if not settings.single_writer:
        return []
    return [
        "PACKSHOT_SINGLE_WRITER=1: where the store has no conditional writes, a second run that starts at the same"
        " moment is not kept out and may overwrite what this one writes; see that only one runs at a time"
    ]


def missing_scanner_warnings(job: RefreshJob) -> list[str]:
    """Return a warning for each scanner that the policy or a channel depends on and that will not run."""
    policy = job.policy
    available, missing = resolve_scanners(policy)
    unmeasured = missing_scanners(job.recipe.channels, list(available))
    return [
        f"No image will be usable on {', '.join(channels)}: their rules are measured by the scanner {name!r},"
        + (" which cannot be opened here" if name in missing else f" so name it in the policy (optional: [{name}])")
        for name, channels in unmeasured.items()
    ] + [
        f"The policy requires the scanner {name!r}: without it every image goes to review. {reason}"
        if name in policy.required
        else f"The policy names the optional scanner {name!r}; images are judged without it. {reason}"
        for name, reason in missing.items()
    ]
