"""A store's layout: known numbers are taken, a newer one is refused with what to do."""

from typing import Any

import pytest

from catalogs.errors import OptionError
from catalogs.store_version import LAYOUT, parse_layout


@pytest.mark.parametrize("number", range(1, LAYOUT + 1))
def test_a_layout_up_to_this_version_s_is_known(number: int) -> None:
    assert parse_layout({"layout": number}, "file:///shop") == number


def test_a_newer_layout_is_refused_and_its_writer_is_named() -> None:
    with pytest.raises(OptionError, match=rf"has layout {LAYOUT + 1}, of a newer Packshot \(9\.1\).*install the newer"):
        parse_layout({"layout": LAYOUT + 1, "packshot": "9.1"}, "file:///shop")


@pytest.mark.parametrize("document", [{}, {"layout": "2"}, {"layout": True}, {"layout": 0}, {"layout": None}])
def test_a_document_of_another_origin_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="names no layout"):
        parse_layout(document, "file:///shop")
