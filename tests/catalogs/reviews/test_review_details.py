"""Details begin empty: whatever is missing is left out and costs nothing else."""

from catalogs.reviews.review_details import ReviewDetails, ReviewProgress


def test_an_item_of_which_nothing_is_known_has_details_all_the_same() -> None:
    details = ReviewDetails()
    assert (details.findings, details.views, details.live, details.worst_spot) == ((), (), None, None)


def test_before_the_first_answer_there_is_no_pace() -> None:
    progress = ReviewProgress(left=3)
    assert (progress.seconds_per_answer, progress.per_hour, progress.answered_by_me) == (None, None, 0)
