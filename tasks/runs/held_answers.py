"""Held answers: whether all that people answered since a held batch was planned accepts what it publishes anyway.

Inputs: a held run, and the newest answer that its plan knew. Outputs: yes or no. Such answers let the batch go sooner
and change nothing in it, so the same run goes on: its page keeps its address, the time since which it waits its count,
and no catalogue is read anew. A refusal, another attempt, an undo, or a word about anything else asks for a new plan.
"""

import pyarrow.compute as pc

from catalogs.answers.answer import PLANNED_KINDS, AnswerKind
from catalogs.runs.job import Run
from catalogs.slot_states import SlotState
from infra.interfaces import ObjectStore
from tasks.answers.answer_log import read_answers
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import read_batch_decisions


def only_accepts_held_images(store: ObjectStore, run: Run, since: str) -> bool:
    """Tell whether a run is held, and every answer later than the token `since` accepts an image that it publishes."""
    if not runs.held_checks(store, run):
        return False
    newer = [each for each in read_answers(store, run.catalogue, kinds=PLANNED_KINDS) if each.token > since]
    decisions = read_batch_decisions(store, run)
    published = decisions.filter(pc.equal(decisions["state"], SlotState.PUBLISH))
    columns = ("image_key", "finish_digest", "finished_sha")
    images = set(zip(*(published[name].to_pylist() for name in columns), strict=True))
    return all(each.kind == AnswerKind.ACCEPT and each.image and each.image.key in images for each in newer)
