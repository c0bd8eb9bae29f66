"""Thresholds rise, and a score at a limit passes."""

import pytest
from pydantic import ValidationError

from catalogs.thresholds import Thresholds


def test_a_score_is_decided_by_the_outermost_limit_that_it_is_beyond() -> None:
    limits = Thresholds(block_below=1, review_below=2, review_above=8, block_above=9)
    decisions = [limits.decision_for(score) for score in (0.9, 1, 1.9, 2, 8, 8.1, 9, 9.1)]
    assert decisions == ["BLOCK", "REVIEW", "REVIEW", "PASS", "PASS", "REVIEW", "REVIEW", "BLOCK"]


def test_limits_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValidationError, match="thresholds must rise"):
        Thresholds(block_below=2, review_below=1)
