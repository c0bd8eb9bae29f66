"""Answer folding: put answers that have an object each into one snapshot, so that reading them costs the same for ever.

Inputs: a catalogue's answers. Outputs: a snapshot that every later reader begins with, the same answers whole in the
archive, and fewer objects. Safe beside readers, writers and other folds, and killed at any moment, by its order: the
snapshot is claimed by its number, then its new answers are archived, then their objects are deleted. A killed fold is
finished by the next one.

Who folds: `packshot sweep`, and whoever writes many answers (`tasks.answers.answer_writer`). Of 10,000 answers a reader
reads a listing, a snapshot, and at most some `FOLD_ABOVE` objects. What no image needs any more leaves the snapshot in
the sweep (`tasks.answers.answer_pruning`), so its size follows the catalogue and not its age.
"""

from catalogs.answers.answer_rows import answers_to_rows
from infra.interfaces import ObjectStore
from tasks.answers.answer_archive import archive_answers
from tasks.answers.answer_objects import AnswerObject, list_answer_keys, read_answer_objects
from tasks.answers.answer_snapshots import AnswerSnapshot, claim_snapshot, drop_old_snapshots, read_answer_snapshot

FOLD_ABOVE = 40
"""Answers that a reader reads one by one at most. Of 200, a console on S3 spent two of its first page's three seconds
on them; a fold of 40 beside 100,000 that have an effect takes half a second (`bench/answers.py`)."""


def fold_answers(store: ObjectStore, catalogue: str, *, above: int = FOLD_ABOVE) -> int:
    """Fold the answers if more than `above` have an object of their own; return how many were folded."""
    if len(list_answer_keys(store, catalogue)) <= above:
        return 0
    snapshot = read_answer_snapshot(store, catalogue)
    # Listed after the snapshot was read: what is gone by then is in this snapshot, or in a later one, and then the
    # claim below fails.
    objects = list(read_answer_objects(store, list_answer_keys(store, catalogue)))
    finish_fold(store, catalogue, snapshot, objects)
    known = snapshot.tokens
    new = {each.answer.token: each for each in objects if each.answer.token not in known}
    if not new:
        return 0
    folded = snapshot.with_added(answers_to_rows(new[token].answer for token in sorted(new)))
    if not claim_snapshot(store, catalogue, folded):
        return 0  # another process folded them
    finish_fold(store, catalogue, folded, objects)
    return len(new)


def finish_fold(store: ObjectStore, catalogue: str, snapshot: AnswerSnapshot, objects: list[AnswerObject]) -> None:
    """Archive a snapshot's new answers and delete their objects, unless that was done: then there are none of them."""
    known = snapshot.tokens
    folded = [each.key for each in objects if each.answer.token in known]
    if folded:
        archive_answers(store, catalogue, f"{snapshot.number:08d}", snapshot.fresh_rows)
        store.delete(folded)
    drop_old_snapshots(store, catalogue)
