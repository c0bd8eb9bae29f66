"""Job policy: the policy that a refresh decides by, which is the one in force in its catalogue.

Inputs: a job, the policy that its command names or does not name, and a store. Outputs: the job under the policy in
force, warnings for its report, and a loop that starts a run again where another policy comes into force meanwhile.
"""

import getpass
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from catalogs.errors import PolicyChanged
from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS
from catalogs.policy.policy_record import newer_built_in_warning
from catalogs.policy.schema import NEWEST_POLICY
from catalogs.runs.job import RefreshJob
from infra.interfaces import ObjectStore, TableStore
from tasks.pipeline.learn_brands import learn_first_brands
from tasks.runs.job_source import open_job_source
from tasks.runs.policy_in_force import PolicyChoice, PolicyToUse, find_policy_to_use
from tasks.runs.shop_brand_records import ShopBrandRecords

DEFAULT_POLICY = NEWEST_POLICY

RunJob = Callable[[RefreshJob, PolicyChoice, Sequence[str]], dict[str, Any]]
"""Runs a job to its end: with the policy that its command names, and warnings for its report."""


def choose_policy(job: RefreshJob, name: str | None) -> PolicyChoice:
    """Return the policy that a command names by its file or built-in name; None is the default, which is not named."""
    return PolicyChoice(job.policy, name or DEFAULT_POLICY, is_named=name is not None)


def take_policy_in_force(
    store: ObjectStore, tables: TableStore, job: RefreshJob, choice: PolicyChoice
) -> tuple[RefreshJob, list[str]]:
    """Return the job under the policy in force, with the shop's brands, and warnings.

    Raises `OptionError` where the command names another policy.
    """
    found = find_policy_to_use(store, tables, job.catalogue, choice, current_person())
    warning = newer_built_in_warning(found.record) if found.is_recorded else None
    return take_shop_brands(store, replace(job, policy=found.policy)), [] if warning is None else [warning]


def take_shop_brands(store: ObjectStore, job: RefreshJob) -> RefreshJob:
    """Return the job with the newest fact which brands its shop sells, where its policy asks for that.

    A full run of a catalogue of which nothing is recorded learns the first fact from its own rows, before it judges.
    """
    if job.policy.brands.own != "shop":
        return job
    fact = ShopBrandRecords(store, job.catalogue).newest()
    if fact is None and job.scope == "full":
        fact = learn_first_brands(job, open_job_source(job), store)
    return replace(job, shop_brands=fact or NO_SHOP_BRANDS)


def require_policy_of_job(
    store: ObjectStore, tables: TableStore, job: RefreshJob, choice: PolicyChoice | None
) -> PolicyToUse:
    """Return the policy in force, which is the job's. Raises `PolicyChanged` where it has become another.

    Without a choice, the job's own policy counts as named.
    """
    choice = choice or PolicyChoice(job.policy, "the job's policy", is_named=True)
    found = find_policy_to_use(store, tables, job.catalogue, choice, current_person())
    if found.policy.digest != job.policy.digest:
        raise PolicyChanged(f"{str(found.record).capitalize()} came into force in {job.catalogue!r}; refresh again")
    return found


def run_under_policy_in_force(
    store: ObjectStore, tables: TableStore, job: RefreshJob, choice: PolicyChoice, run_job: RunJob
) -> dict[str, Any]:
    """Run a job under the policy in force, again under each one that comes into force before its commit.

    The run that was decided by the older policy is closed as superseded. The next one finds its images and scores by
    content, so it generates nothing again. A report of a run that was started again says so.
    """
    restarts: list[str] = []
    while True:
        job, warnings = take_policy_in_force(store, tables, job, choice)
        try:
            return run_job(job, choice, [*restarts, *warnings])
        except PolicyChanged as error:
            restarts.append(f"Started again under the policy in force. {error}")
            choice = replace(choice, is_named=False)


def current_person() -> str:
    """Return the name of the user, for records of who decided; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
