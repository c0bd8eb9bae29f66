"""At fixed places of a session a person gets known items and samples, everywhere else the most urgent one."""

from pathlib import Path

from catalogs import layout
from catalogs.answers.answer import AnswerKind, AnswerPurpose
from catalogs.reviews.review_filter import ReviewFilter
from catalogs.reviews.review_options import HELD_GROUP, ReviewOptions
from tasks.reviews.review_service import ReviewService
from tests.fixtures.review_scenarios import ANN, BOB, ReviewScenario
from tests.fixtures.store_scenarios import CATALOGUE


def service_of(shop: ReviewScenario, **options: float) -> ReviewService:
    chosen = ReviewOptions(**{"double_share": 0.0, **options})  # type: ignore[arg-type]
    return ReviewService(shop.store, shop.tables, CATALOGUE, options=chosen)


def purposes(service: ReviewService, person: str, count: int) -> list[str]:
    return [item.purpose.value for item in service.claim(person, count=count)]


def test_every_tenth_item_is_a_sample_and_samples_that_are_left_come_last(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({f"w-{number}/front": f"w {number}" for number in range(12)})
    shop.wait({f"s-{number}/front": f"s {number}" for number in range(3)}, "sample")
    given = purposes(service_of(shop), "ann", 20)
    assert given == ["queue"] * 9 + ["sample"] + ["queue"] * 3 + ["sample"] * 2


def test_looking_at_what_comes_next_does_not_move_the_places(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({f"w-{number}/front": f"w {number}" for number in range(12)})
    shop.wait({"s/front": "s"}, "sample")
    service = service_of(shop)
    for _ in range(12):
        service.progress("ann")
    assert purposes(service, "ann", 10)[9] == "sample"


def test_items_that_two_people_agreed_on_measure_a_third_a_fixed_number_of_times(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({f"k-{number}/front": f"k {number}" for number in range(4)})
    service = service_of(shop, double_share=1.0, known_per_session=2, known_every=3)
    for person in (ANN, BOB):
        for item in service.claim(person.name, count=4):
            service.answer(person, item.id, AnswerKind.ACCEPT)
    shop.store.delete(shop.keys(layout.review_claims_prefix(CATALOGUE)))  # they ended long ago
    for number in range(4):  # the night published them
        shop.commit_outcome(f"night-{number}", f"k-{number}/front", f"k {number}", "deferred")
    shop.wait({f"w-{number}/front": f"w {number}" for number in range(9)})
    again = service_of(shop, double_share=0.0, known_per_session=2, known_every=3)
    items = again.claim("eve", count=9)
    known = [place for place, item in enumerate(items, 1) if item.purpose == AnswerPurpose.KNOWN]
    assert known == [3, 6]
    assert {item.prompt.split()[-2] for item in items if item.purpose == AnswerPurpose.KNOWN} == {"k"}
    answer = again.answer(ANN, items[2].id, AnswerKind.REFUSE, reason="colour")
    assert answer.purpose == AnswerPurpose.KNOWN
    assert again.groups()[0].reason == "blurred"  # it makes no conflict
    assert purposes(again, "ann", 9).count("known") == 0  # she said herself what is known


def test_a_group_and_a_filter_have_nothing_mixed_in_and_held_images_come_by_their_group_alone(tmp_path: Path) -> None:
    shop = ReviewScenario(tmp_path)
    shop.wait({f"w-{number}/front": f"w {number}" for number in range(11)})
    shop.wait({"s/front": "s"}, "sample")
    run = shop.wait({"h/front": "h"}, "held")
    shop.write_run_folder(run, is_open=True)
    service = service_of(shop)
    assert [item.purpose for item in service.claim("ann", group=HELD_GROUP, count=3)] == ["held"]
    assert {item.purpose for item in service.claim("bob", ReviewFilter(category="shirts"), 10)} == {"queue"}
    assert len(service.claim("eve", group="blurred", count=20)) == 1
    assert service.progress("ann").left == 12
