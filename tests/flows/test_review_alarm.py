"""The flow that an automation starts: its state says that people are late, and fails nothing."""

import pytest

from flows.review_alarm import OVERDUE, review_alarm


@pytest.mark.slow
def test_the_run_is_named_overdue_and_completed(prefect_api: str) -> None:
    state = review_alarm("home", "People are late: 7 slots wait", return_state=True)
    assert (state.name, state.is_completed(), state.message) == (OVERDUE, True, "People are late: 7 slots wait")
