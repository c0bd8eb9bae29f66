"""The kinds of manifest commits are read back from the logs of existing tables."""

from catalogs.runs.commit_kinds import APPROVAL_KIND, POLICY_KIND, ROLLBACK_KIND


def test_the_kinds_of_commits_keep_the_values_that_stand_in_existing_logs() -> None:
    assert (ROLLBACK_KIND, POLICY_KIND, APPROVAL_KIND) == ("rollback", "policy", "approval")
