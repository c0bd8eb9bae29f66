"""A cutter is opened when its version is wanted, and one that is not here is said with what to do."""

from pathlib import Path

import pytest

from catalogs.recipe.loading import built_in_recipe
from flows.wiring.cutter_versions import CutterVersions, require_cutters
from infra.cutout.plain_ground import PlainGroundCutter
from infra.errors import CutterUnusable
from infra.settings import Settings


def test_versions_are_those_of_the_cutters() -> None:
    versions = CutterVersions(("plain-ground",), Settings())
    assert dict(versions) == {"plain-ground": PlainGroundCutter().version}
    with pytest.raises(KeyError):
        versions["u2netp"]


def test_names_are_told_without_opening_anything() -> None:
    versions = CutterVersions(("gone", "plain-ground"), Settings(cutters="gone=gone.onnx"))
    assert (list(versions), len(versions)) == (["gone", "plain-ground"], 2)
    with pytest.raises(CutterUnusable, match=r"The cutter 'gone' cannot be used: .*recipe's photo.cutters\.$"):
        versions["gone"]


def test_weights_that_are_not_there_are_said_before_a_run(tmp_path: Path) -> None:
    with pytest.raises(CutterUnusable, match=r"'u2netp' cannot be used.*PACKSHOT_CUTOUT_WEIGHTS"):
        require_cutters(built_in_recipe(), Settings(cutout_weights=str(tmp_path / "gone.onnx")))
