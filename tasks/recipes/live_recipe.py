"""Live recipe: the recipe by which a catalogue's newest release was made.

Inputs: a store, its tables, a catalogue. Outputs: the recipe that the release's run froze, and the run's id; None where
no release of a run that kept its recipe is left. A rollback or a policy's commit made no images, so the run before it
counts.
"""

from catalogs import layout
from catalogs.recipe.schema import Recipe
from infra.interfaces import ObjectStore, TableStore
from tasks.runs.release_history import data_commits
from tasks.runs.run_state import load_frozen_rules


def find_live_recipe(store: ObjectStore, tables: TableStore, catalogue: str) -> tuple[str, Recipe] | None:
    """Return the run's id and its recipe."""
    for commit in data_commits(tables.history(layout.manifest_table(catalogue))):
        if commit.run_id and store.exists(layout.RunFiles(commit.run_id).recipe):
            return commit.run_id, load_frozen_rules(store, commit.run_id)[0]
    return None
