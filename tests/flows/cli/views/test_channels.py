"""Channels' rules and approvals are shown, and SKUs stay text."""

import io
from typing import Any

import pytest
from rich.console import Console

from catalogs.policy.channels import built_in_channels
from flows.cli.views.channels import show_approval, show_channels

HOSTILE = "[bold]x[/] \x1b[2J"


def console() -> Console:
    return Console(file=io.StringIO(), width=200, color_system=None)


def written(face: Console) -> str:
    assert isinstance(face.file, io.StringIO)
    return " ".join(face.file.getvalue().split())


def approval(**values: Any) -> dict[str, Any]:
    images = [
        {"sku": HOSTILE, "view": "front", "variant": "a", "index": 0, "usable": True, "reasons": []},
        {"sku": "B", "view": "front", "variant": "a", "index": 1, "usable": False, "reasons": ["ebay:too-small"]},
    ]
    return {"channel": "ebay", "release": {"version": 5, "previous": 4}, "pictures": images, **values}


def test_every_rule_of_a_channel_is_shown() -> None:
    face = console()
    channels = built_in_channels()
    show_channels(face, channels)
    text = written(face)
    for name, channel in channels.items():
        assert name in text
        assert all(rule.reason in text for rule in channel.rules)


@pytest.mark.parametrize(("previous", "said"), [(4, "Release 5 says so."), (5, "Release 5 said so already.")])
def test_an_approval_says_where_each_image_may_be_used(previous: int, said: str) -> None:
    face = console()
    show_approval(face, approval(release={"version": 5, "previous": previous}))
    assert "[bold]x[/] \\x1b[2J front a 0 usable" in written(face)
    assert "B front a 1 not usable ebay:too-small" in written(face)
    assert written(face).endswith(said)
