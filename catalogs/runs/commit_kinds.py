"""Kinds of manifest commits, as the commit metadata names them under `kind`.

Inputs: none. Outputs: constants. They stand in the logs of existing tables, so their values must not change. Each kind
says which task made a release; a commit by another tool has none.
"""

RELEASE_KIND = "release"
"""A run published its batch."""
ROLLBACK_KIND = "rollback"
"""What an earlier release showed is live again, or what one commit changed is taken back."""
POLICY_KIND = "policy"
"""A policy came into force, and the images that it refuses were withdrawn; without rows where it refuses none."""
APPROVAL_KIND = "approval"
"""A person gave or revoked an approval for a channel."""
ANSWERS_KIND = "answers"
"""People took published images back: they refused them, or undid an acceptance."""
READMISSION_KIND = "readmission"
"""A person let images be published again that a rollback took away: outcomes only, no manifest commit."""
FENCE_KIND = "fence"
"""No rows: a run whose lease had lapsed was taken over, and its former process can no longer commit."""
COMPACTION_KIND = "compaction"
"""No rows changed: many small files of the table were merged into few."""

UNDONE = "undone"
"""In a rollback's commit metadata: the versions that it took back, where it showed no earlier release again."""
