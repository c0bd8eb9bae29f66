"""Applying answers publishes what was accepted in one commit, remembers the rest, and outlives a death at any moment.

Every death here happens inside a living process; processes that are really killed are in `test_answers_and_kills.py`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

import tasks.pipeline.audit
from catalogs import layout
from catalogs.answers.answer import Answer
from flows.review_apply import AppliedAnswers
from flows.run.leases import hold_catalogue_lease
from infra.errors import LeaseHeld
from infra.stores.json_objects import read_json
from infra.testing.faulty_store import FaultInjector, InjectedFault
from tests.fixtures.crash_harness import plain_rows
from tests.fixtures.night_harness import CATALOGUE, SETTINGS
from tests.fixtures.waiting_shop import ACCEPT, REFUSE, RETRY, WaitingShop
from tests.flows.test_crashes import CRASH_MOMENTS, CrashAtOperation, When
from tests.simulation.light_audit import light_suite, validate_maxima


@pytest.fixture(scope="module", autouse=True)
def _light_audit() -> Iterator[None]:
    """Audit without Great Expectations, which takes as long as the rest of a run; held batches are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.pipeline.audit, "built_in_audit_suite", light_suite)
        patch.setattr(tasks.pipeline.audit, "validate", validate_maxima)
        yield


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> WaitingShop:
    """A shop after its first night: three blurred bags wait, one plain thing is live."""
    made = WaitingShop(tmp_path_factory.mktemp("shop"), 3, *plain_rows(1))
    made.night()
    assert made.states() == {"bag-0": "review", "bag-1": "review", "bag-2": "review"}
    return made


@pytest.fixture
def shop(first_night: WaitingShop) -> WaitingShop:
    """That shop, to be changed."""
    return first_night.copy()


def report_of(applied: AppliedAnswers) -> dict[str, dict[str, int]]:
    assert applied.report is not None
    return dict(applied.report)


def test_what_was_accepted_is_published_and_what_was_refused_is_remembered_in_one_commit(shop: WaitingShop) -> None:
    painted = shop.generated.total()
    shop.say(ACCEPT, "bag-0")
    refusal = shop.say(REFUSE, "bag-1", reason="deformed")
    applied = shop.apply()
    assert dict(applied.answers) == {"accepted": 1, "refused": 1, "differing": 0, "undone": 0}
    slots = report_of(applied)["slots"]
    assert (slots["new"], slots["published"], slots["waiting"]) == (1, 1, 1)
    assert shop.live() == ["bag-0", "plain-00"]
    assert shop.states() == {"bag-1": "blocked", "bag-2": "review"}
    bag = shop.outcomes()["bag-1"]
    assert (bag["reasons"], bag["answer"]) == (["person.deformed"], refusal.token)
    assert (shop.releases(), shop.generated.total()) == (2, painted)
    assert report_of(applied)["images"]["generated"] == report_of(applied)["gpu_seconds"] == 0


def test_the_next_night_finds_the_answers_taken_and_makes_nothing(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.say(REFUSE, "bag-1", reason="colour")
    shop.apply()
    night = shop.night()
    assert (night["slots"]["unchanged"], night["slots"]["waiting"]) == (2, 2)
    assert night["images"]["generated"] == night["slots"]["published"] == 0


def test_an_answer_is_taken_once(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.apply()
    again = shop.apply()
    assert (again.report, sum(again.answers.values())) == (None, 0)
    assert shop.releases() == 2


def test_a_refusal_that_is_taken_back_waits_again(shop: WaitingShop) -> None:
    refusal = shop.say(REFUSE, "bag-0", reason="other")
    shop.apply()
    shop.undo(refusal)
    applied = shop.apply()
    assert applied.answers["undone"] == 1
    bag = shop.outcomes()["bag-0"]
    assert (bag["state"], bag["reasons"], bag["answer"]) == ("review", ["blurred"], None)


def test_people_who_differ_publish_nothing_until_they_agree(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0", "anna")
    other = shop.say(REFUSE, "bag-0", "bert", reason="other")
    assert shop.apply().answers["differing"] == 1
    assert (shop.live(), shop.outcomes()["bag-0"]["reasons"]) == (["plain-00"], ["people-differ"])
    shop.undo(other)
    assert shop.apply().answers["accepted"] == 1
    assert "bag-0" in shop.live()


def test_what_needs_an_engine_is_left_to_the_next_refresh_and_named(shop: WaitingShop) -> None:
    shop.say(RETRY, "bag-0")
    applied = shop.apply()
    assert (applied.report, dict(applied.left)) == (None, {"retry": ["bag-0"]})
    assert applied.document()["answers"]["left"] == 1
    assert "next refresh" in applied.document()["left"][0]["why"]


def test_a_dry_run_says_the_same_and_writes_nothing(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.say(RETRY, "bag-1")
    before = {info.key: info.modified for info in shop.store.list("")}
    foreseen = shop.preview()
    assert {info.key: info.modified for info in shop.store.list("")} == before
    applied = shop.apply()
    assert (foreseen.answers, foreseen.left) == (applied.answers, applied.left)


def test_an_accepted_image_whose_staged_file_is_gone_is_published_from_its_copy(shop: WaitingShop) -> None:
    image = shop.target("bag-0")
    shop.store.delete([layout.finished_image(image.image_key.hex(), image.finish_digest)])
    shop.say(ACCEPT, "bag-0")
    assert shop.apply().answers["accepted"] == 1
    assert "bag-0" in shop.live()


def test_an_accepted_image_that_is_nowhere_is_left_and_the_others_go(shop: WaitingShop) -> None:
    image = shop.target("bag-0")
    names = (image.image_key.hex(), image.finish_digest)
    shop.store.delete([layout.finished_image(*names), layout.review_image(CATALOGUE, *names)])
    shop.say(ACCEPT, "bag-0")
    shop.say(ACCEPT, "bag-1")
    applied = shop.apply()
    assert (applied.answers["accepted"], dict(applied.left)) == (1, {"image-lost": ["bag-0"]})
    assert shop.live() == ["bag-1", "plain-00"]


def test_an_answer_to_other_pixels_says_nothing(shop: WaitingShop) -> None:
    shop.write(Answer(ACCEPT, "anna", shop.now, image=replace(shop.target("bag-0"), pixel_sha=bytes(32))))
    assert (shop.apply().report, shop.states()["bag-0"]) == (None, "review")


def test_it_waits_for_nobody_where_it_is_told_not_to(shop: WaitingShop) -> None:
    shop.say(ACCEPT, "bag-0")
    with hold_catalogue_lease(shop.store, CATALOGUE, SETTINGS, wait=False), pytest.raises(LeaseHeld, match="full run"):
        shop.apply(wait=False)


def test_a_published_image_that_a_person_refuses_is_taken_out_of_sight(shop: WaitingShop) -> None:
    accepted = shop.say(ACCEPT, "bag-0")
    shop.apply()
    assert accepted.image is not None
    shop.write(Answer(REFUSE, "anna", shop.now, image=accepted.image, reason="colour"))
    applied = shop.apply()
    assert (applied.withdrawn, shop.live()) == (1, ["plain-00"])
    assert shop.outcomes()["bag-0"]["reasons"] == ["person.colour"]
    assert (shop.apply().withdrawn, shop.apply().report) == (0, None)


# Deaths between the key and the release

QUICK_MOMENTS = {("plan.json", 2), ("merge into manifest", 1), ("merge into outcomes", 1)}
"""Died at with the quick tests; the others are `slow`."""
APPLY_MOMENTS = (
    ("run.json", 1), ("write open/", 1), ("requests/answers", 1), ("plan.json", 2), ("batch.parquet", 2),
    ("write published", 1), ("/published/", 1), ("merge into manifest", 1), ("merge into outcomes", 1),
    ("report.json", 1), ("closed.json", 1), ("delete open/", 1),
)  # fmt: skip


@pytest.mark.parametrize("when", CRASH_MOMENTS)
@pytest.mark.parametrize(
    ("word", "nth"),
    [
        pytest.param(*moment, marks=() if moment in QUICK_MOMENTS else pytest.mark.slow, id=" ".join(map(str, moment)))
        for moment in APPLY_MOMENTS
    ],
)
def test_a_death_at_any_moment_ends_in_the_same_one_release(shop: WaitingShop, word: str, nth: int, when: When) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.say(REFUSE, "bag-1", reason="deformed")
    fault = CrashAtOperation(word, when, nth)
    with suppress(InjectedFault):
        shop.apply(fault)
    assert fault.has_failed, f"no operation {nth} of {word!r}"
    shop.clear_dead_leases()
    shop.apply()
    assert_released_once(shop)


@pytest.mark.parametrize("when", CRASH_MOMENTS)
def test_a_refresh_takes_over_where_applying_died(shop: WaitingShop, when: When) -> None:
    shop.say(ACCEPT, "bag-0")
    shop.say(REFUSE, "bag-1", reason="deformed")
    for word in ("batch.parquet", "merge into manifest", "merge into outcomes"):
        with suppress(InjectedFault):
            shop.apply(CrashAtOperation(word, when))
        shop.clear_dead_leases()
    shop.night()
    assert_released_once(shop)


@pytest.mark.slow
@pytest.mark.parametrize("when", CRASH_MOMENTS)
def test_a_death_at_any_operation_ends_in_the_same_one_release(first_night: WaitingShop, when: When) -> None:
    number, died = 1, True
    while died:
        shop = first_night.copy()
        shop.say(ACCEPT, "bag-0")
        shop.say(REFUSE, "bag-1", reason="deformed")
        fault = FaultInjector(number, when)
        with suppress(InjectedFault):
            shop.apply(fault)
        died = fault.has_failed
        shop.clear_dead_leases()
        shop.apply()
        assert_released_once(shop)
        number += 7
    assert number > 70


def assert_released_once(shop: WaitingShop) -> None:
    """Check that both answers were taken, by one release, and that nothing is left open."""
    assert shop.live() == ["bag-0", "plain-00"]
    assert shop.outcomes()["bag-1"]["reasons"] == ["person.deformed"]
    assert "bag-0" not in shop.outcomes()
    assert (shop.releases(), list(shop.store.list(layout.open_runs_prefix()))) == (2, [])
    published = [info.key for info in shop.store.list(layout.published_prefix(CATALOGUE))]
    done = [run for run, state in shop.closed_runs().items() if state == "done"]
    assert len(published) >= 2
    assert read_json(shop.store, layout.RunFiles(done[-1]).report)["held"] == []
