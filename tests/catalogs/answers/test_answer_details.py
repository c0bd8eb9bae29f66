"""Details of answers: what is no text, no list and no digest is refused before anything rests on it."""

import pytest

from catalogs.answers.answer_details import require_details

CHANNEL = {"channel": "ebay", "given": True, "pixel_shas": ["ab"], "skus": ["mug"]}


def test_right_details_are_taken_and_kinds_about_images_need_none() -> None:
    require_details("channel", CHANNEL)
    require_details("release", {"run_id": "r1", "checks": [], "whole": True})
    require_details("accept", None)


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("channel", CHANNEL | {"given": "no"}),
        ("channel", CHANNEL | {"pixel_shas": ["no hex"]}),
        ("channel", CHANNEL | {"pixel_shas": "abab"}),
        ("channel", CHANNEL | {"pixel_shas": {"ab": "cd"}}),
        ("release", {"run_id": "r1"}),
        ("release", None),
        ("readmission", {"skus": [1]}),
    ],
)
def test_wrong_details_are_refused(kind: str, details: dict[str, object] | None) -> None:
    with pytest.raises((TypeError, KeyError, ValueError)):
        require_details(kind, details)
