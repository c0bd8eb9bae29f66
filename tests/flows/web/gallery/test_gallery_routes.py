"""Gallery routes: every page over a real server, with hostile names, missing files and swept releases."""

import io
import re
from html import unescape

import pytest
from PIL import Image

from catalogs import layout
from catalogs.answers.answer import AnswerKind
from infra.stores.json_objects import write_json
from tests.fixtures.gallery_shop import GalleryShop
from tests.fixtures.kept_products import keep_photo, kept_text, rehearsal_photo
from tests.fixtures.run_rows import RUN_ID
from tests.fixtures.store_scenarios import jpeg_of
from tests.fixtures.web_servers import WebBrowser

BASE = "/catalogues/shoes/gallery"


def hrefs(text: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'(?:href|src)="([^"]*)"', text)]


def seen(guest: WebBrowser, path: str = "", status: int = 200) -> str:
    answer = guest.get(f"{BASE}{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def test_a_catalogue_without_a_release_says_so(guest: WebBrowser) -> None:
    assert "Nothing is released yet" in seen(guest)
    assert "Nothing is released yet" in seen(guest, "/releases")
    assert "No decisions are kept" in seen(guest, "/variants")
    assert "not kept any more" in seen(guest, "/3", 404)


def test_the_newest_release_is_shown_with_a_tile_and_a_link_for_each_image(
    guest: WebBrowser, shop: GalleryShop
) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    version = shop.release("r2", {"a/back": "green"})
    text = seen(guest)
    assert f"Release {version}" in text
    assert "3 images of 2 SKUs" in text
    links = hrefs(text)
    for place in ("a/front", "a/back", "b/front"):
        slot = shop.slot(place).hex()
        assert f"{BASE}/{version}/pictures/{slot}" in links
        assert f"{BASE}/{version}/pictures/{slot}/thumbnail" in links
    older = seen(guest, "/1")
    assert "2 images of 2 SKUs" in older


def test_filters_and_pages_lead_on_with_what_was_chosen(guest: WebBrowser, shop: GalleryShop) -> None:
    places = {f"sku{number:03d}/{view}": f"{view}" for number in range(70) for view in ("front", "back")}
    shop.release("r1", places)
    text = seen(guest, "/1?view=back&sku=sku")
    assert "70 images of 70 SKUs" in text
    assert '<option value="back" selected>' in text
    following = next(link for link in hrefs(text) if "start=" in link)
    second = guest.get(following).text
    assert second.count("<figure>") == 10
    assert any(link == f"{BASE}/1?sku=sku&view=back" for link in hrefs(second)), "back to the first page"
    assert "0 images of 0 SKUs" in seen(guest, "/1?sku=none")
    assert seen(guest, "/1?start=99999").count("<figure>") == 0


def test_a_picture_has_its_file_its_links_and_what_it_was_before(guest: WebBrowser, shop: GalleryShop) -> None:
    labels = {"a/front": "red", "a/back": "blue"}
    shop.release(RUN_ID, labels)
    shop.measure(RUN_ID, labels, {"blue": {"edges.touched": 9.0}})
    shop.release("r2", {"a/front": "green"})
    slot = shop.slot("a/front").hex()
    text = seen(guest, f"/2/pictures/{slot}")
    links = hrefs(text)
    assert f"{BASE}/1/pictures/{slot}" in links
    assert f"https://cdn.example/images/{shop.scenario.published_objects()['a/front']}" in links
    assert f"{BASE}/2/pictures/{shop.slot('a/back').hex()}" in links
    assert "Its scores are not kept any more" in text
    assert "wanted at most" in seen(guest, f"/2/pictures/{shop.slot('a/back').hex()}")
    for version, word in ((1, "red"), (2, "green")):
        answer = guest.get(f"{BASE}/{version}/pictures/{slot}/file")
        assert (answer.content, answer.headers["content-type"]) == (jpeg_of(word), "image/jpeg")
        assert "immutable" in answer.headers["cache-control"]
        again = guest.get(f"{BASE}/{version}/pictures/{slot}/file", **{"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    today = guest.get(f"{BASE}/pictures/{slot}")
    assert (today.status_code, today.headers["location"]) == (303, f"{BASE}/2/pictures/{slot}")


def test_what_a_release_changed_is_shown_by_kind(guest: WebBrowser, shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.release("r2", {"a/front": "green", "b/front": None, "c/front": "x"})
    text = seen(guest, "/2/changes")
    assert all(words in text for words in ("1 new", "1 replaced", "1 retired", "against"))
    replaced = hrefs(seen(guest, "/2/changes?kind=replaced"))
    slot = shop.slot("a/front").hex()
    assert f"{BASE}/1/pictures/{slot}/thumbnail" in replaced
    assert f"{BASE}/2/pictures/{slot}/thumbnail" in replaced
    gone = hrefs(seen(guest, "/2/changes?kind=gone"))
    assert f"{BASE}/1/pictures/{shop.slot('b/front').hex()}" in gone
    assert "the first release" in seen(guest, "/1/changes")
    assert "2 new" in seen(guest, "/1/changes?kind=nonsense")


def test_what_the_gates_nearly_refused_and_the_variants_have_their_pages(guest: WebBrowser, shop: GalleryShop) -> None:
    labels = {"a/front": "red", "b/front": "blue"}
    shop.release(RUN_ID, labels)
    shop.measure(RUN_ID, labels, {"red": {"edges.touched": 0.5}, "blue": {"edges.touched": 7.0}})
    shop.decide(RUN_ID, {("a/front", "red"): "publish", ("b/front", "blue"): "publish"})
    text = seen(guest, "/1/nearest")
    assert "2 measured images were looked at" in text
    assert "7, limit" in text
    assert "past it" in text
    variants = seen(guest, "/variants")
    assert "There is one variant" in variants
    assert f"{BASE}/1?variant=a" in hrefs(variants)
    assert f"{BASE}/1/pictures/{shop.slot('a/front').hex()}" in hrefs(variants)


def test_explicit_images_are_blurred_until_somebody_asks(guest: WebBrowser, shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.answer("a/front", AnswerKind.ACCEPT, reasons=("explicit",))
    assert seen(guest, "/1").count('class="veiled"') == 1
    address = f"/1/pictures/{shop.slot('a/front').hex()}"
    assert 'class="veiled"' in seen(guest, address)
    assert 'class="veiled"' not in seen(guest, f"{address}?show=1")
    assert "anna" in seen(guest, address)


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\u202egnp.exe", "x" * 10_000, "../../keys"]


def test_hostile_names_stay_text_on_every_page(guest: WebBrowser, shop: GalleryShop) -> None:
    places = [f"{sku.replace('/', '|')}/front" for sku in HOSTILE]
    labels = dict.fromkeys(places, "red")
    shop.release(RUN_ID, labels)
    shop.measure(RUN_ID, labels, {"red": {"edges.touched": 0.5}})
    shop.release("r2", dict.fromkeys(places, "blue"))
    slots = [shop.slot(place).hex() for place in places]
    pages = ["", "/1", "/2/changes", "/1/nearest", "/variants", "/releases", *(f"/2/pictures/{slot}" for slot in slots)]
    for path in pages:
        text = seen(guest, path)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "\u202e" not in text
        assert len(text) < 60_000
        assert all(link.startswith(("/", "#", "https://cdn.example/")) for link in hrefs(text)), hrefs(text)
    assert all(guest.get(f"{BASE}/2/pictures/{slot}/file").content == jpeg_of("blue") for slot in slots)


def test_an_address_that_nothing_has_is_refused(guest: WebBrowser, shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    none = "00" * 16
    missing = ["/2", "/-1", "/x", "/99999999999999999999999", "/1/pictures/..%2f..%2fkeys", "/1/pictures/zz"]
    missing += ["/1/pictures/00/file", f"/1/pictures/{none}", f"/1/pictures/{none}/thumbnail", f"/pictures/{none}"]
    malformed = ["/1?start=-1", "/1?start=x", f"/1?sku={'x' * 501}"]
    assert {path: guest.get(f"{BASE}{path}").status_code for path in (*missing, *malformed)} == {
        **dict.fromkeys(missing, 404),
        **dict.fromkeys(malformed, 400),
    }


def test_missing_objects_and_swept_releases_are_said(guest: WebBrowser, shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    shop.release("r2", {"b/front": "blue"})
    shop.lose_file("a/front")
    slot = shop.slot("a/front").hex()
    assert "not in the store" in seen(guest, f"/2/pictures/{slot}")
    assert "not in the store any more" in seen(guest, f"/2/pictures/{slot}/file", 404)
    seen(guest, f"/2/pictures/{slot}/thumbnail", 404)
    write_json(shop.scenario.store, layout.retention_watermark("shoes"), {"oldest": 2})
    shop.release("r3", {"c/front": "x"})
    assert "not kept any more" in seen(guest, "/1", 404)
    assert "nothing can be compared" in seen(guest, "/2/changes")
    for path in (shop.folder / "manifest").rglob("*.parquet"):
        path.unlink()
    assert "a file of its version 3 is gone" in seen(guest, "/3", 503)


def test_without_a_sign_in_nothing_is_shown_and_nothing_can_be_sent(guest: WebBrowser, shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    stranger = guest.server.browser()
    for path in ("", "/1", f"/1/pictures/{shop.slot('a/front').hex()}/file", "/variants"):
        answer = stranger.get(f"{BASE}{path}")
        assert (answer.status_code, answer.content) == (303, b"")
    before = shop.scenario.keys("published/") | shop.scenario.keys("decisions/")
    assert guest.post(f"{BASE}/1").status_code == 405
    assert shop.scenario.keys("published/") | shop.scenario.keys("decisions/") == before


def keep(shop: GalleryShop, data: bytes | None, text: str = "") -> tuple[int, str]:
    """Release an image that keeps a photo's product; return the release and the image's path."""
    kept = text or kept_text(keep_photo(shop.scenario.store, data or b""))
    version = shop.release("kept", {"mug/front": "red"}, mode="white", model="@photo", kept=kept)
    return version, f"/{version}/pictures/{shop.slot('mug/front').hex()}"


def test_the_shops_photo_stands_beside_the_image_that_keeps_its_product(guest: WebBrowser, shop: GalleryShop) -> None:
    _, path = keep(shop, rehearsal_photo())
    page = unescape(seen(guest, path))
    assert f"{BASE}{path}/photo" in hrefs(page)
    assert "white: the shop's product on white" in page
    assert "the first of 3 photos that passes" in page
    assert "photo blurred: 20, wanted at least 7" in page, "its scores are in the row, without a run's folder"
    assert "<dt>Model</dt>" not in page
    answer = guest.get(f"{BASE}{path}/photo")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/jpeg", "private, max-age=3600")
    assert max(Image.open(io.BytesIO(answer.content)).size) <= 640
    assert answer.content not in rehearsal_photo()


@pytest.mark.parametrize(
    ("data", "text", "words"),
    [
        (b"no picture", "", "The shop's photo cannot be shown."),
        (None, kept_text("e" * 64), "The shop's photo is not in the store any more."),
        (None, kept_text("../../keys"), "Which photo it was made from cannot be read."),
        (None, "[1]", "Which photo it was made from cannot be read."),
    ],
    ids=["hostile bytes", "gone", "a path", "no document"],
)
def test_a_photo_that_cannot_be_shown_is_words_and_404(
    guest: WebBrowser, shop: GalleryShop, data: bytes | None, text: str, words: str
) -> None:
    _, path = keep(shop, data, text)
    page = unescape(seen(guest, path))
    assert words in page
    assert f"{BASE}{path}/photo" not in hrefs(page)
    seen(guest, f"{path}/photo", 404)


def test_an_image_that_a_model_made_has_no_photo(guest: WebBrowser, shop: GalleryShop) -> None:
    version = shop.release("r1", {"a/front": "red"})
    path = f"/{version}/pictures/{shop.slot('a/front').hex()}"
    assert "The shop's photo" not in unescape(seen(guest, path))
    seen(guest, f"{path}/photo", 404)


def test_images_are_filtered_and_labelled_by_mode(guest: WebBrowser, shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "blue"})
    version, _ = keep(shop, rehearsal_photo())
    page = seen(guest, f"/{version}?mode=white")
    assert "1 image of 1 SKU" in page
    assert "· white" in page
    assert '<option value="white" selected>white (1)</option>' in page
    assert "1 image of 1 SKU" in seen(guest, f"/{version}?mode=generate")
    assert "0 images" in seen(guest, f"/{version}?mode=../../x")
