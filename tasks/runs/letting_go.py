"""Letting go: a person's word on a held batch, checked and written; publishing it is another process's work.

Inputs: a held run, the checks that may fail, a reason, what of the batch goes. Outputs: the `HeldRelease` that stands.
The same for the command line and for the console, which opens no engine and no signer: whoever publishes finds the word
in the store, and so does the next refresh.
"""

from collections.abc import Sequence

import pyarrow as pa

from catalogs.errors import OptionError
from catalogs.near_matches import near_match
from catalogs.runs.held_selection import WHOLE, HeldSelection, published_skus, select_released
from catalogs.runs.job import Run
from infra.interfaces import ObjectStore
from tasks.answers.answer_log import read_standing_answers
from tasks.runs import run_state as runs
from tasks.runs.commit_guard import require_policy_in_force
from tasks.runs.held_decisions import HeldRelease, complete_release, find_release, read_decisions, record_release
from tasks.runs.held_releases import accept_checks


def require_releasable(store: ObjectStore, run: Run, accepted_checks: Sequence[str]) -> None:
    """Raise `OptionError` unless exactly these checks hold the run, and `PolicyChanged` where it must be decided anew.

    Checks that were accepted with a part that was let go before need no second word.
    """
    held, before = runs.held_checks(store, run), find_release(store, run)
    if not held or not runs.is_run_open(store, run):
        raise OptionError(f"The run {run.run_id} is not held; there is nothing to release")
    settled = set(before.checks) if before is not None else set()
    unknown = sorted(set(accepted_checks) - set(held) - settled)
    missing = sorted(set(held) - set(accepted_checks) - settled)
    if unknown:
        raise OptionError(f"--accept: {unknown[0]!r} does not hold the run {run.run_id}; these do: {', '.join(held)}")
    if missing:
        also = "also " if accepted_checks else ""
        raise OptionError(f"The run {run.run_id} is {also}held by {', '.join(missing)}; accept each check by its name")
    _, policy = runs.load_frozen_rules(store, run.run_id)
    require_policy_in_force(store, run, policy)


def let_go(
    store: ObjectStore, run: Run, checks: Sequence[str], reason: str, person: str, selection: HeldSelection = WHOLE
) -> HeldRelease:
    """Write what goes, then that its checks are accepted, and return the word that stands: the first one's.

    Raises `OptionError` where nothing of the batch would go, or the reason is missing.
    """
    require_releasable(store, run, checks)
    before = find_release(store, run)
    if not reason.strip() and (before is None or checks):
        raise OptionError("--reason: say why the batch may go; the answer is kept with the run")
    if before is None:
        decisions = read_decisions(store, run)
        _require_known_skus(decisions, selection)
        requests = decisions["request_key"].unique()
        part = select_released(decisions, read_standing_answers(store, run.catalogue, request_keys=requests), selection)
        if not selection.is_whole and not published_skus(part.decisions):
            raise OptionError(
                f"Nothing of the run {run.run_id} would go: nobody has accepted an image of it, or people refused those"
                " that are named. Look at them in `packshot review`, or let it go without --only and --accepted-only"
            )
        record_release(store, run, checks, reason, person, part)
    release = complete_release(store, run)
    assert release is not None  # noqa: S101 - it was written just now, and nothing deletes it while the run is open
    if further := set(checks) - set(release.checks):  # they hold the part that was let go
        accept_checks(store, run, sorted(further), reason, person)
    return release


def _require_known_skus(decisions: pa.Table, selection: HeldSelection) -> None:
    """Raise `OptionError` for a SKU of which the batch publishes nothing."""
    known = published_skus(decisions) if selection.only or selection.without else []
    for option, named in (("--only", selection.only), ("--except", selection.without)):
        if unknown := sorted(named - set(known)):
            near = near_match(unknown[0], known)
            hint = f"; did you mean {near!r}?" if near else ""
            raise OptionError(f"{option}: the batch has no image of {unknown[0]!r} to publish{hint}")
