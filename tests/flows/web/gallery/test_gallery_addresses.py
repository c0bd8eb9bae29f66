"""Gallery addresses: escaped, and read back as they were written."""

from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import OptionError
from catalogs.gallery.release_filter import ReleaseFilter
from flows.web.gallery.gallery_addresses import MAX_FILTER_CHARACTERS, GalleryAddresses, parse_filter

ADDRESSES = GalleryAddresses("shoes")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.builds(ReleaseFilter, WORDS, WORDS, WORDS, WORDS, WORDS), st.integers(0, 10))
def test_a_filter_is_read_back_from_its_address(wanted: ReleaseFilter, start: int) -> None:
    address = ADDRESSES.release(7, wanted, start)
    assert not set(address) & set('"<>\n')
    query = dict(parse_qsl(urlsplit(unescape(address)).query, keep_blank_values=True))
    assert parse_filter(query) == wanted
    assert int(query.get("start", 0)) == start


def test_addresses_name_release_and_slot_alone() -> None:
    slot = bytes(range(16))
    assert ADDRESSES.picture(7, slot) == f"/catalogues/shoes/gallery/7/pictures/{slot.hex()}"
    assert ADDRESSES.changes(7, "new", 60) == "/catalogues/shoes/gallery/7/changes?kind=new&amp;start=60"
    assert GalleryAddresses("a b").releases() == "/catalogues/a%20b/gallery/releases"


def test_a_word_that_no_image_can_have_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match="view: 501 characters are too many; give at most 500"):
        parse_filter({"view": "x" * (MAX_FILTER_CHARACTERS + 1)})
