"""The worst word wins, and no word goes without its reasons."""

import pickle

import pytest

from catalogs.verdict import PASS, Verdict, combine_verdicts


def test_nothing_found_is_a_pass() -> None:
    assert combine_verdicts([]) == PASS == Verdict("PASS")


def test_the_worst_word_wins_and_all_reasons_are_kept_sorted_and_once() -> None:
    findings = [Verdict("REVIEW", ("c",)), Verdict("BLOCK", ("b",)), PASS, Verdict("REVIEW", ("a", "c"))]
    assert combine_verdicts(findings) == Verdict("BLOCK", ("a", "b", "c"))
    assert combine_verdicts(reversed(findings)) == combine_verdicts(findings)


def test_another_seed_is_asked_for_only_if_it_helps_against_every_block() -> None:
    seed, no_seed = Verdict("BLOCK", ("blurred",), retryable=True), Verdict("BLOCK", ("file-too-large",))
    assert combine_verdicts([seed, Verdict("REVIEW", ("x",))]).retryable
    assert not combine_verdicts([seed, no_seed]).retryable


@pytest.mark.parametrize(
    ("word", "reasons", "again"),
    [("PASS", ("blurred",), False), ("BLOCK", (), False), ("REVIEW", ("blurred",), True), ("MAYBE", ("x",), False)],
)
def test_a_verdict_that_cannot_be_explained_is_refused(word: str, reasons: tuple[str, ...], again: bool) -> None:
    with pytest.raises(ValueError, match=r"PASS|BLOCK"):
        Verdict(word, reasons, again)  # type: ignore[arg-type]


def test_a_verdict_travels_between_processes() -> None:
    verdict = Verdict("BLOCK", ("blank",), retryable=True)
    assert pickle.loads(pickle.dumps(verdict)) == verdict  # noqa: S301
