"""Run state in the store: start, load, hold, release and close a run.

Inputs: a `RefreshJob` and a store. Outputs: a `Run`, and the files that record how far it came. A run is open from its
marker under `open/` until the manifest and the outcomes are both committed and the marker is deleted. So the next
process finds the runs that a killed one left open. The marker is written under the run's lease: an open run without a
live lease is one whose process is gone. How a run ended is written once: the first word stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from pydantic import TypeAdapter

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob, Run, new_run_id
from infra.coordination.leases import read_lease
from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import find_json, read_json, write_json, write_json_once
from infra.stores.stored_documents import reading

_ORPHAN_AGE = timedelta(days=1)
_RUN = TypeAdapter(Run)


@dataclass(frozen=True)
class OpenRuns:
    """The open runs of a catalogue, oldest first, and a warning for each that cannot be read."""

    runs: Sequence[Run]
    warnings: Sequence[str]


def create_run(store: ObjectStore, job: RefreshJob, fingerprint: str) -> Run:
    """Write a new run's folder with a copy of the rules. Acquire its lease before `open_run`."""
    started = store.now()
    run_id = new_run_id(started)
    run = Run(run_id, job.catalogue, job.scope, fingerprint, started, job.source)
    write_json(store, layout.RunFiles(run_id).recipe, job.recipe.model_dump(mode="json"))
    write_json(store, layout.RunFiles(run_id).policy, job.policy.model_dump(mode="json"))
    if job.policy.brands.own == "shop":
        write_json(store, layout.RunFiles(run_id).shop_brands, job.shop_brands.document())
    write_json(store, layout.RunFiles(run_id).run, _document(run))
    return run


def open_run(store: ObjectStore, run: Run) -> None:
    """Write the marker of a run whose lease this process holds."""
    write_json(store, layout.open_run(run.catalogue, run.run_id), {"run_id": run.run_id})


def load_run(store: ObjectStore, run_id: str) -> Run:
    """Return a run by its id.

    Raises `OptionError` where the store has no such run, or its folder cannot be read.
    """
    key = layout.RunFiles(run_id).run
    try:
        data = store.read(key)
    except (ObjectMissing, ValueError):  # ValueError: no run has an id that makes no key
        raise OptionError(f"The store {store.url} has no run {run_id!r}; `packshot releases` lists them") from None
    try:
        return _parse_run(data, run_id)
    except ValueError:
        raise OptionError(f"{key} in {store.url} cannot be read as a run") from None


def load_open_runs(store: ObjectStore, catalogue: str) -> OpenRuns:
    """Return the open runs of a catalogue, oldest first, and a warning for each that cannot be read.

    Such a run is left alone: another version of Packshot may have written it. Only a marker whose folder is gone, as
    after a sweep, and that is older than a day is deleted.
    """
    open_runs, warnings = [], []
    for info in store.list(layout.open_runs_prefix(catalogue)):
        run_id = info.key.rsplit("/", 1)[1].removesuffix(".json")
        files = layout.RunFiles(run_id)
        data = store.find(files.run)
        try:
            if data is not None:
                open_runs.append(_parse_run(data, run_id))
                continue
        except ValueError:
            pass
        if data is None and next(iter(store.list(files.prefix)), None) is None:
            if info.modified < store.now() - _ORPHAN_AGE:
                store.delete([info.key])
            continue
        warnings.append(
            f"{files.run} cannot be read, and its run is open: it is left alone. Delete {info.key} once you know that"
            " no process works on it"
        )
    return OpenRuns(sorted(open_runs, key=lambda run: run.started_at), warnings)


def has_released_lease(store: ObjectStore, run: Run) -> bool:
    """Tell whether the process that worked on the run last has given its lease back: it writes nothing more."""
    state = read_lease(store, layout.run_lease(run.catalogue, run.run_id))
    return state is not None and state.released


def has_live_lease(store: ObjectStore, catalogue: str, run_id: str) -> bool:
    """Tell whether a process holds the run's lease."""
    state = read_lease(store, layout.run_lease(catalogue, run_id))
    return state is not None and state.is_live(store.now())


def is_committed(tables: TableStore, run: Run, *, after: int | None = None) -> bool:
    """Tell whether a commit of the manifest, later than the version that the run was planned on, is the run's."""
    table = layout.manifest_table(run.catalogue)
    return any(commit.run_id == run.run_id for commit in tables.history(table, after=after))


def hold_run(
    store: ObjectStore,
    run: Run,
    held: Sequence[str],
    checks: Sequence[Mapping[str, object]],
    silent_after_hours: float | None = None,
) -> None:
    """Record which checks hold the run's batch, so that it waits for a person: since when, and how long in silence."""
    key = layout.RunFiles(run.run_id).held
    since = (find_json(store, key) or {}).get("since") or store.now().isoformat()
    document = {"held": list(held), "checks": list(checks), "since": since, "silent_after_hours": silent_after_hours}
    write_json(store, key, document)


def held_checks(store: ObjectStore, run: Run) -> list[str]:
    """Return the checks that hold a run's batch; none where it is not held."""
    key = layout.RunFiles(run.run_id).held
    try:
        with reading(key, "the checks that hold a run"):
            return [str(name) for name in read_json(store, key)["held"]]
    except ObjectMissing:
        return []


def is_run_open(store: ObjectStore, run: Run) -> bool:
    """Tell whether the run is open."""
    return store.exists(layout.open_run(run.catalogue, run.run_id))


def load_frozen_rules(store: ObjectStore, run_id: str) -> tuple[Recipe, Policy]:
    """Return the recipe and the policy that a run was started with."""
    files = layout.RunFiles(run_id)
    with reading(files.recipe, "a recipe"):
        recipe = Recipe.model_validate(read_json(store, files.recipe))
    with reading(files.policy, "a policy"):
        return recipe, Policy.model_validate(read_json(store, files.policy))


def close_run(
    store: ObjectStore, run: Run, state: Literal["done", "superseded"], details: Mapping[str, object]
) -> None:
    """Close a run: write how it ended first, then delete its marker. How a run ended already is not replaced."""
    document = {"state": state, "closed_at": store.now().isoformat(), **details}
    write_json_once(store, layout.RunFiles(run.run_id).closed, document)
    store.delete([layout.open_run(run.catalogue, run.run_id)])


def discard_idle_files(store: ObjectStore, run: Run) -> None:
    """Delete what a closed run without any work leaves behind, but for its documents: a shop has 35,000 a year."""
    files = layout.RunFiles(run.run_id)
    store.delete([files.recipe, files.policy, files.shop_brands, files.batch])


def is_closed(store: ObjectStore, run: Run) -> bool:
    """Tell whether it is written how the run ended; its marker may still be there."""
    return store.find(layout.RunFiles(run.run_id).closed) is not None


def _parse_run(data: bytes, run_id: str) -> Run:
    """Return a run from its document. Raises `ValueError` for one of another shape, or of another run."""
    run = replace(_RUN.validate_json(data), resumed=True)
    if run.run_id != run_id or run.started_at.tzinfo is None:
        raise ValueError(f"it is none of the run {run_id!r}")
    return run


def _document(run: Run) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "catalogue": run.catalogue,
        "scope": run.scope,
        "fingerprint": run.fingerprint,
        "started_at": run.started_at.isoformat(),
        "source": run.source,
    }
