"""The shop's photo in the console, by HTTP: small, private, of its item alone, in words where it cannot be shown."""

import io
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from catalogs.answers.person import Scope
from tests.fixtures.kept_products import keep_photo, kept_text, rehearsal_photo
from tests.fixtures.review_console import Console, Visitor, running_console
from tests.fixtures.review_shop import ReviewShop, Waiting, mugs

REASON = ("mask.disagreement",)
PLAIN = mugs(1)[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> ReviewShop:
    return ReviewShop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def items(shop: ReviewShop) -> dict[str, Waiting]:
    """Items by what lies behind their photo."""
    texts = {
        "good": kept_text(keep_photo(shop.store, rehearsal_photo())),
        "damaged": kept_text(keep_photo(shop.store, rehearsal_photo("pan")[:4000])),
        "no photo": kept_text(keep_photo(shop.store, b"<html><script>alert(1)</script>")),
        "gone": kept_text("d" * 64),
        "a path": kept_text("../../keys"),
        "no document": "{",
    }
    made = {
        name: Waiting(f"KEPT-{number}", REASON, {}, "", seed=number, kept=text)
        for number, (name, text) in enumerate(texts.items())
    }
    made["explicit"] = replace(made["good"], sku="EXPLICIT", reasons=("explicit",), seed=40)
    made["refused"] = Waiting("REFUSED", ("photo.unreachable",), {}, "", state="blocked")
    shop.ask([PLAIN, *made.values()])
    return made


@pytest.fixture(scope="module")
def console(shop: ReviewShop, items: dict[str, Waiting]) -> Iterator[Console]:
    with running_console(shop) as console:
        yield console


@pytest.fixture(scope="module")
def ann(console: Console) -> Visitor:
    return console.visitor("Ann")


def photo_of(console: Console, item: Waiting) -> str:
    return f"{console.base}/items/{item.id}/images/photo"


def test_the_photo_is_sent_as_a_small_copy_that_a_browser_keeps_as_it_keeps_pictures(
    console: Console, ann: Visitor, items: dict[str, Waiting]
) -> None:
    answer = ann.get(photo_of(console, items["good"]))
    picture = ann.get(f"{console.base}/items/{items['good'].id}/images/shown")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == picture.headers["cache-control"] == "private, max-age=3600"
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 640
    assert answer.content not in rehearsal_photo()
    again = ann._client.get(photo_of(console, items["good"]), headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_nobody_sees_a_photo_without_a_key(console: Console, items: dict[str, Waiting]) -> None:
    answer = httpx.get(console.url + photo_of(console, items["good"]))
    assert answer.status_code in (303, 401, 403)
    assert not answer.content.startswith(b"\xff\xd8")
    assert console.visitor("guest", frozenset({Scope.LOOK})).get(photo_of(console, items["good"])).status_code == 200


@pytest.mark.parametrize("what", ["damaged", "no photo", "gone", "a path", "no document"])
def test_a_photo_that_cannot_be_shown_is_words_on_the_page_and_404_by_its_address(
    console: Console, ann: Visitor, items: dict[str, Waiting], what: str
) -> None:
    assert ann.get(photo_of(console, items[what])).status_code == 404
    page = ann.get(f"{console.base}/items/{items[what].id}")
    assert page.status_code == 200
    words = {
        "damaged": "The shop&#39;s photo cannot be shown.",
        "no photo": "The shop&#39;s photo cannot be shown.",
        "gone": "The shop&#39;s photo is not in the store any more.",
        "a path": "Which photo it was made from cannot be read.",
        "no document": "Which photo it was made from cannot be read.",
    }
    assert words[what] in page.text
    assert "<script>alert" not in page.text
    assert f'src="{photo_of(console, items[what])}"' not in page.text


def test_an_item_without_a_photo_has_none(console: Console, ann: Visitor) -> None:
    assert ann.get(photo_of(console, PLAIN)).status_code == 404
    assert "The shop&#39;s photo" not in ann.get(f"{console.base}/items/{PLAIN.id}").text.replace("'", "&#39;")


@pytest.mark.parametrize("name", ["photo/../../x", "photo%2F..%2Fsources", "photo-0", "sources", "photo.jpg"])
def test_no_name_of_a_request_becomes_a_key(
    console: Console, ann: Visitor, items: dict[str, Waiting], name: str
) -> None:
    assert ann.get(f"{console.base}/items/{items['good'].id}/images/{name}").status_code == 404


def test_the_page_says_what_was_kept_with_scores_beside_their_limits(
    console: Console, ann: Visitor, items: dict[str, Waiting]
) -> None:
    page = ann.get(f"{console.base}/items/{items['good'].id}").text.replace("&#39;", "'")
    for words in (
        "two cut-outs of the product differ", "the first of 3 photos that passes", "the network u2netp, version 1",
        "97.0% of the product is the photo's to the pixel", "photo blurred", "at least 7, blocked below 4",
    ):  # fmt: skip
        assert words in page
    assert "Another attempt" not in page, "it would give the same image"


def test_the_photo_of_an_explicit_item_is_blurred_until_asked_for(
    console: Console, ann: Visitor, items: dict[str, Waiting]
) -> None:
    address = f"{console.base}/items/{items['explicit'].id}"
    assert 'class="frame large photo may-veil veiled"' in ann.get(address).text
    assert 'class="frame large photo may-veil"' in ann.get(f"{address}?unveiled=1").text
    grid = ann.get(f"{console.base}/grid?group=explicit").text
    assert f'<img class="may-veil veiled" src="{photo_of(console, items["explicit"])}"' in grid


def test_the_grid_has_the_photo_on_demand(console: Console, ann: Visitor, items: dict[str, Waiting]) -> None:
    grid = ann.get(f"{console.base}/grid?group=mask.disagreement").text
    assert f'src="{photo_of(console, items["good"])}"' in grid
    assert grid.count('loading="lazy"') == grid.count('<details class="shop-photo">') == 6


def test_an_item_that_its_photo_kept_away_says_so_and_the_lists_stand(
    console: Console, ann: Visitor, items: dict[str, Waiting]
) -> None:
    page = ann.get(f"{console.base}/items/{items['refused'].id}").text.replace("&#39;", "'")
    assert (
        "No image was made, since the shop's photo cannot be used: the photo's server or store did not answer" in page
    )
    assert "Nothing: the next run tries it again." in page
    for path in ("", "/grid?blocked=1&group=photo.unreachable", "?blocked=1"):
        assert ann.get(f"{console.base}{path}").status_code == 200


@pytest.mark.parametrize("kind", ["accept", "retry"])
def test_what_no_person_can_say_of_it_is_refused_by_the_server_too(
    console: Console, ann: Visitor, items: dict[str, Waiting], kind: str
) -> None:
    ann.get(console.base)
    assert ann.post(f"{console.base}/items/{items['refused'].id}/answer", {"kind": kind}).status_code == 400
