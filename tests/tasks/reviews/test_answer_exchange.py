"""Exchange: what waits is exported, and only answers to what waits, for the pixels that wait, are taken in."""

from pathlib import Path

import pytest

from catalogs.answers.answer import AnswerKind
from catalogs.reviews.answer_csv import item_cells
from tasks.answers.answer_log import read_answers
from tasks.reviews.answer_exchange import AnswerImporter, ImportCounts, answered_rows, waiting_items
from tests.fixtures.review_scenarios import ReviewScenario
from tests.fixtures.store_scenarios import CATALOGUE


@pytest.fixture
def shop(tmp_path: Path) -> ReviewScenario:
    scenario = ReviewScenario(tmp_path)
    scenario.wait({"shirt/front": "red", "cap/front": "blue"})
    scenario.wait({"hat/front": "green"}, "blocked")
    return scenario


def rows_of(shop: ReviewScenario) -> dict[str, dict[str, str]]:
    items = waiting_items(shop.store, shop.tables, CATALOGUE)
    return {item.skus[0]: item_cells(item, shop.store.url) for item in items}


def importer_of(shop: ReviewScenario, *, may_override: bool = False) -> AnswerImporter:
    return AnswerImporter(shop.store, shop.tables, CATALOGUE, may_override=may_override)


def test_answers_are_bound_to_what_waits_and_keep_who_and_why(shop: ReviewScenario) -> None:
    rows = rows_of(shop)
    assert sorted(rows) == ["cap", "hat", "shirt"]
    given = [
        rows["shirt"] | {"kind": "accept"},
        rows["cap"] | {"kind": "refuse", "reason": "colour", "why": "too blue"},
    ]
    importer = importer_of(shop)
    found = importer.check(enumerate([*given, rows["hat"]], 2), "ada")
    assert (found.bad, found.unanswered, len(found.answers)) == ([], 1, 2)
    assert read_answers(shop.store, CATALOGUE) == [], "checking writes nothing"
    assert importer.write(found.answers) == ImportCounts(imported=2, already_given=0, differing=0)
    answers = {answer.image.sku: answer for answer in read_answers(shop.store, CATALOGUE) if answer.image is not None}
    assert (answers["shirt"].kind, answers["shirt"].who) == (AnswerKind.ACCEPT, "ada")
    assert (answers["cap"].reason, answers["cap"].why) == ("colour", "too blue")
    assert answers["cap"].image is not None
    assert answers["cap"].image.pixel_sha.hex() == rows["cap"]["pixel_sha"]
    assert sorted(rows_of(shop)) == ["hat"]
    told = {row["sku"]: row["kind"] for row in answered_rows(shop.store, CATALOGUE)}
    assert told == {"shirt": "accept", "cap": "refuse"}
    assert list(answered_rows(shop.store, CATALOGUE, "2999-01")) == []


def test_other_pixels_unknown_images_and_repeated_rows_are_bad(shop: ReviewScenario) -> None:
    rows = rows_of(shop)
    accept = {"kind": "accept"}
    bad = (
        importer_of(shop)
        .check(
            [
                (2, rows["shirt"] | accept),
                (3, rows["shirt"] | accept),
                (4, rows["cap"] | accept | {"pixel_sha": "ab" * 32}),
                (5, rows["cap"] | accept | {"image_key": "ab" * 32}),
                (6, rows["cap"] | accept | {"prompt": "x", "kind": "retry", "why": "y" * 5000}),
            ],
            "ada",
        )
        .bad
    )
    assert [row.line for row in bad] == [3, 4, 5, 6]
    assert "line 2" in bad[0].reason
    assert "pixel_sha: another one waits now" in bad[1].reason
    assert "waits for nobody" in bad[2].reason
    assert "why: it has more than" in bad[3].reason


def test_the_same_file_again_writes_nothing_and_another_answer_or_person_does(shop: ReviewScenario) -> None:
    rows = rows_of(shop)

    def read(by: str, **cap: str) -> ImportCounts:
        given = [rows["shirt"] | {"kind": "accept", "seconds": "2"}, rows["cap"] | {"kind": "refuse"} | cap]
        importer = importer_of(shop)
        found = importer.check(enumerate(given, 2), by)
        assert found.bad == []
        return importer.write(found.answers)

    assert read("ada", reason="colour") == ImportCounts(imported=2, already_given=0, differing=0)
    assert read("ada", reason="colour") == ImportCounts(imported=0, already_given=2, differing=0)
    assert read("ada", reason="cropped") == ImportCounts(imported=1, already_given=1, differing=0)
    assert read("ben", reason="cropped") == ImportCounts(imported=2, already_given=0, differing=0)
    assert read("eve", kind="accept") == ImportCounts(imported=2, already_given=0, differing=1)
    assert len(read_answers(shop.store, CATALOGUE)) == 7


def test_a_refusal_whose_reason_needs_words_is_bad_without_them(shop: ReviewScenario) -> None:
    [bad] = importer_of(shop).check([(2, rows_of(shop)["cap"] | {"kind": "refuse", "reason": "other"})], "ada").bad
    assert bad.reason == "why: the reason 'other' says nothing by itself; say in words what is wrong"


def test_what_a_gate_blocked_needs_the_scope_of_its_own(shop: ReviewScenario) -> None:
    row = rows_of(shop)["hat"] | {"kind": "accept"}
    [bad] = importer_of(shop).check([(2, row)], "ada").bad
    assert bad.reason == "kind: the gates blocked the image of 'hat'; give --override to accept it"
    assert importer_of(shop, may_override=True).check([(2, row)], "ada").bad == []
