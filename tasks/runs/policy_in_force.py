"""Policy in force: which policy a run of a catalogue decides by, and how the first one comes into force.

Inputs: a store, its tables, a catalogue, and the policy that a command names or does not name. Outputs: the record of
the policy in force. A run takes it; a run that names another policy is refused, because live images were judged by the
one in force: `policy apply` changes it. A catalogue without a record gets number 1 from its first run:

| releases | policy named | comes into force                                                   |
| -------- | ------------ | ------------------------------------------------------------------ |
| none     | no           | the built-in default                                               |
| none     | yes          | the named one, also in place of a recorded one: nothing is live yet |
| some     | no           | the policy of the newest committed run that kept one               |
| some     | yes          | the named one: the store is of a version that kept no records      |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.policy.policy_record import FIRST_RUN, PolicyRecord
from catalogs.policy.schema import Policy
from catalogs.runs.commit_kinds import FENCE_KIND
from infra.interfaces import Commit, ObjectStore, TableStore
from tasks.runs.policy_records import PolicyRecords

_OLDER_STORE = "first run since policies are recorded"


@dataclass(frozen=True)
class PolicyChoice:
    """The policy of a command, and its file or built-in name as it was given; `is_named` is False for the default."""

    policy: Policy
    file: str
    is_named: bool


def settle_policy(
    store: ObjectStore, tables: TableStore, catalogue: str, choice: PolicyChoice, person: str
) -> PolicyRecord:
    """Return the record of the policy in force, which this call writes where there is none.

    Raises `OptionError` where the command names another policy than the one in force.
    """
    records = PolicyRecords(store, catalogue)
    while True:
        current, record = _settle_policy(store, tables, records, choice, person)
        if record == current or records.claim(record):
            return record


def find_policy_to_use(
    store: ObjectStore, tables: TableStore, catalogue: str, choice: PolicyChoice, person: str
) -> PolicyRecord:
    """Return what `settle_policy` would, and write nothing: for a dry run."""
    return _settle_policy(store, tables, PolicyRecords(store, catalogue), choice, person)[1]


def _settle_policy(
    store: ObjectStore, tables: TableStore, records: PolicyRecords, choice: PolicyChoice, person: str
) -> tuple[PolicyRecord | None, PolicyRecord]:
    """Return the policy in force so far, and the one to use; they are the same where nothing is to be recorded."""
    current = records.in_force()
    if current is not None and (not choice.is_named or choice.policy.digest == current.policy.digest):
        return current, current
    releases = [
        commit
        for commit in tables.history(layout.manifest_table(records.catalogue))
        if commit.version > 0 and commit.metadata.get("kind") != FENCE_KIND
    ]
    if current is not None and releases:
        raise OptionError(
            f"--policy: {choice.file!r} ({choice.policy.digest[:12]}) is not in force in {records.catalogue!r}:"
            f" {current} of {current.file!r} is, since {current.at:%Y-%m-%d %H:%M} UTC. Leave --policy out to refresh"
            f" with it, or change it first: packshot policy apply {choice.file}"
        )
    number = 1 if current is None else current.number + 1
    why = _OLDER_STORE if releases else FIRST_RUN
    found = None if choice.is_named else read_newest_policy(store, releases)
    policy, file = found or (choice.policy, choice.file)
    return current, PolicyRecord(number, policy, file, person, store.now(), why)


def read_newest_policy(store: ObjectStore, history: Sequence[Commit]) -> tuple[Policy, str] | None:
    """Return the policy of the newest commit whose run kept one, and its key; None where none is stored."""
    for commit in history:
        key = layout.RunFiles(commit.run_id).policy
        data = store.find(key)
        if data is not None:
            try:
                return Policy.model_validate_json(data), key
            except ValueError:
                continue  # another version wrote it
    return None
