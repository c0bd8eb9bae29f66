"""Galleries: one for each catalogue, whoever asks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from fastapi import FastAPI, Request

from flows.web.gallery.galleries import Galleries
from flows.web.shown_catalogues import ShownCatalogues
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.web_servers import WebBrowser


def test_requests_at_once_share_one_gallery_and_other_catalogues_are_not_shown(
    guest: WebBrowser, shop: GalleryShop
) -> None:
    shop.release("r1", {f"s{number}/front": f"w{number}" for number in range(20)})
    address = "/catalogues/shoes/gallery/1/pictures/{}/thumbnail"
    slots = [shop.slot(f"s{number}/front").hex() for number in range(20)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda slot: guest.get(address.format(slot)), slots))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 20
    assert guest.get("/catalogues/other/gallery").status_code == 404


def test_a_catalogue_has_one_gallery_which_keeps_what_it_has_read(guest: WebBrowser, shop: GalleryShop) -> None:
    app, galleries = FastAPI(), Galleries()
    app.state.context = replace(guest.server.context, shown=ShownCatalogues(("shoes", "hats")))

    def gallery_of(catalogue: str) -> int:
        path = {"catalogue": catalogue}
        return id(galleries.of(Request({"type": "http", "app": app, "path_params": path, "headers": []})))

    with ThreadPoolExecutor(8) as threads:
        shoes, hats = (set(threads.map(gallery_of, [catalogue] * 20)) for catalogue in ("shoes", "hats"))
    assert (len(shoes), len(hats), shoes & hats) == (1, 1, set())
