"""Proposed policy file: the file that `policy calibrate --out` writes, whatever the proposals were made from.

Inputs: the policy that was calibrated and its file or name, the proposals, where they come from. Outputs: a new file
that loads as a policy; a file that is there already is never written over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalogs.errors import OptionError

if TYPE_CHECKING:
    from catalogs.policy.proposed_policy import ProposedThreshold
    from catalogs.policy.schema import Policy


def write_proposed_policy(
    out: Path, base_policy: "Policy", name: str | None, proposals: "Sequence[ProposedThreshold]", source: str
) -> None:
    """Write a policy with the proposals; `name` is the file or built-in policy that it is based on."""
    import yaml

    from catalogs.policy.proposed_policy import policy_with_proposals
    from catalogs.policy.schema import BUILT_IN_POLICIES, NEWEST_POLICY, load_policy
    from catalogs.rule_files import parse_yaml_mapping

    built_in = name is None or name in BUILT_IN_POLICIES
    content = (
        {"extends": name or NEWEST_POLICY}
        if built_in
        else parse_yaml_mapping(Path(str(name)).read_text("utf-8"), str(name))
    )
    today = datetime.now(UTC).date()
    changed = policy_with_proposals(content, base_policy, proposals, f"{source}, {today}")
    text = "# Proposed by packshot policy calibrate. Look at it, then give it to refresh by --policy.\n"
    text += yaml.safe_dump(changed, sort_keys=False, allow_unicode=True, width=110)
    load_policy(text, str(out))
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OptionError(f"--out: {str(out)!r} cannot be written ({error.strerror})") from None
