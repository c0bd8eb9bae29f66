"""A desk finds what is there, and says 404 for what is not."""

from pathlib import Path

import pytest
from fastapi import HTTPException

from catalogs.answers.answer import AnswerKind, AnswerPurpose
from catalogs.answers.person import ALL_SCOPES, Person
from catalogs.reviews.review_filter import EVERYTHING, ReviewFilter
from catalogs.reviews.review_options import ReviewOptions
from flows.web.review.review_addresses import ReviewAddresses
from flows.web.review.review_desk import ReviewDesk
from tasks.reviews.review_service import ReviewService
from tests.fixtures.review_shop import ReviewShop, Waiting, mugs

ANN, BEN = Person("Ann", ALL_SCOPES), Person("Ben", ALL_SCOPES)
LAMP = Waiting("LAMP", ("words.nudity",), {}, "Naked Flame Lamp", category="lamps")


@pytest.fixture
def shop(tmp_path: Path) -> ReviewShop:
    shop = ReviewShop(tmp_path)
    shop.ask([*mugs(2), LAMP])
    return shop


def desk_of(shop: ReviewShop, filters: ReviewFilter = EVERYTHING, double_share: float = 0.0) -> ReviewDesk:
    options = ReviewOptions(double_share=double_share)
    service = ReviewService(shop.store, shop.tables, shop.catalogue, options=options)
    return ReviewDesk(service, ReviewAddresses("/r", filters))


def test_what_is_gone_is_left_out_of_many_and_is_404_alone(shop: ReviewShop) -> None:
    desk = desk_of(shop)
    assert [item.id for item in desk.find_all(["0" * 64, LAMP.id, "../x"])] == [LAMP.id]
    with pytest.raises(HTTPException) as caught:
        desk.find("0" * 64, ANN)
    assert caught.value.status_code == 404


def test_the_next_group_keeps_to_the_filters(shop: ReviewShop) -> None:
    following = desk_of(shop).next_group("words.nudity", ANN)
    assert following is not None
    assert following.group == "cut-off"
    assert desk_of(shop, ReviewFilter(category="lamps")).next_group("words.nudity", ANN) is None


def test_what_waits_for_a_second_person_is_left_for_that_one(shop: ReviewShop) -> None:
    desk = desk_of(shop, double_share=1.0)
    desk.service.answer(ANN, LAMP.id, AnswerKind.ACCEPT)
    assert (desk.progress(ANN).left, desk.progress(BEN).left) == (2, 3)
    asked = {person.name: desk.find(LAMP.id, person) for person in (ANN, BEN)}
    assert (asked["Ann"].purpose, asked["Ben"].purpose) == (AnswerPurpose.QUEUE, AnswerPurpose.DOUBLE)
    assert desk.service.details(asked["Ben"]).answers == (), "he is asked independently"
    assert desk.next_group("cut-off", ANN) is None
