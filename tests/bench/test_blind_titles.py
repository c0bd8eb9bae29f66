"""The blind titles are whole, their figures are the textbook's, and the gate holds the shares it had."""

from pathlib import Path

import pytest

from bench.blind_titles import LABELS, cohens_kappa, measure_blind_titles, read_blind_titles, score


def test_there_are_five_hundred_titles_of_many_kinds_with_labels() -> None:
    titles = read_blind_titles()
    assert len(titles) == len({one.title for one in titles}) == 500
    assert len({one.kind for one in titles}) == 25
    assert {one.first for one in titles} == set(LABELS)
    assert {one.second for one in titles} == set(LABELS)
    assert cohens_kappa([(one.first, one.second) for one in titles]) > 0.9


def test_kappa_is_agreement_beyond_chance() -> None:
    yes_no = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(yes_no) == pytest.approx(0.4)
    assert cohens_kappa([("a", "a"), ("b", "b")]) == 1
    assert cohens_kappa([("a", "a")]) == 1


def test_a_score_counts_what_is_stopped() -> None:
    found = score(["pass", "pass", "ask", "block"], ["pass", "ask", "block", "pass"])
    assert (found["asked_wrongly"], found["blocked_wrongly"]) == (0.5, 0)
    assert (found["precision"], found["recall"]) == (0.5, 0.5)
    assert found["counts"]["ask -> block"] == 1


def test_in_a_shop_that_sells_any_brand_two_percent_wait_for_nothing() -> None:
    rows = {(row["policy"], row["shop"], row["reader"]): row for row in measure_blind_titles()["gate"]}
    before, now = rows["default@1", "any", "first"], rows["default@2", "any", "first"]
    assert before["asked_wrongly"] > 0.25
    assert now["asked_wrongly"] <= 0.021  # nine of 448, all by words
    assert now["blocked_wrongly"] < before["blocked_wrongly"]
    assert now["recall"] >= 0.75


def test_a_second_readers_labels_are_found_by_number(tmp_path: Path) -> None:
    titles, second = tmp_path / "titles.tsv", tmp_path / "second.csv"
    titles.write_text("number\tlabel\tkind\ttitle\n1\tpass\tpets\tDog bed\n2\task\tpets\tFake Gucci\n", "utf-8")
    assert [one.second for one in read_blind_titles(titles, second)] == ["", ""]
    second.write_text("number,label\n2,ask\n1,ask\n", "utf-8")
    assert [(one.first, one.second) for one in read_blind_titles(titles, second)] == [("pass", "ask"), ("ask", "ask")]
