"""Commit guard: whether a run may still commit, asked just before each of its commits.

Inputs: a run, the policy that decided its batch, and the check of the leases under which it works. Outputs: nothing, or
the error that says why not. A process that was suspended past its leases wakes up here: another one may have taken its
run over, closed it, or published a newer one. The guard is asked after the version was read that the commit builds on,
and taking a run over commits a mark first (`tasks.runs.fencing`), so a commit that passes the guard too early
loses its race and is asked again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from catalogs.errors import PolicyChanged
from catalogs.policy.schema import Policy
from catalogs.runs.job import Run
from infra.errors import LeaseLost
from infra.interfaces import ObjectStore
from tasks.runs import run_state as runs
from tasks.runs.policy_records import PolicyRecords


@dataclass(frozen=True)
class CommitGuard:
    """The conditions under which a run may commit and be closed.

    `check_leases` raises `LeaseLost` where the run's lease, or the catalogue's of a full run, was taken over.
    """

    store: ObjectStore
    run: Run
    policy: Policy
    check_leases: Callable[[], None]

    def check_run(self) -> None:
        """Raise `LeaseLost` where this process may not write for the run any more."""
        self.check_leases()
        if not runs.is_run_open(self.store, self.run):
            raise LeaseLost(
                f"The run {self.run.run_id} was taken over and closed by another process while this one stood still;"
                " nothing more was written for it. Give the command again"
            )

    def check(self) -> None:
        """Raise as `check_run` does, and `PolicyChanged` where another policy came into force since."""
        self.check_run()
        require_policy_in_force(self.store, self.run, self.policy)


def require_policy_in_force(store: ObjectStore, run: Run, policy: Policy) -> None:
    """Raise `PolicyChanged` where a run's policy is not the one in force; a store without records has none in force."""
    current = PolicyRecords(store, run.catalogue).in_force()
    if current is not None and current.policy.digest != policy.digest:
        raise PolicyChanged(
            f"The batch of the run {run.run_id} was decided by another policy ({policy.digest[:12]}) than {current},"
            f" which is in force since {current.at:%Y-%m-%d %H:%M} UTC; refresh again, and the batch is decided anew"
        )
