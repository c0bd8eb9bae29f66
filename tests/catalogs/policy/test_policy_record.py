"""The record of a policy in force keeps the whole policy, and says who put it in force, when and why."""

import json
from datetime import UTC, datetime

from catalogs.policy.policy_record import FIRST_RUN, PolicyRecord, newer_built_in_warning
from catalogs.policy.schema import built_in_policy

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
POLICY = built_in_policy()


def record(file: str = "default", version: int = POLICY.version) -> PolicyRecord:
    policy = POLICY.model_copy(update={"version": version})
    return PolicyRecord(1, policy, file, "ada", AT, FIRST_RUN)


def test_a_record_is_read_back_with_the_same_policy_and_digest() -> None:
    document = json.loads(json.dumps(record("strict.yaml").document()))
    assert {name: document[name] for name in ("number", "file", "who", "when", "why", "digest")} == {
        "number": 1,
        "file": "strict.yaml",
        "who": "ada",
        "when": "2026-03-01T02:00:00+00:00",
        "why": "first run",
        "digest": POLICY.digest,
    }
    found = PolicyRecord.from_document(document)
    assert (found, found.policy.digest) == (record("strict.yaml"), POLICY.digest)
    assert str(found) == f"policy 1 ({POLICY.digest[:12]})"


def test_a_newer_built_in_policy_is_announced_and_a_file_of_ones_own_never() -> None:
    assert newer_built_in_warning(record("default@2")) is None
    older = POLICY.version - 1
    for file in ("default", "default@1", "default@2"):
        warning = newer_built_in_warning(record(file, version=older))
        assert warning is not None
        assert "packshot policy try default@2" in warning
        assert "stays in force" in warning
    assert newer_built_in_warning(record("default.yaml", version=older)) is None
