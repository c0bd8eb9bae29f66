"""The kinds of manifest commits are read back from the logs of existing tables."""

from catalogs.runs.commit_kinds import (
    APPROVAL_KIND,
    COMPACTION_KIND,
    FENCE_KIND,
    POLICY_KIND,
    READMISSION_KIND,
    RELEASE_KIND,
    ROLLBACK_KIND,
)


def test_the_kinds_of_commits_keep_the_values_that_stand_in_existing_logs() -> None:
    kinds = (RELEASE_KIND, ROLLBACK_KIND, POLICY_KIND, APPROVAL_KIND, READMISSION_KIND, FENCE_KIND, COMPACTION_KIND)
    assert kinds == ("release", "rollback", "policy", "approval", "readmission", "fence", "compaction")
