"""Every Python block of the documentation runs, and every YAML block is a recipe's or a policy's."""

from pathlib import Path

import pytest
import yaml

from catalogs.policy.schema import load_policy
from catalogs.recipe.loading import load_recipe
from tests.docs.documents import Block, blocks
from tests.paths import ROOT

POLICY_PAGES = ("guides/policies.md", "reference/gates-images.md", "architecture/add-a-gate.md")
"""Where `extends: default@2` is a policy's; elsewhere it is a recipe's."""


def test_the_blocks_are_counted() -> None:
    python, rules = len(blocks("python")), len(blocks("yaml"))
    print(f"documentation: {python} Python blocks run, {rules} YAML blocks loaded")  # noqa: T201 - to be read
    assert python >= 5
    assert rules >= 5
    assert {block.language for language in ("py", "yml", "bash", "console") for block in blocks(language)} == set()


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_runs(
    block: Block, store_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(store_copy.parents[1])
    exec(compile(block.text, block.page, "exec"), {"__name__": "__main__"})  # noqa: S102 - running it is the point
    if "print(" in block.text:
        assert "BAG-502" in capsys.readouterr().out


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_yaml_block_is_accepted(block: Block) -> None:
    if block.text.startswith("extends:"):
        (load_policy if block.page.endswith(POLICY_PAGES) else load_recipe)(block.text, block.page)
        return
    base = yaml.safe_load((ROOT / "catalogs/data/recipes/default@1.yaml").read_text("utf-8"))
    load_recipe(yaml.safe_dump(base | yaml.safe_load(block.text)), block.page)
