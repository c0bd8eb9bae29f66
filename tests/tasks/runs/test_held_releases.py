"""A person lets some checks of a held run go: it is kept with who and why, for that run alone."""

from datetime import UTC, datetime

from catalogs import layout
from catalogs.runs.job import Run
from infra.stores.json_objects import write_json
from infra.stores.memory import MemoryStore
from tasks.answers.answer_folding import fold_answers
from tasks.answers.answer_log import read_answers
from tasks.runs.held_releases import accept_checks, accepted_checks, read_accepted_checks

RUN, OTHER = (Run(name, "shoes", "full", "f1", datetime(2026, 11, 30, tzinfo=UTC), "shoes.csv") for name in "ab")


def test_checks_are_accepted_for_one_run_with_who_and_why() -> None:
    store = MemoryStore("accepted-checks")
    assert accepted_checks(store, RUN) == set()
    accept_checks(store, RUN, ["retired-share"], "the winter goods go", "ada")
    accept_checks(store, RUN, ["slots-sum", "rows-difference"], "as meant", "ben")
    fold_answers(store, "shoes", above=0)
    assert accepted_checks(store, RUN) == {"retired-share", "slots-sum", "rows-difference"}
    assert accepted_checks(store, OTHER) == set()
    first = read_answers(store, "shoes")[0]
    assert (first.who, first.why, first.details) == (
        "ada",
        "the winter goods go",
        {"run_id": "a", "checks": ["retired-share"]},
    )


def test_what_an_earlier_version_accepted_still_counts() -> None:
    store = MemoryStore("accepted-earlier")
    document = {"run_id": "a", "accepted": ["retired-share"], "reason": "as meant", "by": "ada"}
    write_json(store, layout.person_decision("shoes", "a", layout.HELD_RELEASE), document)
    assert read_accepted_checks(store, "shoes") == {"a": {"retired-share"}}
