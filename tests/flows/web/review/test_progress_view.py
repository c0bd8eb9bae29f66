"""Progress in words: what is known is said, what is not known is left out."""

from catalogs.reviews.review_details import ReviewProgress
from flows.web.review.progress_view import view_progress


def test_before_the_first_answer_only_what_is_left_is_said() -> None:
    assert view_progress(ReviewProgress(1234)).lines == (("1,234", "left"),)


def test_after_some_answers_pace_and_company_are_said() -> None:
    progress = ReviewProgress(7, 20, 31, 3.94, 612.4, others=("Ben", "Cleo"))
    assert view_progress(progress).lines == (
        ("7", "left"),
        ("20", "answered by you"),
        ("31", "by all"),
        ("3.9 s", "an answer"),
        ("612", "an hour"),
        ("Ben, Cleo", "beside you"),
    )


def test_who_answers_alone_is_not_told_twice() -> None:
    assert ("20", "by all") not in view_progress(ReviewProgress(7, 20, 20)).lines
