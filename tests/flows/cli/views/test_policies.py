"""What a policy's page on the terminal says, and that a SKU on it stays text."""

import io
from typing import Any

from rich.console import Console

from flows.cli.views.policies import MAX_CHANGES_SHOWN, show_application, show_policies, show_trial

WORDS = ("PASS", "REVIEW", "BLOCK")


def trial(**changes: Any) -> dict[str, Any]:
    matrix = {now: dict.fromkeys(WORDS, 0) for now in WORDS}
    matrix["PASS"] |= {"PASS": 12_345, "BLOCK": 2}
    flip = {"now": "PASS", "then": "BLOCK", "reason": "blurred", "slots": 2, "skus": ["[red]BAG[/red]", "\x1b[2JTOY"]}
    return {
        "catalogue": "home", "release": 41, "policy": {"version": 2, "digest": "d"}, "published": 12_347, "waiting": 5,
        "matrix": matrix, "flips": [flip], "not_stored": {"published": 0, "waiting": 0}, "to_make": 0,
        "alike": 0, "brands": 0, "people": {"accepted_that_fail": 0, "refused_that_pass": 0},
        **changes,
    }  # fmt: skip


def applied(**changes: Any) -> dict[str, Any]:
    return {
        "catalogue": "home", "dry_run": False, "run_id": "r9", "held": [], "release": {"version": 42, "previous": 41},
        "refused": {"review": 1, "blocked": 1, "another_seed": 1}, "withdrawn": {"pictures": 2}, "completed": [],
        "in_force": {"number": 3, "digest": "d", "file": "[red]strict.yaml"}, "trial": trial(), **changes,
    }  # fmt: skip


def said(show: Any, document: dict[str, Any]) -> str:
    out = io.StringIO()
    show(Console(file=out, width=100, force_terminal=False), document)
    return " ".join(out.getvalue().split())


def test_the_matrix_and_the_flips_are_shown_and_skus_are_text() -> None:
    text = said(show_trial, trial())
    assert "PASS 12,345 0 2" in text
    assert "PASS BLOCK blurred 2 [red]BAG[/red]" in text
    assert "\x1b" not in text
    assert "Note:" not in text


def test_what_could_not_be_decided_is_said() -> None:
    text = said(show_trial, trial(not_stored={"published": 3, "waiting": 1}, to_make=4, alike=5))
    assert "3 published and 1 waiting images stay as they are: their scores are not stored." in text
    assert "4 slots would pass with their prompt; their images are yet to be made." in text
    assert "5 wait because they are like another image, which only a refresh compares." in text


def test_what_people_said_against_the_policy_is_counted() -> None:
    text = said(show_trial, trial(people={"accepted_that_fail": 7, "refused_that_pass": 3}))
    assert "7 live images that it refuses were accepted by a person; they go only where it is applied" in text
    assert "3 slots that it would pass were refused by a person, and stay so." in text


def test_a_long_list_is_cut_and_says_so() -> None:
    flips = [trial()["flips"][0] | {"reason": f"odd-{number}"} for number in range(MAX_CHANGES_SHOWN + 1)]
    assert f"The first {MAX_CHANGES_SHOWN} of {MAX_CHANGES_SHOWN + 1}; --json has them all." in said(
        show_trial, trial(flips=flips)
    )


def test_what_was_withdrawn_or_would_be_or_waits_is_one_sentence() -> None:
    done = said(show_application, applied())
    assert "Release 42: 2 images withdrawn, 1 for a person, 1 blocked;" in done
    assert "In force: policy 3, [red]strict.yaml." in done
    assert "What newly passes is published by the next refresh, which takes this policy." in done
    barrier = said(show_application, applied(withdrawn={"pictures": 0}))
    assert "Nothing to withdraw: the images stay as they are." in barrier
    assert "Would withdraw 2 images in one commit" in said(show_application, applied(dry_run=True, run_id=None))
    assert "In force already, and nothing to withdraw: release 42 stays." in said(
        show_application, applied(run_id=None)
    )
    held = said(show_application, applied(held=["withdrawn-share"], run_id=None))
    assert "Held: 2 of 12,347 live images would go" in held
    assert "--accept withdrawn-share --reason …" in held
    other = {"kind": "rollback", "run_id": "r8", "version": 40}
    assert "Completed first: rollback r8, release 40." in said(show_application, applied(completed=[other]))


def test_the_policies_are_listed_with_who_when_and_why() -> None:
    line = {
        "number": 2, "digest": "d" * 64, "when": "2026-03-01T02:00:00+00:00", "who": "ada", "file": "[b]strict.yaml",
        "why": "the brand asked", "in_force": True,
    }  # fmt: skip
    text = said(show_policies, [line, line | {"number": 1, "in_force": False, "why": "first run"}])  # type: ignore[arg-type]
    assert f"2 (in force) {'d' * 12} 2026-03-01 02:00 ada [b]strict.yaml the brand asked 1 {'d' * 12}" in text
    assert "No policy is recorded yet" in said(show_policies, [])  # type: ignore[arg-type]
