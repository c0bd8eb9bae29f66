"""Nobody is measured so often that it hinders, and everybody often enough that it says something."""

from catalogs.reviews.review_options import ReviewOptions


def test_of_a_hundred_items_a_fifth_at_most_is_there_to_measure() -> None:
    options = ReviewOptions()
    measured = 100 / options.sample_every + min(options.known_per_session, 100 / options.known_every)
    assert 0 < measured + 100 * options.double_share <= 20
