"""Where a person goes next: on in the group, then to the next group, then to the start."""

from dataclasses import replace
from pathlib import Path

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.answers.person import ALL_SCOPES, Person
from catalogs.reviews.review_options import ReviewOptions
from flows.web.review.review_addresses import ReviewAddresses
from flows.web.review.review_services import ReviewServices, address_of_next, address_of_next_group
from flows.web.server import ServerOptions, open_context, open_listener
from flows.web.shown_catalogues import ShownCatalogues
from flows.web.web_context import WebContext
from infra.testing.faulty_store import FaultInjector, FaultyStore
from tasks.reviews.review_service import ReviewService
from tests.fixtures.review_shop import ReviewShop, Waiting, mugs

ANN = Person("Ann", ALL_SCOPES)
ADDRESSES = ReviewAddresses("/r")


@pytest.fixture
def service(tmp_path: Path) -> ReviewService:
    shop = ReviewShop(tmp_path)
    shop.ask([*mugs(1), Waiting("LAMP", ("words.nudity",), {}, "Naked Flame Lamp")])
    return ReviewService(shop.store, shop.tables, shop.catalogue, options=ReviewOptions(double_share=0))


def test_the_next_item_of_a_group_then_the_next_group_then_the_start(service: ReviewService) -> None:
    mug, lamp = mugs(1)[0], Waiting("LAMP", ("words.nudity",), {}, "Naked Flame Lamp")
    cut_off = ADDRESSES.of_group("cut-off")
    assert address_of_next(service, ANN, cut_off, "accepted") == cut_off.item(mug.id, "accepted")
    service.answer(ANN, mug.id, AnswerKind.ACCEPT)
    after = address_of_next(service, ANN, cut_off, "accepted")
    assert after == ADDRESSES.of_group("words.nudity").item(lamp.id, "group-done")
    service.answer(ANN, lamp.id, AnswerKind.ACCEPT)
    assert address_of_next(service, ANN, cut_off, "accepted") == "/r?said=all-done"


def test_what_another_person_has_before_them_is_not_given_twice(service: ReviewService) -> None:
    first = address_of_next(service, ANN, ADDRESSES)
    second = address_of_next(service, Person("Ben", ALL_SCOPES), ADDRESSES)
    assert first != second
    assert address_of_next(service, ANN, ADDRESSES) == first, "what Ann has comes first, also when she loads again"
    assert address_of_next(service, Person("Cleo", ALL_SCOPES), ADDRESSES) == "/r?said=all-done"


def test_a_server_of_one_catalogue_reads_its_queue_before_somebody_asks(tmp_path: Path) -> None:
    shop, counting = ReviewShop(tmp_path), FaultInjector()
    shop.ask(mugs(2))

    def context(*catalogues: str) -> WebContext:
        store = FaultyStore(shop.store, counting)
        with open_listener("127.0.0.1", 0) as listener:
            return open_context(store, shop.tables, ShownCatalogues(catalogues), [], ServerOptions(), listener)

    services, served = ReviewServices(), context(shop.catalogue)
    services.prepare(served)
    read = counting.operation_count
    assert [group.count for group in services.of(served, shop.catalogue).groups()] == [2]
    assert counting.operation_count == read, "a page that comes at once reads nothing more"
    several = context(shop.catalogue, "another")
    read = counting.operation_count
    ReviewServices().prepare(several)
    assert counting.operation_count == read


def test_a_queue_that_cannot_be_read_yet_is_logged_and_the_server_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = ReviewShop(tmp_path)
    with open_listener("127.0.0.1", 0) as listener:
        served = open_context(shop.store, shop.tables, ShownCatalogues([shop.catalogue]), [], ServerOptions(), listener)
    failing = replace(served, store=FaultyStore(shop.store, FaultInjector(1)))
    ReviewServices().prepare(failing)
    assert "The queue cannot be read yet: The store failed at operation 1" in caplog.text


@pytest.mark.parametrize(
    ("group", "following"), [("a", "b"), ("b", "c"), ("c", "a"), ("done meanwhile", "a"), ("", "a")]
)
def test_the_groups_follow_each_other_in_a_circle(group: str, following: str) -> None:
    found = address_of_next_group(["a", "b", "c"], ADDRESSES, group)
    assert found is not None
    assert found.group == following


def test_there_is_no_next_group_beside_the_only_one() -> None:
    assert address_of_next_group(["a"], ADDRESSES, "a") is None
    assert address_of_next_group([], ADDRESSES, "") is None
