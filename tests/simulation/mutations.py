"""Mutations: the mends of some faults taken out again, one by one, to prove that the simulation finds each.

Inputs: a fault's name. Outputs: a context in which the product behaves as it did before that mend. Each replaces the
one function that is the mend.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

import flows.run.recovery
import tasks.amendments.rollback
import tasks.answers.answer_folding
import tasks.pipeline.plan
import tasks.runs.commit_guard
from catalogs.answers.answer import AnswerKind
from catalogs.answers.answer_verdicts import answer_verdict
from catalogs.answers.standing_answers import StandingAnswer
from catalogs.planning.planned_elsewhere import PlannedElsewhere
from catalogs.runs import answered_attempts
from catalogs.runs.manifest_diff import ManifestDiff
from catalogs.table_schemas import WITHDRAWALS
from catalogs.verdict import Verdict
from tasks.gates.attempt_selection import AttemptSelector
from tasks.runs.commit_guard import CommitGuard

Patch = Callable[[pytest.MonkeyPatch], None]


def _decide_by_an_older_policy(patch: pytest.MonkeyPatch) -> None:
    """A3: a batch that an older policy decided is committed."""
    patch.setattr(tasks.runs.commit_guard, "require_policy_in_force", lambda *_: None)


def _restore_what_a_policy_refuses(patch: pytest.MonkeyPatch) -> None:
    """A3: a rollback shows again what a policy took away."""
    patch.setattr(tasks.amendments.rollback, "find_refused_images", lambda *_: WITHDRAWALS.empty_table())


def _drop_what_is_new(patch: pytest.MonkeyPatch) -> None:
    """A4: going back to a release takes away what is new since."""
    patch.setattr(ManifestDiff, "keeping_new_slots", lambda diff: diff)


def _plan_what_others_make(patch: pytest.MonkeyPatch) -> None:
    """A6: no run knows what another one has planned."""
    patch.setattr(tasks.pipeline.plan, "read_planned_elsewhere", lambda *_: PlannedElsewhere(()))


def _compare_with_what_moves_away(patch: pytest.MonkeyPatch) -> None:
    """A7: live images of slots that a run decides are out of the comparison, also where they stay."""
    patch.setattr(AttemptSelector, "_find_staying", lambda *_: frozenset())


def _look_before_the_marker(patch: pytest.MonkeyPatch) -> None:
    """A9: a rollback looks whether its images are there, and then writes the marker that keeps a sweep from them."""
    module: Any = tasks.amendments.rollback
    compute, require_kept, require_objects = module._compute, module._require_kept, module._require_objects

    def compute_and_look(store: Any, tables: Any, catalogue: str, plan: Any) -> Any:
        base, diff, withheld = compute(store, tables, catalogue, plan)
        require_kept(store, catalogue, plan)
        require_objects(store, diff.restored["object"].to_pylist(), plan.target)
        return base, diff, withheld

    patch.setattr(module, "_compute", compute_and_look)
    patch.setattr(module, "_require_kept", lambda *_: None)
    patch.setattr(module, "_require_objects", lambda *_: None)


def _commit_without_leases(patch: pytest.MonkeyPatch) -> None:
    """A10: leases and marker are not asked before a commit, and taking a run over commits nothing."""
    patch.setattr(CommitGuard, "check_run", lambda _: None)
    patch.setattr(flows.run.recovery, "fence_run", lambda *_: None)


def _leave_refused_images_live(patch: pytest.MonkeyPatch) -> None:
    """A live image that a person refused stays."""
    patch.setattr(flows.run.recovery, "withdraw_taken_back", lambda *_: None)


def _publish_nothing_by_people(patch: pytest.MonkeyPatch) -> None:
    """An accepted image stays where the gates put it."""
    patch.setattr(answered_attempts, "answer_verdict", _by_the_gates)


def _fold_without_the_archive(patch: pytest.MonkeyPatch) -> None:
    """A fold keeps nothing in the archive, so what a sweep forgets is gone."""
    patch.setattr(tasks.answers.answer_folding, "archive_answers", lambda *_: None)


def _by_the_gates(standing: StandingAnswer) -> Verdict:
    """Return review where a person has accepted, and the answer's own verdict otherwise."""
    is_accepted = standing.verdict == AnswerKind.ACCEPT
    return Verdict("REVIEW", ("blurred",)) if is_accepted else answer_verdict(standing)


MUTATIONS: Mapping[str, Patch] = {
    "A3": _decide_by_an_older_policy,
    "A3-rollback": _restore_what_a_policy_refuses,
    "A4": _drop_what_is_new,
    "A6": _plan_what_others_make,
    "A7": _compare_with_what_moves_away,
    "A9": _look_before_the_marker,
    "A10": _commit_without_leases,
    "refused-stays": _leave_refused_images_live,
    "accepted-waits": _publish_nothing_by_people,
    "answer-lost": _fold_without_the_archive,
}
"""Name of a fault -> the patch that brings it back."""


@contextmanager
def mutated(name: str | None) -> Iterator[None]:
    """Bring a fault back until the block ends; None: none."""
    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            MUTATIONS[name](patch)
        yield
