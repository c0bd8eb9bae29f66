"""The worst word wins, and no word goes without its reasons."""

import pickle

import pytest

from catalogs.verdict import PASS, Verdict, worst


def test_nothing_found_is_a_pass() -> None:
    assert worst([]) == PASS == Verdict("PASS")


def test_the_worst_word_wins_and_all_reasons_are_kept_sorted_and_once() -> None:
    findings = [Verdict("REVIEW", ("c",)), Verdict("BLOCK", ("b",)), PASS, Verdict("REVIEW", ("a", "c"))]
    assert worst(findings) == Verdict("BLOCK", ("a", "b", "c"))
    assert worst(reversed(findings)) == worst(findings)


def test_another_seed_is_asked_for_only_if_it_helps_against_every_block() -> None:
    seed, no_seed = Verdict("BLOCK", ("blurred",), again=True), Verdict("BLOCK", ("file-too-large",))
    assert worst([seed, Verdict("REVIEW", ("x",))]).again
    assert not worst([seed, no_seed]).again


@pytest.mark.parametrize(
    ("word", "reasons", "again"),
    [("PASS", ("blurred",), False), ("BLOCK", (), False), ("REVIEW", ("blurred",), True), ("MAYBE", ("x",), False)],
)
def test_a_verdict_that_cannot_be_explained_is_refused(word: str, reasons: tuple[str, ...], again: bool) -> None:
    with pytest.raises(ValueError, match=r"PASS|BLOCK"):
        Verdict(word, reasons, again)  # type: ignore[arg-type]


def test_a_verdict_travels_between_processes() -> None:
    verdict = Verdict("BLOCK", ("blank",), again=True)
    assert pickle.loads(pickle.dumps(verdict)) == verdict  # noqa: S301
