"""No key leads out of a store, whatever text it is made of."""

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.stores.key_validation import MAX_KEY_BYTES, check_key, check_prefix


@given(st.text(max_size=80) | st.lists(st.sampled_from(["..", ".", "", "a", "é", ".tmp-", "\\", "\n"])).map("/".join))
@example("a/../..")
@example("\ud800")
def test_an_accepted_key_stays_inside(text: str) -> None:
    try:
        key = check_key(text)
    except ValueError:
        return
    assert key == text
    assert posixpath.normpath(f"/store/{key}") == f"/store/{key}"
    assert "\0" not in key
    key.encode("utf-8")
    assert check_prefix(key) == key


def test_a_key_may_be_as_long_as_s3_takes() -> None:
    assert check_key("é" * (MAX_KEY_BYTES // 2))
    with pytest.raises(ValueError, match="longer than the 1024 bytes"):
        check_key("é" * (MAX_KEY_BYTES // 2) + "x")


def test_a_prefix_may_be_empty_or_end_anywhere() -> None:
    for prefix in ("", "a", "a/", "a/b-", "a..b/"):
        assert check_prefix(prefix) == prefix
