"""The pages of a held batch over a real server: who sees what, what answers and a release write, what is not there."""

import re
from html import unescape

import pytest

from catalogs.answers.answer import AnswerKind, AnswerPurpose
from infra.imaging.codecs import decode
from tasks.answers.answer_log import read_answers
from tasks.answers.answer_objects import list_answer_keys
from tasks.runs import run_state as runs
from tasks.runs.held_decisions import find_release
from tests.fixtures.waiting import eventually
from tests.fixtures.web_servers import WebBrowser
from tests.flows.web.held.conftest import HeldShop


def shown(text: str) -> list[str]:
    return re.findall(r'name="shown" value="([0-9a-f]+)"', text)


def sources(text: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'<img src="([^"]+)"', text)]


def seen(browser: WebBrowser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def image_answers(shop: HeldShop) -> list[tuple[str, str, str, str]]:
    store = shop.harness.store
    answers = [answer for answer in read_answers(store, "shop") if answer.image is not None]
    assert all(answer.purpose == AnswerPurpose.HELD for answer in answers)
    return [(answer.kind.value, answer.who, answer.image.sku, answer.reason) for answer in answers if answer.image]


def test_the_list_names_each_held_batch_and_why(shop: HeldShop) -> None:
    text = seen(shop.server.browser("guest"), "/catalogues/shop/held")
    assert (shop.run_id in text, "2 images of 2 not accepted yet" in text) == (True, True)


def test_old_stands_beside_new_and_hostile_names_are_text(shop: HeldShop) -> None:
    guest = shop.server.browser("guest")
    text = seen(guest, shop.address)
    assert "2 images would go live, 1 in the place of another one" in " ".join(text.split())
    assert "&lt;b&gt;cup&lt;/b&gt;" in text
    assert "<b>" not in text
    pictures = sources(text)
    assert [picture.rsplit("/", 1)[1] for picture in pictures] == ["new-small", "live-small", "new-small"]
    for picture in pictures:
        small, whole = guest.get(picture), guest.get(picture.removesuffix("-small"))
        assert (small.headers["content-type"], whole.headers["content-type"]) == ("image/jpeg", "image/jpeg")
        assert decode(whole.content).shape == (256, 256, 3)


def test_marked_images_are_refused_and_the_others_accepted(shop: HeldShop) -> None:
    ada = shop.server.browser("ada")
    slots = shown(seen(ada, shop.address))
    assert len(slots) == 2
    address = f"{shop.address}/answers"
    assert ada.post(address, shown=slots, bad=[slots[1]], refuse="1").status_code == 400  # no reason is chosen
    assert (
        ada.post(address, shown=slots, bad=[slots[1]], refuse="1", reason="other").status_code == 400
    )  # without words
    assert ada.post(address, shown=slots, bad=[slots[1]], refuse="1", reason="cropped").status_code == 303
    assert ada.post(address, shown=slots, bad=[slots[1]], accept="1").status_code == 303
    assert [(kind, reason) for kind, _, _, reason in image_answers(shop)] == [("refuse", "cropped"), ("accept", "")]
    text = " ".join(seen(ada, shop.address).split())
    assert ("1 refused." in text, "1 accepted." in text, "refused by" in text) == (True, True, True)


def test_accepting_the_rest_of_a_page_contradicts_nobody(shop: HeldShop) -> None:
    """The page of one person is older than the refusal of another: the rest is what nobody has answered."""
    ada, bob, address = shop.server.browser("ada"), shop.server.browser("bob"), f"{shop.address}/answers"
    slots = shown(seen(bob, shop.address))
    assert ada.post(address, shown=slots, bad=[slots[1]], refuse="1", reason="cropped").status_code == 303
    assert bob.post(address, shown=slots, accept="1").status_code == 303
    assert [(kind, who) for kind, who, _, _ in image_answers(shop)] == [("refuse", "ada"), ("accept", "bob")]


def test_answers_about_a_large_batch_are_folded_while_they_are_given(
    shop: HeldShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.answers.answer_writer.FOLD_ABOVE", 2)
    ada = shop.server.browser("ada")
    slots = shown(seen(ada, shop.address))
    for slot in slots:  # a page each: what counts is what the server has written, not one form
        assert ada.post(f"{shop.address}/answers", shown=[slot], accept="1").status_code == 303
    assert eventually(lambda: list_answer_keys(shop.harness.store, "shop") == [])
    assert len(image_answers(shop)) == 2


def test_its_images_are_looked_at_one_by_one_in_the_console_and_the_answers_are_of_the_held_batch(
    shop: HeldShop,
) -> None:
    ada = shop.server.browser("ada")
    link = re.findall(r'href="([^"]+)">Look at the images one by one', seen(ada, "/catalogues/shop/held"))[0]
    assert unescape(link) in unescape(seen(ada, shop.address))
    for answer in ({"kind": "accept"}, {"kind": "refuse", "reason": "colour"}):
        item = ada.get(unescape(link)).headers["location"]
        text = seen(ada, item)
        assert "Its batch is held. It goes live when the batch is let go." in text
        picture = ada.get(re.findall(r'src="([^"]+/images/shown)"', text)[0])
        assert decode(picture.content).shape == (256, 256, 3)
        path, _, query = item.partition("?")
        assert ada.post(f"{path}/answer?{query}", **answer).status_code == 303
    assert sorted((kind, reason) for kind, _, _, reason in image_answers(shop)) == [
        ("accept", ""), ("refuse", "colour"),
    ]  # fmt: skip
    assert "said=all-done" in ada.get(unescape(link)).headers["location"]
    text = " ".join(seen(ada, shop.address).split())
    assert ("1 refused." in text, "1 accepted." in text) == (True, True)


def test_only_who_may_release_lets_it_go_and_the_first_word_stands(shop: HeldShop) -> None:
    ada, bob = shop.server.browser("ada"), shop.server.browser("bob")
    words = {"accept-look-before-live": "1", "what": "all", "reason": "looked at all"}
    assert ada.post(f"{shop.address}/release", **words).status_code == 403
    assert bob.post(f"{shop.address}/release", what="all", reason="").status_code == 400
    assert find_release(shop.harness.store, runs.load_run(shop.harness.store, shop.run_id)) is None
    assert bob.post(f"{shop.address}/release", **words).status_code == 303
    release = find_release(shop.harness.store, runs.load_run(shop.harness.store, shop.run_id))
    assert release is not None
    assert (release.person, release.reason, release.checks) == ("bob", "looked at all", ("look-before-live",))
    page = seen(bob, shop.address)  # one look: its publishing goes on meanwhile
    assert "Let go by" in page or "being published" in page
    given = [answer for answer in read_answers(shop.harness.store, "shop") if answer.kind == AnswerKind.RELEASE]
    assert [(answer.who, answer.why) for answer in given] == [("bob", "looked at all")]


def test_the_accepted_alone_go_only_where_something_is_accepted(shop: HeldShop) -> None:
    bob = shop.server.browser("bob")
    words = {"accept-look-before-live": "1", "what": "accepted", "reason": "the good ones"}
    answer = bob.post(f"{shop.address}/release", **words)
    assert (answer.status_code, "nobody has accepted an image of it" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "path",
    ["nothing", "../shop", "{run}/pictures/00/new", "{run}/pictures/zz/new", "{run}/pictures/{slot}/other",
     "{run}/pictures/{slot}/new-large"],
)  # fmt: skip
def test_what_is_not_there_is_404(shop: HeldShop, path: str) -> None:
    guest = shop.server.browser("guest")
    slot = shown(seen(guest, shop.address))[0]
    filled = path.format(run=shop.run_id, slot=slot)
    assert guest.get(f"/catalogues/shop/held/{filled}").status_code == 404


def test_a_batch_that_is_not_held_any_more_says_so(shop: HeldShop) -> None:
    store = shop.harness.store
    runs.close_run(store, runs.load_run(store, shop.run_id), "superseded", {"reason": "a newer run took its place"})
    guest = shop.server.browser("guest")
    assert "a newer run has taken its place" in seen(guest, shop.address, 404)
    assert "Nothing is held" in seen(guest, "/catalogues/shop/held")
