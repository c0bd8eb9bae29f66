"""Kinds of manifest commits, as the commit metadata names them under `kind`.

Inputs: none. Outputs: constants. They stand in the logs of existing tables, so their values must not change. Each kind
says which task made a release; a commit by another tool has none.
"""

ROLLBACK_KIND = "rollback"
"""An earlier release is live again."""
POLICY_KIND = "policy"
"""Images that a newly applied policy refuses were withdrawn."""
APPROVAL_KIND = "approval"
"""A person gave or revoked an approval for a channel."""
