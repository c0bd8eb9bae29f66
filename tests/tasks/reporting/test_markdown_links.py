"""The report's Markdown is text to a renderer that lets HTML through and makes links of bare addresses.

Prefect's server shows it as a page, and its renderer is not ours to choose; here the most obliging one reads it.
"""

import re
from collections import Counter
from functools import cache

import cv2
import numpy as np
import pytest
from markdown_it import MarkdownIt

from catalogs.runs.report_schema import RunReport
from tasks.reporting.contact_sheet import Tile
from tasks.reporting.run_report import render_markdown

PAYLOADS = (
    "[a](javascript:b)", "[a](https://evil.com)", "![a](https://evil.com/x.png)", "<https://evil.com>",
    "https://evil.com/a", "http://1.2.3.4", "1.2.3.4", "www.evil.com", "evil.com", "a@evil.com", "//evil.com",
    "mailto:a@evil.com", "ftp://evil.com", "www\u200b.evil.com", "evil\u3002com", "\u202ehttps://evil.com",
    "https\u200b://evil.com", "[a]\n\n[a]: https://evil.com", "<script>alert(1)</script>", "<img src=x onerror=a>",
    "```\nx\n```", "# h\n---\n* x", "|a|b|\n|-|-|\n|c|d|", "\\[a](https://evil.com)", "`](https://evil.com)`",
    "&#91;a&#93;&#40;https&colon;//evil.com&#41;", "![a][b]", "<!-- -->", "~~x~~ **y** _z_ ==w==", "$$x$$",
)  # fmt: skip


def renderer() -> MarkdownIt:
    """Return a renderer that lets HTML through and makes links of all that looks like an address."""
    markdown = MarkdownIt("gfm-like", {"html": True, "linkify": True, "typographer": True})
    assert markdown.linkify is not None
    markdown.linkify.set({"fuzzy_link": True, "fuzzy_email": True, "fuzzy_ip": True})
    return markdown


@cache
def picture() -> bytes:
    return cv2.imencode(".jpg", np.full((64, 64, 3), 200, np.uint8))[1].tobytes()


def rendered(text: str) -> str:
    """Return a held run's summary with this text in every place that a catalogue or a rule file fills."""
    channels = {text: {"usable": 1, "not_usable": 0, "reasons": {}}}
    places = {"reasons": {text: 1}, "warnings": [text], "catalogue": text, "run_id": text, "held": [text]}
    report = RunReport.from_json({**places, "channels": channels, "cost": {"currency": text}})
    tile = Tile(text, text, text, "a", 0, "review", "REVIEW", (text,), text, 0, picture())
    return renderer().render(render_markdown(report, [tile]))


def elements(page: str) -> Counter[str]:
    return Counter(re.findall(r"<([a-z][a-z0-9]*)", page))


def test_a_renderer_makes_links_of_bare_addresses_that_are_not_escaped() -> None:
    shown = renderer().render("https://evil.com www.evil.com evil.com a@evil.com 1.2.3.4 <b>x</b>")
    assert (shown.count("<a "), shown.count("<b>")) == (5, 1)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_summary_is_text_to_the_most_obliging_renderer(payload: str) -> None:
    page = rendered(payload)
    assert elements(page) == elements(rendered("plain")), page
    assert "<a " not in page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert addresses
    assert [one for one in addresses if not one.startswith("data:image/jpeg;base64,")] == []
