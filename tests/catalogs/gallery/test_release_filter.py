"""Release filter: which of its words restrict something."""

from catalogs.gallery.release_filter import ReleaseFilter


def test_only_words_that_restrict_something_are_named() -> None:
    assert ReleaseFilter().words() == {}
    assert ReleaseFilter(sku="A-", channel="ebay").words() == {"sku": "A-", "channel": "ebay"}
