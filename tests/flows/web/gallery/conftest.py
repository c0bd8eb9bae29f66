"""A shop whose gallery is served over loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogs.answers.person import Scope
from flows.web.gallery.gallery_routes import gallery_part
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.web_servers import WebBrowser, web_server

LOOK = {"guest": frozenset({Scope.LOOK})}


@pytest.fixture
def shop(tmp_path: Path) -> GalleryShop:
    return GalleryShop(tmp_path / "store")


@pytest.fixture
def guest(shop: GalleryShop) -> Iterator[WebBrowser]:
    """A browser of somebody who may only look."""
    part = gallery_part("https://cdn.example/images")
    store, tables = shop.scenario.store, shop.scenario.tables
    with web_server([part], [shop.scenario.catalogue], LOOK, store, tables) as server:
        yield server.browser("guest")
