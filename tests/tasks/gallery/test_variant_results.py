"""Variant results: the newest decision of each slot, what people said, and what is gone."""

from catalogs.answers.answer import AnswerKind
from tasks.gallery.variant_results import VariantReport
from tests.fixtures.gallery_shop import GalleryShop


def report(shop: GalleryShop) -> VariantReport:
    return shop.gallery.variants()


def test_the_newest_decision_of_each_slot_counts(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.decide("r1", {("a/front", "red"): "publish", ("b/front", "blue"): "review", ("c/front", "x"): "failed"})
    shop.release("r2", {"b/front": "green"})
    shop.decide("r2", {("b/front", "green"): "publish"}, attempt=2, attempts_spent=3)
    found = report(shop)
    (result,) = found.results
    assert (result.variant, result.skus, result.slots, result.published) == ("a", 2, 2, 2)
    assert (result.attempts, result.first_try.value) == (2.0, 0.5)
    assert (found.runs, found.swept_runs, found.differences) == (2, 0, [])


def test_variants_are_compared_with_what_people_said(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red", "b/front": "blue"})
    shop.decide("r1", {("a/front", "red"): "publish", ("b/front", "blue"): "publish"})
    shop.release("r2", {"c/front": "pink"})
    shop.decide("r2", {("c/front", "pink"): "blocked", ("d/front", "grey"): "publish"}, variant="b")
    shop.answer("a/front", AnswerKind.REFUSE)
    shop.answer("b/front", AnswerKind.ACCEPT)
    found = report(shop)
    assert [(result.variant, result.slots, result.published) for result in found.results] == [("a", 2, 2), ("b", 2, 1)]
    people = found.results[0].people
    assert (people.asked_of_passed, people.refused, people.asked_of_kept) == (2, 1, 0)
    assert found.results[1].people.overturned.value is None
    assert found.differences[0].conclusion.startswith("too few SKUs")


def test_runs_whose_decisions_were_swept_are_counted(shop: GalleryShop) -> None:
    shop.release("r1", {"a/front": "red"})
    assert report(shop) == VariantReport([], [], runs=0, swept_runs=1)
