"""The blind titles are whole, their figures are the textbook's, and the gate holds the shares it had."""

import pytest

from bench.blind_titles import LABELS, cohens_kappa, measure_blind_titles, read_blind_titles, score


def test_there_are_five_hundred_titles_of_many_kinds_with_labels() -> None:
    titles = read_blind_titles()
    assert len(titles) == len({one.title for one in titles}) == 500
    assert len({one.kind for one in titles}) == 25
    assert {one.first for one in titles} == set(LABELS)
    assert {one.second for one in titles} <= {*LABELS, ""}


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


def test_in_a_shop_that_sells_any_brand_at_most_two_percent_wait_for_nothing() -> None:
    rows = {(row["policy"], row["shop"], row["reader"]): row for row in measure_blind_titles()["gate"]}
    before, now = rows["default@1", "any", "first"], rows["default@2", "any", "first"]
    assert before["asked_wrongly"] > 0.25
    assert now["asked_wrongly"] <= 0.02
    assert now["blocked_wrongly"] < before["blocked_wrongly"]
    assert now["recall"] >= 0.75
