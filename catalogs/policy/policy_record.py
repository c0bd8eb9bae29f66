"""Policy record: one policy that came into force in a catalogue, with its number, digest, file, who, when and why.

Inputs: a policy and how it came into force. Outputs: a `PolicyRecord`, to and from the JSON document that the store
keeps. Records are numbered from 1 and never changed; the one with the highest number is in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalogs.policy.schema import BUILT_IN_POLICIES, NEWEST_POLICY, Policy, built_in_policy

FIRST_RUN = "first run"
"""Why the policy of a catalogue's first run is in force."""


@dataclass(frozen=True)
class PolicyRecord:
    """One policy that came into force.

    `file` is the policy's file or built-in name as it was given, and `run_id` the run that recorded it: the applied
    policy's own run, which commits what it withdraws; empty where a refresh recorded it.
    """

    number: int
    policy: Policy
    file: str
    person: str
    at: datetime
    reason: str
    run_id: str = ""
    against_people: bool = False
    """Whether it was applied against people: acceptances of images that it refuses were taken back."""

    def __str__(self) -> str:
        """Return its number with the beginning of its digest, as errors name it."""
        return f"policy {self.number} ({self.policy.digest[:12]})"

    def document(self) -> dict[str, Any]:
        """Return plain values. The digest is written down for readers; a comparison computes it."""
        return {
            "number": self.number,
            "digest": self.policy.digest,
            "file": self.file,
            "who": self.person,
            "when": self.at.isoformat(),
            "why": self.reason,
            "run_id": self.run_id,
            **({"against_people": True} if self.against_people else {}),
            "policy": self.policy.model_dump(mode="json"),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "PolicyRecord":
        """Return the record of a document. Raises `ValueError` or `KeyError` where it is none."""
        return cls(
            number=int(document["number"]),
            policy=Policy.model_validate(document["policy"]),
            file=str(document["file"]),
            person=str(document["who"]),
            at=datetime.fromisoformat(document["when"]),
            reason=str(document["why"]),
            run_id=str(document["run_id"]),
            against_people=document.get("against_people") is True,
        )


def newer_built_in_warning(record: PolicyRecord) -> str | None:
    """Return a warning where the policy in force is a built-in one and this version ships a newer one."""
    if record.file not in BUILT_IN_POLICIES:
        return None
    newest = NEWEST_POLICY if record.file.partition("@")[0] == NEWEST_POLICY.partition("@")[0] else record.file
    if built_in_policy(newest).digest == record.policy.digest:
        return None
    return (
        f"This version of Packshot ships another built-in policy, {newest!r}, than {record}, which stays in force."
        f" See what it would change with `packshot policy try {newest}`, and take it with `packshot policy apply`"
    )
