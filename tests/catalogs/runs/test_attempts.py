"""The attempt that stands for a request depends on what was made, never on the order in which it came back."""

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.runs.attempts import AttemptHistory, attempt_histories
from catalogs.runs.work_items import GeneratedImage, ScreenedAttempt, WorkItem, record_table
from catalogs.verdict import PASS, Verdict
from tests.fixtures.run_rows import numbered_request

VERDICTS = {
    "pass": PASS,
    "review": Verdict("REVIEW", ("blurred",)),
    "block": Verdict("BLOCK", ("blank",), retryable=True),
    "never": Verdict("BLOCK", ("too-small",)),
}


def record(number: int, attempt: int, word: str, finish: str = "plain") -> pa.Table:
    request = numbered_request(number, attempts_allowed=9, finish_digest=finish)
    return record_table(
        [ScreenedAttempt(GeneratedImage(WorkItem(request, attempt), "generated", "ab" * 32), VERDICTS[word])]
    )


def chain(*words: str, first: int = 0) -> AttemptHistory:
    [found] = attempt_histories(record(1, first + attempt, word) for attempt, word in enumerate(words)).values()
    return found


@pytest.mark.parametrize(
    ("words", "excluded", "picked"),
    [
        (("pass",), set(), 0),
        (("block", "pass"), set(), 1),
        (("block", "review", "pass"), set(), 2),
        (("pass", "pass"), set(), 0),
        (("block", "review", "review"), set(), 1),
        (("review", "block"), set(), 0),
        (("block", "block", "never"), set(), 2),
        (("pass", "pass"), {0}, 1),
        (("pass", "review"), {0}, 1),
        (("pass", "block"), {0}, 1),
        (("pass", "review", "pass"), {0, 2}, 1),
        (("pass",), {0}, 0),
    ],
)
def test_the_first_that_passes_else_the_first_for_a_person_else_the_last_no(
    words: tuple[str, ...], excluded: set[int], picked: int
) -> None:
    assert chain(*words).select_attempt(excluded).attempt == picked


def test_attempts_of_earlier_nights_count_as_spent() -> None:
    later = chain("block", "pass", first=2)
    assert (later.attempts_spent, later.last_attempt.attempt, later.select_attempt().attempt) == (4, 3, 3)


def test_what_an_attempt_was_is_read_back_from_its_record() -> None:
    attempt = chain("block").attempts[0]
    assert (attempt.origin, attempt.verdict, attempt.reasons, attempt.needs_retry) == (
        "generated",
        "BLOCK",
        ("blank",),
        True,
    )
    assert attempt.image_key == bytes.fromhex(WorkItem(numbered_request(1), 0).image_key)


def test_finishes_of_one_request_are_chains_of_their_own() -> None:
    chains = attempt_histories([record(1, 0, "pass"), record(1, 0, "block", "square"), record(2, 0, "review")])
    assert {(key[-1], finish): found.select_attempt().verdict for (key, finish), found in chains.items()} == {
        (1, "plain"): "PASS",
        (1, "square"): "BLOCK",
        (2, "plain"): "REVIEW",
    }


@settings(max_examples=40, deadline=None)
@given(
    words=st.dictionaries(
        st.integers(0, 3), st.lists(st.sampled_from(sorted(VERDICTS)), min_size=1, max_size=4), max_size=4
    ),
    random=st.randoms(use_true_random=False),
    cut=st.integers(1, 4),
)
def test_the_order_and_the_cut_of_the_records_change_nothing(
    words: dict[int, list[str]], random: Random, cut: int
) -> None:
    rows = [record(number, attempt, word) for number, list_ in words.items() for attempt, word in enumerate(list_)]
    plain = attempt_histories(rows)
    random.shuffle(rows)
    shuffled = attempt_histories(pa.concat_tables(rows[start : start + cut]) for start in range(0, len(rows), cut))
    assert shuffled == plain
    assert {key: found.select_attempt() for key, found in shuffled.items()} == {
        key: found.select_attempt() for key, found in plain.items()
    }
    assert len(plain) == len(words)


def test_no_records_are_no_chains() -> None:
    assert attempt_histories([]) == {}
    assert attempt_histories([record_table([])]) == {}
