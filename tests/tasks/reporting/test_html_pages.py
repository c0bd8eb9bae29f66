"""A page is one file that calls nobody, and says hostile text as text."""

import base64
import hashlib
import re

from tasks.reporting.html_pages import MAX_PAGE_TEXT_CHARACTERS, data_uri, render_page

WORDS = {"document": {"catalogue": "<b>\x1b[31m" + "x" * 5000, "run_id": "r", "held": [], "suite_version": 1,
                      "checks": [], "totals": {}}, "groups": [], "passed": 0, "expected": str}  # fmt: skip


def test_text_is_escaped_made_printable_and_cut() -> None:
    page = render_page("audit.html", **WORDS)
    assert "<b>" not in page
    assert "\x1b" not in page
    assert "x" * MAX_PAGE_TEXT_CHARACTERS not in page


def test_the_style_sheet_is_named_by_its_digest_and_nothing_else_is_allowed() -> None:
    page = render_page("audit.html", **WORDS)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


def test_a_picture_is_an_address_that_holds_it() -> None:
    assert data_uri(b"\xff\xd8") == "data:image/jpeg;base64,/9g="
