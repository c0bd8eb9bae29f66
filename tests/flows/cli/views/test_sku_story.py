"""The screen of one SKU: text from a catalogue stays text, and broken limits stand beside their scores."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

from rich.console import Console

from flows.cli.views.sku_story import show_story

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SLOT: dict[str, Any] = {
    "view": "front", "variant": "a", "index": 0, "category": "mugs", "prompt": "a [red]mug[/red]", "live": None,
    "attempts": [{"attempt": 0, "made": "generated", "verdict": "BLOCK", "reasons": ["too-heavy"], "run_id": "r1",
                  "limits": [{"score": "file.bytes", "value": 23370.0, "limits": {"block_above": 100.0}}],
                  "within": [{"score": f"kept.{n}", "value": 1.0, "limits": {"block_below": 0.5}} for n in range(9)]}],
    "outcomes": [{"state": "blocked", "reasons": ["too-heavy"], "decided_by": "gates", "decided_at": NOON,
                  "run_id": "r1", "sentence": "pixels: Boom \x1b[2J"}],
    "next": "it waits",
}  # fmt: skip
STORY: dict[str, Any] = {
    "sku": "mug", "catalogue": "shop", "release": 3, "slots": [SLOT], "rejected": [], "releases": [],
    "people": [{"kind": "approval", "channel": "amazon-main", "given": False, "by": "bob", "at": NOON,
                "reason": "odd"}],
    "row": {"run_id": "r1", "row": 7, "fields": {"title": "[b]Mug[/b] \x1b[2J", "color": "red", "brand": ""}},
    "policy": {"number": 2, "who": "ada", "why": "files were too heavy"},
}  # fmt: skip


def test_a_refused_slot_is_told_with_score_and_limit() -> None:
    out = StringIO()
    show_story(Console(file=out, width=160), STORY)
    words = " ".join(out.getvalue().split())
    shown = ("mug shop, release 3", "policy 2 in force, by ada: files were too heavy", "a [red]mug[/red]")
    row = "row 7, as run r1 read it: title: [b]Mug[/b] \\x1b[2J · color: red"
    refusal = (
        "file.bytes 23,370: block above 100",
        "kept.2 1: block below 0.5",
        "6 more within their limits",
        "approval taken back for amazon-main by bob, 2026-11-29 12:00: odd",
        "blocked too-heavy · by gates, 2026-11-29 12:00",
        "said pixels: Boom \\x1b[2J",
        "next it waits",
    )
    for text in (*shown, row, *refusal):
        assert text in words
