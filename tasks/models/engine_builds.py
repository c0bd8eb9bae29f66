"""Engine builds: build a missing engine once, where several workers need the same one.

Inputs: a store, the requirements on an engine, and a function that builds one. Outputs: an `EngineSelection`: the
engine that fits, or none with the reasons. One worker builds under a lease and the others wait for it. A failed build
is recorded, so that workers do not repeat it within a day; a refused engine is not built again at all.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from catalogs import layout
from catalogs.errors import InputError
from catalogs.models.engine_selection import EngineRequirements, EngineSelection, fits_but_for_its_state
from infra.bounded_json import parse_bounded_json
from infra.coordination.leases import acquire
from infra.coordination.running_process import running_process
from infra.errors import EngineError, LeaseHeld, ObjectMissing, one_line
from infra.interfaces import ObjectStore
from infra.stores.json_objects import write_json
from tasks.models.engine_repository import choose_engine, list_stored_engines
from tasks.models.engine_trust import EngineTrust

POLL_SECONDS = 5.0
BUILD_RETRY_DELAY = timedelta(days=1)
"""After this time a failed build is tried again."""
MAX_REASON_CHARACTERS = 500
MAX_FAILURE_BYTES = 1 << 16

logger = logging.getLogger(__name__)


def find_or_build_engine(
    store: ObjectStore,
    model: str,
    requirements: EngineRequirements,
    build: Callable[[], None],
    by: str,
    lease_seconds: float,
    trust: EngineTrust,
) -> EngineSelection:
    """Return the engine that fits the requirements. Where there is none, one worker builds it and the others wait.

    `build` adds an engine to the store and verifies it, with a tag that `trust` accepts.
    """
    lease_prefix = layout.engine_lease(model, requirements_digest(requirements))
    while (selection := _find_without_build(store, model, requirements, trust)) is None:
        try:
            lease = acquire(store, lease_prefix, by, lease_seconds)
        except LeaseHeld:
            running_process().sleep(POLL_SECONDS)
            continue
        try:
            with lease.keep_alive():
                # Another worker may have finished between the selection and the lease.
                selection = _find_without_build(store, model, requirements, trust)
                if selection is not None:
                    return selection
                _try_build(store, model, requirements, build, by)
            return choose_engine(store, model, requirements, trust)
        finally:
            lease.release()
    return selection


def requirements_digest(requirements: EngineRequirements) -> str:
    """Return a digest of the requirements: equal for equal requirements."""
    platform = requirements.platform
    machine = [platform.tensorrt, platform.gpu, platform.compute_capability] if platform else None
    content = [requirements.weights_digest, requirements.precision, sorted(requirements.sizes), machine]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def read_recent_build_failure(store: ObjectStore, model: str, requirements: EngineRequirements) -> str | None:
    """Return why building for these requirements failed within the last day; None where it did not fail."""
    key = layout.engine_failure(model, requirements_digest(requirements))
    try:
        failure = parse_bounded_json(store.read(key), MAX_FAILURE_BYTES)
        age = store.now() - datetime.fromisoformat(failure["at"])
        reason = str(failure["reason"])[:MAX_REASON_CHARACTERS]
    except ObjectMissing:
        return None
    except (ValueError, LookupError, TypeError, ArithmeticError):
        logger.warning("The record %s is none of a failed build, and is passed over", key)
        return None
    return reason if abs(age) < BUILD_RETRY_DELAY else None


def cannot_build(store: ObjectStore, model: str, requirements: EngineRequirements, trust: EngineTrust) -> bool:
    """Tell whether a build is pointless: no platform to build on, a recent failure, or a refused engine that fits."""
    if requirements.platform is None or read_recent_build_failure(store, model, requirements) is not None:
        return True
    refused = [
        artifact
        for artifact in list_stored_engines(store, model)
        if artifact.state == "refused" and trust.refusal(artifact) is None  # a stranger's word stops no build
    ]
    return any(fits_but_for_its_state(artifact, requirements) for artifact in refused)


def _find_without_build(
    store: ObjectStore, model: str, requirements: EngineRequirements, trust: EngineTrust
) -> EngineSelection | None:
    """Return the selection if an engine fits or none can be built; None where one must be built."""
    selection = choose_engine(store, model, requirements, trust)
    if selection.artifact is not None or cannot_build(store, model, requirements, trust):
        return selection
    return None


def _try_build(
    store: ObjectStore, model: str, requirements: EngineRequirements, build: Callable[[], None], by: str
) -> None:
    """Build; where that fails for a reason that another worker would meet too, record the failure."""
    try:
        build()
    except (InputError, EngineError, OSError, RuntimeError) as error:  # torch's out of memory among them
        logger.warning("No TensorRT engine of %r could be built, so torch generates: %s", model, error)
        reason = one_line(error, MAX_REASON_CHARACTERS)
        failure = {"reason": reason, "by": by, "at": store.now().isoformat()}
        write_json(store, layout.engine_failure(model, requirements_digest(requirements)), failure)
