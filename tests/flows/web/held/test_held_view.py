"""The view of a held batch: pages, and what was said of each image."""

from dataclasses import replace

from catalogs.answers.answer import Answer, AnswerKind
from flows.web.held.held_view import HeldImagesOfRuns, unanswered_images, view_batch
from tasks.answers.answer_log import write_answer
from tasks.runs.held_batches import list_held_batches
from tests.flows.web.held.conftest import HeldShop


def test_a_view_says_who_said_what_and_counts_it(shop: HeldShop) -> None:
    context, store = shop.server.context, shop.harness.store
    (batch,) = list_held_batches(store, "shop")
    images = HeldImagesOfRuns().of(context, batch.run)
    first, second = images.page(0, 10)
    write_answer(store, "shop", Answer(AnswerKind.ACCEPT, "ada", store.now(), image=first.target))
    write_answer(store, "shop", Answer(AnswerKind.REFUSE, "bob", store.now(), image=first.target, reason="other"))
    write_answer(store, "shop", Answer(AnswerKind.RETRY, "bob", store.now(), image=second.target))
    view = view_batch(context, batch, None, images, 0)
    assert [(tile.said, tile.by) for tile in view.tiles] == [("people differ", "ada, bob"), ("another attempt", "bob")]
    assert view.counts == {"people differ": 1, "another attempt": 1}
    assert (view.before, view.following, view.images, view.replacing) == (None, None, 2, 1)
    assert list(unanswered_images(store, "shop", [first, second])) == []


def test_what_was_accepted_although_it_is_explicit_is_blurred_until_somebody_asks(shop: HeldShop) -> None:
    context, store = shop.server.context, shop.harness.store
    (batch,) = list_held_batches(store, "shop")
    images = HeldImagesOfRuns().of(context, batch.run)
    first, _ = images.page(0, 10)
    explicit = replace(first.target, reasons=("nudity.exposed",))
    write_answer(store, "shop", Answer(AnswerKind.ACCEPT, "ada", store.now(), image=explicit))
    write_answer(store, "shop", Answer(AnswerKind.ACCEPT, "bob", store.now(), image=first.target))  # on this page
    assert [tile.is_sensitive for tile in view_batch(context, batch, None, images, 0).tiles] == [True, False]
    guest = shop.server.browser("guest")
    veiled, shown = guest.get(shop.address).text, guest.get(f"{shop.address}?show=1").text
    assert (veiled.count('<img class="veiled"'), shown.count('<img class="veiled"')) == (1, 0)
    assert f'{shop.address}?start=0&amp;show=1">show it</a>' in veiled


def test_the_images_of_a_run_are_read_once(shop: HeldShop) -> None:
    (batch,) = list_held_batches(shop.harness.store, "shop")
    kept = HeldImagesOfRuns()
    assert kept.of(shop.server.context, batch.run) is kept.of(shop.server.context, batch.run)
