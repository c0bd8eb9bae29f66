"""What a person may ask of a rollback, and which killed rollback an asked one completes."""

import pytest

from catalogs.errors import OptionError
from catalogs.runs.rollback_selection import RollbackSelection


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": 3, "run_id": "r2"}, "--to goes back to a release and --run takes one run back"),
        ({"run_id": "r2", "drop_new": True}, "with --run, or --sku alone, what is new goes anyway"),
        ({"skus": ("shirt",), "drop_new": True}, "with --run, or --sku alone, what is new goes anyway"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        RollbackSelection(**options)  # type: ignore[arg-type]


def test_single_commits_are_taken_back_for_a_run_and_for_skus_without_a_release() -> None:
    assert RollbackSelection(run_id="r2").takes_commits_back
    assert RollbackSelection(skus=("shirt",)).takes_commits_back
    assert not RollbackSelection(to=1, skus=("shirt",), drop_new=True).takes_commits_back
    assert not RollbackSelection().takes_commits_back


def test_a_killed_rollback_is_completed_by_the_same_words_or_by_its_release_by_number() -> None:
    asked = RollbackSelection()
    details = {"target": 4, "asked": None, "selection": asked.document}
    assert asked.is_completed_by(details)
    assert RollbackSelection(to=4).is_completed_by(details)
    assert not RollbackSelection(to=3).is_completed_by(details)
    assert not RollbackSelection(drop_new=True).is_completed_by(details)
    assert not RollbackSelection(skus=("shirt",)).is_completed_by(details)


def test_a_killed_rollback_of_a_version_that_knew_whole_releases_only_is_completed_too() -> None:
    details = {"target": 4, "asked": None}
    assert RollbackSelection().is_completed_by(details)
    assert RollbackSelection(to=4).is_completed_by(details)
    assert not RollbackSelection(to=4, skus=("shirt",)).is_completed_by(details)
