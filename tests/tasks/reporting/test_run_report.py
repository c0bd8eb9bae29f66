"""The report shows every number, hostile text stays text, and no picture is ever a reason to fail."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest

from catalogs.runs.report_schema import RunReport
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.json_objects import read_json
from tasks.reporting import run_report
from tasks.reporting.contact_sheet import Tile

HOSTILE = '<script>alert("x")</script>\' onerror=alert(1) {{ 7*7 }} {% raw %} \x1b[31m \u202e https://evil.example/'
FINISH = "f" * 64


@pytest.fixture
def store() -> ObjectStore:
    return open_store(f"memory://{uuid4().hex}")


def report(**values: Any) -> dict[str, Any]:
    return {
        "run_id": "20261122T020004-9f31c2aa",
        "catalogue": "autumn",
        "scope": "full",
        "dry_run": False,
        "resumed": True,
        "source": "s3://exports/autumn.parquet",
        "started_at": "2026-11-22T02:00:04+00:00",
        "held": [],
        "release": {"version": 4242, "previous": 4241},
        "rows": {"input": 128450, "accepted": 127932, "rejected": 213, "ignored": 305},
        "slots": {
            "new": 5821,
            "changed": 1264,
            "unchanged": 498115,
            "waiting": 377,
            "retired": 96,
            "published": 6574,
            "review": 318,
            "blocked": 141,
            "failed": 12,
            "deferred": 31,
            "superseded": 9,
        },
        "images": {"planned": 5230, "generated": 5102, "reused": 128, "shared": 1855, "attempts": 5719},
        "cache_hit_rate": 0.2755,
        "gpu_seconds": 4289.3,
        "cost": {"total": 2.9786, "per_image": 0.000521, "per_accepted": 0.000453, "currency": "USD", "gpu": "H100"},
        "seconds": {"total": 4466.2, "plan": 18.4, "generate": 4301.7, "decide": 9.81, "publish": 96.4},
        "rejects": [{"row": 1033, "sku": "BOX-706", "column": "height", "reason": "The height 1003 cannot be."}],
        "reasons": {"blurred": 203, "words.nudity": 97},
        "source_notes": [],
        "warnings": ["14 SKUs show old beside new."],
        "checks": [
            {"name": "slot-known", "success": True, "critical": True, "observed": 0.0, "reason": ""},
            {"name": "retired-share", "success": False, "critical": True, "observed": 0.1873, "reason": "Too many."},
            {"name": "explained", "success": False, "critical": False, "observed": 7.0, "reason": "Unexplained."},
        ],
        **values,
    }


def render_html(document: dict[str, Any], tiles: list[Tile]) -> str:
    return run_report.render_html(RunReport.from_json(document), tiles)


def render_markdown(document: dict[str, Any]) -> str:
    return run_report.render_markdown(RunReport.from_json(document))


def tile(**values: Any) -> Tile:
    words = {"sku": "MUG-1", "category": "mugs", "view": "front", "variant": "a", "state": "publish", "verdict": "PASS"}
    plain = {"index": 0, "reasons": (), "prompt": "A mug.", "attempt": 0, "jpeg": b"\xff\xd8\xff\xd9"}
    return Tile(**{**words, **plain, **values})  # type: ignore[arg-type]


class PageParser(HTMLParser):
    """Collects tags, attributes and text as a browser would."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.style = False
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.style = tag == "style"
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if not self.style:
            self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.style = self.style and tag != "style"


# The page


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [found for part in value.values() for found in numbers(part)]
    if isinstance(value, list):
        return [found for part in value for found in numbers(part)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_every_number_of_the_report_is_on_the_page() -> None:
    said = report()
    text = PageParser(render_html(said, [tile()])).text
    whole = [number for number in numbers(said) if float(number).is_integer() and number]
    assert len(whole) == 26
    assert [number for number in whole if not re.search(rf"(?<![\d,.]){int(number):,}(?![\d.]|,\d)", text)] == []
    for written in ("27.6 %", "1 h 11 min", "2.98 USD", "0.000521 USD", "0.000453 USD", "H100", "0.1873"):
        assert written in text
    for written in ("1 h 14 min", "18.4 s", "1 h 12 min", "9.81 s", "1 min 36 s", "22 November 2026, 02:00 UTC"):
        assert written in text


def test_the_sums_are_written_out_and_say_when_they_do_not_add_up() -> None:
    text = PageParser(render_html(report(), [])).text
    assert "128,450 input = 127,932 accepted + 213 rejected + 305 ignored Rows add up." in text
    assert "5,821 new + 1,264 changed = 6,574 published + 318 review + 141 blocked + 12 failed" in text
    assert "Slots add up." in text
    lost = report(rows={"input": 10, "accepted": 7, "rejected": 1, "ignored": 0})
    assert "Rows do not add up: 2 too few on the right." in PageParser(render_html(lost, [])).text


def test_versions_of_a_model_have_a_table_and_a_model_without_any_has_none() -> None:
    row = {"model": "cards@ab", "version": "card/2", "precision": "bf16", "images": 1234, "requests": 1200,
           "pass_rate": 0.955, "gpu_seconds": 75.0}  # fmt: skip
    page = render_html(report(models=[row, row | {"version": "<b>", "pass_rate": None}]), [])
    part = page[page.index('id="models"') : page.index("</table>", page.index('id="models"'))]
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", part)[6:]
    shown = ("bf16", "1,234", "1,200")
    assert cells == ["card/2", *shown, "95.5 %", "1 min 15 s", "&lt;b&gt;", *shown, "–", "1 min 15 s"]
    assert 'id="models"' not in render_html(report(models=[row | {"version": None}]), [])


def test_a_held_batch_says_why_and_what_to_type() -> None:
    held = report(held=["retired-share"], release={"version": None, "previous": 41}, store="s3://shop/packshot")
    text = PageParser(render_html(held, [])).text
    assert "This batch is held. A person must decide. retired-share : Too many." in text
    command = "packshot release 20261122T020004-9f31c2aa --store s3://shop/packshot --accept retired-share --reason …"
    assert command in text
    assert "Held: nothing was published, release 41 stays." in text
    assert "To publish it as it is" not in PageParser(render_html(report(), [])).text


def test_a_plan_shows_its_estimate_and_needs_no_release() -> None:
    guess = {"images": 777, "gpu_seconds": 3923.0, "cost": 2.72, "seconds": 4100.0, "gpu": "L4"}
    none = {"total": None, "per_image": None, "per_accepted": None, "currency": "USD"}
    plan = report(dry_run=True, release={"version": None, "previous": None}, cost=none, checks=[], estimate=guess)
    text = PageParser(render_html(plan, [])).text
    assert "Dry run: nothing was made, nothing was published." in text
    assert "images to make 777 cost 2.72 USD time 1 h 08 min GPU time 1 h 05 min GPU L4" in text


def test_the_smallest_report_is_still_a_page() -> None:
    assert "autumn" in PageParser(render_html({"catalogue": "autumn", "run_id": "r"}, [])).text


def hostile_report() -> dict[str, Any]:
    return report(
        catalogue=HOSTILE,
        source=HOSTILE,
        run_id=HOSTILE,
        held=[HOSTILE],
        reasons={HOSTILE: 1},
        warnings=[HOSTILE],
        rejects=[{"row": 1, "sku": HOSTILE, "column": HOSTILE, "reason": HOSTILE}],
        checks=[{"name": HOSTILE, "success": False, "critical": True, "observed": HOSTILE, "reason": HOSTILE}],
        release={"version": None, "previous": None},
    )


def hostile_tile(state: str) -> Tile:
    texts = dict.fromkeys(("sku", "category", "view", "variant", "prompt", "verdict"), HOSTILE)
    return tile(**texts, reasons=(HOSTILE,), state=state)


def test_hostile_text_is_shown_and_does_nothing() -> None:
    plain = PageParser(render_html(report(held=["x"]), [tile(reasons=("x",), state=s) for s in ("publish", "review")]))
    page = PageParser(render_html(hostile_report(), [hostile_tile("publish"), hostile_tile("review")]))
    assert page.tags["script"] == 0
    assert page.tags.keys() <= plain.tags.keys()
    assert {(tag, name) for tag, name, _ in page.attributes} <= {(tag, name) for tag, name, _ in plain.attributes}
    assert '<script>alert("x")</script>\' onerror=alert(1) {{ 7*7 }} {% raw %} \\x1b[31m \\u202e' in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


def test_the_page_reaches_for_nothing_outside_itself() -> None:
    page = render_html(hostile_report(), [hostile_tile("publish")])
    found = PageParser(page)
    addresses = [value for _, name, value in found.attributes if name in {"src", "href", "srcset", "action", "data"}]
    assert len(addresses) >= 4
    beside = {"audit/index.html"}  # in the same folder, and only opened by who asks for it
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in set(addresses) - beside)
    assert beside <= set(addresses)
    assert "http" not in render_html(report(), [tile()]).replace("http-equiv", "")
    assert re.search(r"url\(|@import|@font-face", page) is None
    assert not {"link", "script", "iframe", "object", "form", "base"} & found.tags.keys()
    assert all(not name.startswith("on") and name != "style" for _, name, _ in found.attributes)


def test_the_policy_forbids_scripts_and_network_and_names_the_one_style_sheet() -> None:
    page = render_html(report(), [])
    (policy,) = [
        value for _, name, value in PageParser(page).attributes if name == "content" and "default-src" in value
    ]
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_sheet_names_every_picture_for_those_who_do_not_see_it() -> None:
    tiles = [tile(state="review", verdict="REVIEW", reasons=("blurred", "flat"), attempt=1), tile(sku="MUG-2")]
    page = PageParser(render_html(report(), tiles))
    alts = [value for tag, name, value in page.attributes if (tag, name) == ("img", "alt")]
    assert alts == ["MUG-1, front: Review because of blurred, flat", "MUG-2, front: Pass"]
    assert "1 of 318 shown." in page.text
    assert "MUG-1 front · mugs blurred flat Prompt, second attempt A mug." in page.text
    assert page.text.index("Review These") < page.text.index("Pass Every")


def test_a_tile_without_an_image_says_so() -> None:
    tiles = [tile(jpeg=b""), tile(jpeg=b""), tile(jpeg=b"", attempt=None)]
    page = PageParser(render_html(report(), tiles))
    assert page.tags["img"] == 0
    assert page.text.count("No image") == 2
    assert page.text.count("Not made") == 1


def test_modes_have_a_table_with_words_and_a_kept_tile_its_photo() -> None:
    photos = {
        "kept": {"white": 1234},
        "refused": {"photo.missing": 56, "<b>new</b>": 7},
        "notes": ["one photo is shared by <i>3</i> SKUs"],
    }
    page = render_html(report(photos=photos), [tile(mode="white", photo=b"\xff\xd8photo")])
    text = PageParser(page).text
    for words in ("1,234", "the shop's product on white", "the row has no photo for this view", "shared by <i>3</i>"):
        assert words in text
    assert "<b>new</b>" not in page
    assert base64.b64encode(b"\xff\xd8photo").decode() in page
    assert "Modes" not in PageParser(render_html(report(), [tile()])).text


def test_a_megabyte_of_prompt_does_not_fill_the_page() -> None:
    tiles = [tile(sku="S" * 1_000_000, prompt="p" * 1_000_000, reasons=("r" * 1_000_000,))]
    assert len(render_html(report(warnings=["w" * 1_000_000]), tiles)) < 60_000


# What is written


def test_both_files_are_written_and_the_json_is_the_document(store: ObjectStore) -> None:
    said = RunReport.from_json(report(warnings=["half a pair \ud800"]))
    run_report.write_report(store, "r1", said, [tile()])
    page = store.read("runs/r1/report.html").decode()
    assert page.startswith("<!doctype html>")
    assert "half a pair \\ud800" in page
    written = read_json(store, "runs/r1/report.json")
    assert written == RunReport.from_json(report(warnings=["half a pair ?"])).to_json()


def test_the_summary_counts_and_points_to_the_whole() -> None:
    text = render_markdown(report())
    assert text.startswith("## autumn\n\n**Published as release 4,242.**\n")
    for line in ("| published | 6,574 |", "| rejected | 213 |", "| words\\.nudity | 97 |"):
        assert line in text
    assert "Images generated: 5,102. Cost: 2.98 USD. Time: 1 h 14 min." in text
    assert "`runs/20261122T020004-9f31c2aa/report.html`" in text


def test_the_summary_escapes_markdown_and_html() -> None:
    bad = "<img src=x> | [a](javascript:b) `c` **d** https://evil.example www.evil.example\n# e"
    text = render_markdown(report(reasons={bad: 1}, warnings=[bad], catalogue=bad, run_id="r`1"))
    escaped = (
        r"&lt;img src=x&gt; \| \[a\]\(javascript\:b\) \`c\` \*\*d\*\* https\://evil\.example www\.evil\.example \# e"
    )
    assert text.count(escaped) == 3
    assert "<img" not in text
    assert "`runs/r1/report.html`" in text


def test_the_summary_of_a_held_batch_says_what_to_type() -> None:
    text = render_markdown(report(held=["retired-share"], release={"version": None, "previous": 41}))
    assert "**Held: nothing was published, release 41 stays.**" in text
    assert "`packshot release 20261122T020004-9f31c2aa --store URL --accept retired-share --reason …`" in text


def test_the_page_says_where_pictures_may_be_used() -> None:
    channels = {"amazon-main": {"usable": 0, "not_usable": 9, "reasons": {"needs-a-person": 9, HOSTILE: 1}}}
    page = PageParser(render_html(report(channels=channels), []))
    assert "needs-a-person 9, " in page.text
    assert "amazon-main" in page.text
    assert page.tags["script"] == 0
    assert "| amazon\\-main | 0 |" in render_markdown(report(channels=channels))
    assert "usable on" not in render_markdown(report())
    assert "Channels" not in PageParser(render_html(report(), [])).text
