"""Who opens the queue is told of held batches, and loudly of those that nobody has answered for."""

from datetime import UTC, datetime, timedelta

import pytest

from catalogs import layout
from flows.web.held import held_notices
from flows.web.held.held_notices import HeldNotices
from infra.stores.json_objects import read_json, write_json
from tests.flows.web.held.conftest import HeldShop

START = "/catalogues/shop/review"


def hold_since(shop: HeldShop, hours: float, silent_after: float) -> None:
    store, key = shop.harness.store, layout.RunFiles(shop.run_id).held
    since = datetime.now(UTC) - timedelta(hours=hours)
    write_json(store, key, read_json(store, key) | {"since": since.isoformat(), "silent_after_hours": silent_after})


def test_the_queue_s_first_page_says_that_a_batch_waits_and_leads_to_it(shop: HeldShop) -> None:
    text = " ".join(shop.server.browser("guest").get(START).text.split())
    assert f"The batch of the full run {shop.run_id}: It waits for a person." in text
    assert f'<a href="{shop.address}">Look at it</a>' in text
    assert '<p class="said wait">' not in text


def test_silence_for_longer_than_was_set_is_said_as_late(shop: HeldShop) -> None:
    hold_since(shop, 30, silent_after=24)
    text = " ".join(shop.server.browser("guest").get(START).text.split())
    assert '<p class="said wait">The batch of the full run' in text
    assert "Nobody has answered for 30 hours: it stays held." in text


def test_what_was_found_is_said_again_for_some_seconds_or_until_a_batch_is_let_go(
    shop: HeldShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices, context = HeldNotices(), shop.server.context
    assert [notice.url for notice in notices.of(context, "shop")] == [shop.address]
    shop.harness.store.delete([layout.RunFiles(shop.run_id).held])
    assert len(notices.of(context, "shop")) == 1
    notices.forget("shop")
    assert notices.of(context, "shop") == []
    hours_later = HeldNotices()
    shop.harness.store.write(layout.RunFiles(shop.run_id).held, b'{"held": ["look-before-live"]}')
    monkeypatch.setattr(held_notices, "REMEMBERED_SECONDS", 0.0)
    assert len(hours_later.of(context, "shop")) == 1
    shop.harness.store.delete([layout.RunFiles(shop.run_id).held])
    assert hours_later.of(context, "shop") == []
