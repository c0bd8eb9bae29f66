"""Policy in force: which policy a run of a catalogue decides by, and how the first one comes into force.

Inputs: a store, its tables, a catalogue, and the policy that a command names or does not name. Outputs: the policy to
decide by, and its record. A run takes the policy in force; a run that names another one is refused, because live images
were judged by the one in force: `policy apply` changes it. A catalogue without a record gets number 1 from its first
run:

| releases | policy named | comes into force                                                    |
| -------- | ------------ | ------------------------------------------------------------------- |
| none     | no           | the built-in default                                                |
| none     | yes          | the named one, also in place of a recorded one: nothing is live yet |
| some     | no           | the policy of the newest committed run that kept one, else number 1 |
| some     | yes          | the named one: the store is of a version that kept no records       |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import OptionError, PolicyChanged
from catalogs.policy.policy_record import FIRST_RUN, PolicyRecord
from catalogs.policy.schema import Policy, built_in_policy
from infra.interfaces import Commit, ObjectStore, TableStore
from infra.tables.data_versions import data_commits
from tasks.runs.policy_records import PolicyRecords

_FIRST_BUILT_IN = "default"
"""For a store of old whose runs kept none: a newer built-in policy is announced, and never taken by itself."""
_OLDER_STORE = "first run since policies are recorded"


@dataclass(frozen=True)
class PolicyChoice:
    """The policy of a command, and its file or built-in name as it was given; `is_named` is False for the default."""

    policy: Policy
    file: str
    is_named: bool


@dataclass(frozen=True)
class PolicyToUse:
    """The policy that a run decides by, and its record; `is_recorded` is False where this run is to write it."""

    policy: Policy
    record: PolicyRecord
    is_recorded: bool


def find_policy_to_use(
    store: ObjectStore, tables: TableStore, catalogue: str, choice: PolicyChoice, person: str
) -> PolicyToUse:
    """Return the policy that a run of the catalogue decides by, and write nothing.

    Raises `OptionError` where the command names another policy than the one in force.
    """
    current = PolicyRecords(store, catalogue).in_force()
    if current is not None and not choice.is_named:
        return PolicyToUse(current.policy, current, is_recorded=True)
    if current is not None and choice.policy.digest == current.policy.digest:
        return PolicyToUse(choice.policy, current, is_recorded=True)
    releases = data_commits(tables.history(layout.manifest_table(catalogue)))
    if current is not None and releases:
        raise OptionError(
            f"--policy: {choice.file!r} ({choice.policy.digest[:12]}) is not in force in {catalogue!r}:"
            f" {current} of {current.file!r} is, since {current.at:%Y-%m-%d %H:%M} UTC. Leave --policy out to refresh"
            f" with it, or change it first: packshot policy apply {choice.file}"
        )
    number = 1 if current is None else current.number + 1
    why = _OLDER_STORE if releases else FIRST_RUN
    found = None if choice.is_named else read_newest_policy(store, releases)
    if found is None and releases and not choice.is_named:
        found = (built_in_policy(_FIRST_BUILT_IN), _FIRST_BUILT_IN)
    policy, file = found or (choice.policy, choice.file)
    return PolicyToUse(policy, PolicyRecord(number, policy, file, person, store.now(), why), is_recorded=False)


def record_policy(store: ObjectStore, catalogue: str, found: PolicyToUse) -> None:
    """Write the record of a policy that is not recorded yet.

    Raises `PolicyChanged` where another process recorded a policy first.
    """
    if not found.is_recorded and not PolicyRecords(store, catalogue).claim(found.record):
        raise PolicyChanged(
            f"Another run of {catalogue!r} recorded policy {found.record.number} first; refresh again to use it"
        )


def read_newest_policy(store: ObjectStore, history: Sequence[Commit]) -> tuple[Policy, str] | None:
    """Return the policy of the newest commit whose run kept one, and its key; None where none is stored."""
    for commit in history:
        key = layout.RunFiles(commit.run_id).policy
        data = store.find(key) if commit.run_id else None  # another tool's commit has no run
        if data is not None:
            try:
                return Policy.model_validate_json(data), key
            except ValueError:
                continue  # another version wrote it
    return None
