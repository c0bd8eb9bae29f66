"""Held releases: which failed checks people have accepted, so that a held batch may go.

Inputs: a store, a catalogue, a run. Outputs: the accepted checks, by run. An acceptance is an answer like any other
(`catalogs.answers`); those of earlier versions are read as such.
"""

from collections.abc import Mapping, Sequence

from catalogs.answers.answer import Answer, AnswerKind
from catalogs.runs.job import Run
from infra.interfaces import ObjectStore
from tasks.answers.answer_log import read_answers, write_answer


def accept_checks(store: ObjectStore, run: Run, checks: Sequence[str], reason: str, person: str) -> Answer:
    """Record that a person accepts the failed checks, so that the held batch may be released."""
    details = {"run_id": run.run_id, "checks": sorted(checks)}
    return write_answer(store, run.catalogue, Answer(AnswerKind.RELEASE, person, store.now(), reason, details=details))


def accepted_checks(store: ObjectStore, run: Run) -> set[str]:
    """Return the checks that people have accepted for this run."""
    return read_accepted_checks(store, run.catalogue).get(run.run_id, set())


def read_accepted_checks(store: ObjectStore, catalogue: str) -> Mapping[str, set[str]]:
    """Return the checks that people have accepted, by run."""
    accepted: dict[str, set[str]] = {}
    for answer in read_answers(store, catalogue, kinds={AnswerKind.RELEASE}):
        details = answer.details or {}
        accepted.setdefault(details["run_id"], set()).update(details["checks"])
    return accepted
