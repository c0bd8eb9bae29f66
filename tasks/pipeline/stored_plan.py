"""Stored plan: the plan in a run's folder, and whether it still is what a run should carry out.

Inputs: a store, a run. Outputs: its `Plan`, None where a run was killed before the plan was whole; yes or no.
"""

from catalogs import layout
from catalogs.planning.plan import Plan
from catalogs.runs.job import Run
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json
from infra.stores.stored_documents import reading
from infra.tables.data_versions import has_new_data
from tasks.answers.answer_log import read_newest_token
from tasks.runs.held_answers import only_accepts_held_images


def load_plan(store: ObjectStore, run_id: str) -> Plan | None:
    """Return the plan in a run's folder; None where the run was killed before its plan was whole."""
    key = layout.RunFiles(run_id).plan
    if not store.exists(key):
        return None
    with reading(key, "a plan"):
        return Plan.from_document(read_json(store, key))


def is_plan_current(store: ObjectStore, tables: TableStore, run: Run) -> bool:
    """Tell whether a run's plan is whole, leaves nothing to others, and was made against the release that is live.

    Versions that change no rows (compactions, marks) leave a plan current. A run whose plan is not current is replaced
    by a new one, which costs only its plan, as it finds all staged images: files of a plan that was never whole would
    be read as parts of the next, rows planned against an older image end as superseded, and slots that were left to
    another run may have been left since, by a run that died.
    """
    plan = load_plan(store, run.run_id)
    if plan is None or plan.slots.in_progress:
        return False
    manifest = layout.manifest_table(run.catalogue)
    return not has_new_data(tables, manifest, plan.base_version or 0)  # version 0 is empty


def knows_all_answers(store: ObjectStore, run: Run) -> bool:
    """Tell whether a newer plan would be no other for what was answered since a run's own was made."""
    plan = load_plan(store, run.run_id)
    if plan is None or plan.newest_answer == read_newest_token(store, run.catalogue):
        return plan is not None
    return only_accepts_held_images(store, run, plan.newest_answer)
