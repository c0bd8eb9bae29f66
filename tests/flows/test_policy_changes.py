"""A new policy, tried and applied: what it would change, what it takes away, and that nothing brings that back."""

import json
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError, PolicyChanged
from catalogs.policy.prompt_rules import WordCategory
from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from catalogs.runs.commit_kinds import POLICY_KIND
from flows.policy_changes import PolicyProposal, enforce_policy, try_policy
from flows.run.leases import hold_catalogue_lease
from infra.stores.parquet_objects import read_row_groups
from infra.testing.faulty_store import FaultInjector, InjectedFault
from tasks.amendments.apply_policy import WITHDRAWN_SHARE_CHECK, CheckOverride
from tasks.answers.answer_log import read_answers
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.release_history import list_releases
from tests.fixtures.crash_harness import (
    CATALOGUE,
    CrashHarness,
    JsonObject,
    assert_store_consistent,
    catalogue_row,
    edge_case_rows,
    plain_rows,
    published_slots,
    recorded_outcomes,
)

pytestmark = pytest.mark.usefixtures("reduced_audit")

OLD = built_in_policy()
YES = CheckOverride((WITHDRAWN_SHARE_CHECK,), "the brand asked for it", "ada")


def banning(term: str, verdict: Any = "BLOCK", policy: Policy = OLD) -> Policy:
    categories = policy.words.categories | {"brands": WordCategory(verdict=verdict, terms=(term,))}
    words = policy.words.model_copy(update={"categories": categories})
    return policy.model_copy(update={"version": policy.version + 1, "words": words})


def judging(policy: Policy = OLD, **rule: Any) -> Policy:
    return policy.model_copy(update={"version": policy.version + 1, "image": (*policy.image, ImageRule(**rule))})


NO_OXFORD = banning("oxford")
"""Refuses the Oxford Shirt, which is live in two slots that share a picture."""


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> CrashHarness:
    """A world after one night of every fate, and forty live slots."""
    world = CrashHarness(tmp_path_factory.mktemp("night"), edge_case_rows() + plain_rows(27))
    world.refresh()
    assert len(published_slots(world.tables)) >= 40
    return world


def copy_harness(first_release: CrashHarness, folder: Path, policy: Policy = OLD) -> CrashHarness:
    shutil.copytree(first_release.folder / "store", folder / "store")
    return CrashHarness(folder, [dict(each) for each in first_release.rows], policy=policy)


@pytest.fixture
def harness(first_release: CrashHarness, tmp_path: Path) -> CrashHarness:
    return copy_harness(first_release, tmp_path)


def trial_of(harness: CrashHarness, policy: Policy) -> JsonObject:
    return try_policy(harness.store, harness.tables, CATALOGUE, policy)


def proposal(policy: Policy, consent: CheckOverride | None = None) -> PolicyProposal:
    if consent is None:
        return PolicyProposal(policy, "new.yaml", "ada")
    return PolicyProposal(policy, "new.yaml", consent.person, consent.reason, consent.checks)


def apply(
    harness: CrashHarness, policy: Policy, consent: CheckOverride | None = None, mortality: FaultInjector | None = None
) -> JsonObject:
    store, tables = harness._open_with_faults(mortality)
    settings = harness.settings.model_copy(update={"single_writer": True})  # probing is not what is killed here
    return enforce_policy(store, tables, CATALOGUE, proposal(policy, consent), settings)


def keys(harness: CrashHarness) -> dict[str, int]:
    return {info.key: info.size for info in harness.store.list("")}


def places(shown: dict[str, Any]) -> set[str]:
    return {place.partition("/")[0] for place in shown}


def without_age(harness: CrashHarness) -> dict[Any, Any]:
    return recorded_outcomes(harness.tables)


# Trying


def test_the_policy_in_force_changes_nothing_and_counts_every_slot_once(harness: CrashHarness) -> None:
    before = keys(harness)
    trial = trial_of(harness, OLD)
    assert keys(harness) == before
    live, waiting = len(published_slots(harness.tables)), trial["waiting"]
    states = [state for state, *_ in recorded_outcomes(harness.tables).values()]
    matrix = trial["matrix"]
    assert (trial["published"], matrix["PASS"]["PASS"]) == (live, live)
    assert matrix["REVIEW"]["REVIEW"] == states.count("review")
    assert matrix["BLOCK"]["BLOCK"] == states.count("blocked")
    assert waiting == states.count("review") + states.count("blocked")
    assert trial["flips"] == []
    assert trial["not_stored"] == {"published": 0, "waiting": 0}
    assert trial["alike"] > 0  # the copies


def test_a_stricter_word_list_flips_what_is_live_and_says_which(harness: CrashHarness) -> None:
    before = keys(harness)
    trial = trial_of(harness, NO_OXFORD)
    assert trial["matrix"]["PASS"] == {"PASS": trial["published"] - 2, "REVIEW": 0, "BLOCK": 2}
    assert trial["flips"] == [
        {"now": "PASS", "then": "BLOCK", "reason": "words.brands", "slots": 2, "skus": ["shared-m", "shared-s"]}
    ]
    assert keys(harness) == before


def test_a_lenient_word_list_lets_prompts_go_whose_pictures_are_yet_to_be_made(harness: CrashHarness) -> None:
    lenient = OLD.model_copy(update={"words": OLD.words.model_copy(update={"categories": {}})})
    trial = trial_of(harness, lenient)
    assert trial["to_make"] == 2
    assert {(flip["now"], flip["reason"], *flip["skus"]) for flip in trial["flips"]} == {
        ("BLOCK", "words.weapons", "banned"),
        ("REVIEW", "words.nudity", "doubtful"),
    }


def test_other_thresholds_are_tried_on_stored_scores(harness: CrashHarness) -> None:
    blind = OLD.model_copy(update={"image": tuple(rule for rule in OLD.image if rule.reason != "blurred")})
    (flip,) = trial_of(harness, blind)["flips"]
    assert (flip["now"], flip["then"], flip["reason"], flip["skus"]) == ("BLOCK", "PASS", "blurred", ["blurred"])
    strict = judging(score="size.width", reason="narrow", review_below=300)
    trial = trial_of(harness, strict)
    assert trial["matrix"]["PASS"] == {"PASS": 0, "REVIEW": trial["published"], "BLOCK": 0}


def test_a_scanner_that_is_newly_required_leaves_nothing_that_passes(harness: CrashHarness) -> None:
    asking = OLD.model_copy(update={"required": (*OLD.required, "nudity")})
    trial = trial_of(harness, asking)
    assert trial["matrix"]["PASS"]["REVIEW"] == trial["published"]
    flips = [flip for flip in trial["flips"] if flip["now"] == "PASS"]
    assert [(flip["then"], flip["reason"]) for flip in flips] == [("REVIEW", "scanner-missing.nudity")]


def test_scores_that_were_swept_are_counted_and_decide_nothing(harness: CrashHarness) -> None:
    for info in list(harness.store.list(layout.RUNS)):
        if "/records/" in info.key:
            harness.store.delete([info.key])
    trial = trial_of(harness, NO_OXFORD)
    assert trial["not_stored"]["published"] == trial["published"] > 0
    assert trial["matrix"]["PASS"] == {"PASS": 0, "REVIEW": 0, "BLOCK": 0}
    done = apply(harness, NO_OXFORD)
    assert (done["in_force"]["number"], done["withdrawn"]["pictures"]) == (2, 0)


def test_a_question_without_an_answer_is_a_no_by_then(harness: CrashHarness) -> None:
    hasty = OLD.model_copy(update={"review_days": 1})
    assert trial_of(harness, hasty)["matrix"]["REVIEW"]["BLOCK"] == 0
    late = OLD.model_copy(update={"review_days": 0})
    flips = trial_of(harness, late)["flips"]
    assert {(flip["now"], flip["then"]) for flip in flips} == {("REVIEW", "BLOCK")}
    assert "review-expired" in {flip["reason"] for flip in flips}


# Applying


def test_what_the_policy_refuses_is_withdrawn_in_one_commit_with_its_reasons(harness: CrashHarness) -> None:
    before = published_slots(harness.tables)
    done = apply(harness, NO_OXFORD)
    assert (done["held"], done["refused"], done["withdrawn"]) == (
        [],
        {"review": 0, "blocked": 2, "another_seed": 0},
        {"pictures": 2},
    )
    assert done["release"] == {"version": 2, "previous": 1}
    after = published_slots(harness.tables)
    assert places(before) - places(after) == {"shared-s", "shared-m"}
    said = [entry for (name, _), entry in recorded_outcomes(harness.tables).items() if name.startswith("shared-")]
    assert [(entry[0], entry[2], entry[5]) for entry in said] == [("blocked", ("words.brands",), NO_OXFORD.digest)] * 2
    line = list_releases(harness.tables, CATALOGUE, harness.store)[0]
    assert (line.version, line.kind, line.run_id, line.rows) == (2, POLICY_KIND, done["run_id"], 2)
    assert list(harness.store.list(layout.open_manifest_changes_prefix())) == []


def test_applied_twice_it_is_the_same_release(harness: CrashHarness) -> None:
    apply(harness, NO_OXFORD)
    before = keys(harness)
    done = apply(harness, NO_OXFORD)
    assert (done["release"], done["run_id"]) == ({"version": 2, "previous": 2}, None)
    assert {key: size for key, size in keys(harness).items() if not key.startswith(layout.LEASES)} == {
        key: size for key, size in before.items() if not key.startswith(layout.LEASES)
    }


def test_a_dry_run_says_the_same_and_writes_nothing(harness: CrashHarness) -> None:
    before = keys(harness)
    settings = harness.settings
    done = enforce_policy(harness.store, harness.tables, CATALOGUE, proposal(NO_OXFORD), settings, dry_run=True)
    assert (done["dry_run"], done["refused"]["blocked"], done["withdrawn"]["pictures"]) == (True, 2, 0)
    assert keys(harness) == before


def test_the_next_night_does_not_bring_it_back_unless_its_policy_lets_it(harness: CrashHarness) -> None:
    before = published_slots(harness.tables)
    apply(harness, NO_OXFORD)
    harness.policy = NO_OXFORD
    report = harness.refresh()
    assert "shared-s" not in places(published_slots(harness.tables))
    assert (report["slots"]["published"], report["images"]["generated"]) == (0, 0)
    assert harness.refresh()["slots"]["waiting"] == report["slots"]["waiting"]
    assert apply(harness, OLD)["in_force"]["number"] == 3
    harness.policy = OLD
    report = harness.refresh()
    assert (report["slots"]["published"], report["images"]["generated"]) == (2, 0)
    assert published_slots(harness.tables) == before
    assert trial_of(harness, OLD)["flips"] == []


def test_what_an_applied_policy_withdrew_is_decided_by_its_scores_and_not_taken_for_a_copy(
    harness: CrashHarness,
) -> None:
    apply(harness, NO_OXFORD)
    trial = trial_of(harness, OLD)
    assert [(flip["now"], flip["then"], flip["skus"]) for flip in trial["flips"]] == [
        ("BLOCK", "PASS", ["shared-m", "shared-s"])
    ]


def test_where_another_seed_may_help_the_next_refresh_tries_one(harness: CrashHarness) -> None:
    scores = _scores(harness)
    worst_live = min(scores, key=lambda key: scores[key])
    limit = sorted(scores.values())[1]
    strict = judging(score="blur.foreground", reason="soft", block_below=limit, again=True)
    done = apply(harness, strict)
    assert done["refused"] == {"review": 0, "blocked": 1, "another_seed": 1}
    gone = next(place for place, shown in published_slots(harness.tables, 1).items() if shown[0] == worst_live)
    assert gone not in published_slots(harness.tables)
    harness.policy = strict
    report = harness.refresh()
    shown = published_slots(harness.tables)
    assert gone not in shown or shown[gone][1] > 0  # another attempt, or none that the policy lets pass
    assert report["images"]["attempts"] >= 2


def _scores(harness: CrashHarness) -> dict[str, float]:
    """Return the blur score of each live picture that is live in one slot, by request key."""
    shown = [entry[0] for entry in published_slots(harness.tables).values()]
    (run,) = {info.key.split("/")[1] for info in harness.store.list(layout.RUNS)}
    found = {}
    for table in read_row_groups(harness.store, layout.RunFiles(run).records_prefix):
        for each in table.to_pylist():
            key = each["request_key"].hex()
            if shown.count(key) == 1 and each["verdict"] == "PASS" and each["attempt"] == 0:
                found[key] = json.loads(each["scores"])["blur.foreground"]
    return found


# Held, and in whose way


def test_more_than_a_twentieth_of_the_shop_waits_for_a_person(harness: CrashHarness) -> None:
    strict = judging(score="size.width", reason="narrow", review_below=300)
    before = published_slots(harness.tables)
    held = apply(harness, strict)
    assert (held["held"], held["withdrawn"]["pictures"], held["run_id"]) == ([WITHDRAWN_SHARE_CHECK], 0, None)
    assert published_slots(harness.tables) == before
    with pytest.raises(OptionError, match="--reason: say why so many images may be withdrawn"):
        apply(harness, strict, CheckOverride((WITHDRAWN_SHARE_CHECK,), " ", "ada"))
    with pytest.raises(OptionError, match="'retired-share' never holds a policy; only withdrawn-share does"):
        apply(harness, strict, CheckOverride(("retired-share",), "why", "ada"))
    done = apply(harness, strict, YES)
    assert (done["held"], done["withdrawn"]["pictures"]) == ([], len(before))
    assert published_slots(harness.tables) == {}
    [words] = read_answers(harness.store, CATALOGUE)
    assert words.details == {"run_id": done["run_id"], "checks": [WITHDRAWN_SHARE_CHECK]}
    assert (words.why, words.who) == ("the brand asked for it", "ada")
    assert {entry[0] for entry in recorded_outcomes(harness.tables).values()} >= {"review"}


def test_a_batch_that_waits_for_a_person_is_not_in_the_way_and_can_no_longer_be_released(harness: CrashHarness) -> None:
    harness.rows = harness.rows[:-6]
    held = harness.refresh()
    assert held["held"] == ["retired-share"]
    apply(harness, NO_OXFORD)
    with pytest.raises(PolicyChanged, match=r"decided by another policy .* than policy 2 .*; refresh again"):
        harness.release(held["run_id"], ["retired-share"])
    harness.policy = NO_OXFORD
    again = harness.refresh()
    assert (again["held"], again["images"]["generated"]) == (["retired-share"], 0)
    assert places(published_slots(harness.tables)) & {"shared-s", "shared-m"} == set()
    harness.release(again["run_id"], ["retired-share"])
    assert places(published_slots(harness.tables)) & {"shared-s", "shared-m"} == set()


def test_it_waits_for_a_full_run_and_looks_only_then(harness: CrashHarness) -> None:
    with ThreadPoolExecutor(1) as threads:
        with hold_catalogue_lease(harness.store, CATALOGUE, harness.settings, wait=False):
            waiting = threads.submit(apply, harness, NO_OXFORD, YES)
            time.sleep(0.5)
            assert not waiting.done()
            harness.rows.append(catalogue_row("late", "Oxford Shoe"))
            harness.refresh(scope="partial")  # needs no lease on the catalogue
        assert waiting.result()["refused"]["blocked"] == 3
    assert places(published_slots(harness.tables)) & {"late", "shared-s", "shared-m"} == set()


def test_an_unknown_catalogue_is_named(harness: CrashHarness) -> None:
    with pytest.raises(OptionError, match="has no catalogue 'boots'; it has: world"):
        try_policy(harness.store, harness.tables, "boots", OLD)
    with pytest.raises(OptionError, match="has no catalogue 'boots'; it has: world"):
        enforce_policy(harness.store, harness.tables, "boots", proposal(OLD), harness.settings)


# Killed


@pytest.mark.slow
def test_killed_at_any_operation_it_is_all_or_nothing_and_the_next_command_ends_it(
    first_release: CrashHarness, tmp_path: Path
) -> None:
    undisturbed = copy_harness(first_release, tmp_path / "undisturbed")
    whole = FaultInjector()
    apply(undisturbed, NO_OXFORD, mortality=whole)
    wanted = (published_slots(undisturbed.tables), without_age(undisturbed))
    before = (published_slots(first_release.tables), without_age(first_release))
    seen = set()
    for number in range(1, whole.operation_count + 1, 4):
        finisher = ("the same command", "the next refresh")[number % 8 == 1]
        world = copy_harness(first_release, tmp_path / str(number))
        with suppress(InjectedFault):
            apply(world, NO_OXFORD, mortality=FaultInjector(number, ("before", "after")[number // 4 % 2]))
        world.clear_dead_leases()
        committed = world.tables.version(layout.manifest_table(CATALOGUE)) == 2
        in_force = PolicyRecords(world.store, CATALOGUE).latest_number() == 2
        seen.add((in_force, committed))
        assert published_slots(world.tables) == (wanted if committed else before)[0], number
        if finisher == "the same command":
            done = apply(world, NO_OXFORD)
            assert len(done["completed"]) <= 1
        else:
            world.policy = NO_OXFORD if in_force else OLD
            world.refresh()
        if in_force or finisher == "the same command":
            assert published_slots(world.tables) == wanted[0], number
            assert _blocked_shirts(world) == 2, number
        assert_store_consistent(world.store, world.tables)
        assert list(world.store.list(layout.open_manifest_changes_prefix())) == []
        shutil.rmtree(world.folder)
    assert seen == {(False, False), (True, False), (True, True)}


def _blocked_shirts(harness: CrashHarness) -> int:
    rows: Sequence[Any] = [
        entry for (name, _), entry in recorded_outcomes(harness.tables).items() if name.startswith("shared-")
    ]
    return sum(entry[0] == "blocked" and entry[2] == ("words.brands",) for entry in rows)
