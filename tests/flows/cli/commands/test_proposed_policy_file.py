"""The file of a proposal loads as a policy and replaces nothing."""

from pathlib import Path

import pytest

from catalogs.errors import OptionError
from catalogs.policy.schema import built_in_policy, load_policy
from flows.cli.commands.proposed_policy_file import write_proposed_policy


def test_a_policy_without_proposals_is_its_base_under_the_next_version(tmp_path: Path) -> None:
    out, base = tmp_path / "mine.yaml", built_in_policy()
    write_proposed_policy(out, base, None, [], "nothing")
    written = load_policy(out.read_text("utf-8"), "mine.yaml")
    assert (written.version, written.image) == (base.version + 1, base.image)
    with pytest.raises(OptionError, match=r"--out: .*cannot be written"):
        write_proposed_policy(out, base, None, [], "nothing")
