"""What is remembered of a refusal from night to night: faults of our own pass, an image's own refusal stays."""

from pathlib import Path
from typing import Any

import pytest

from catalogs.policy.schema import ImageRule, Policy, built_in_policy
from tests.fixtures.crash_harness import catalogue_row
from tests.fixtures.night_harness import NightHarness, skus

pytestmark = pytest.mark.usefixtures("reduced_audit")

MUG, LAMP = catalogue_row("mug", "Tall Mug"), catalogue_row("lamp", "Lamp")


@pytest.fixture
def shop(tmp_path: Path) -> NightHarness:
    return NightHarness(tmp_path, [MUG, LAMP])


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in report["slots"].items() if count}


# A5: faults of our own


def test_a5_a_scanner_that_failed_one_night_is_asked_again_the_next(shop: NightHarness) -> None:
    """A5: it was `waiting 2` on every later night, and `review-expired` after thirty."""
    shop.failing = frozenset({"pixels"})
    first = shop.night()
    assert counts(first) == {"new": 2, "review": 2}
    assert first["retries"] == {
        "slots": 2, "reasons": {"scanner-failed.pixels": 2}, "next_try": "2026-11-01T22:00:00+00:00"
    }  # fmt: skip
    assert any(
        warning == "2 slots wait because of a fault of our own, not of their images (scanner-failed.pixels 2):"
        " tried again from 2026-11-01 22:00 UTC on"
        for warning in first["warnings"]
    )
    shop.failing = frozenset()
    second = shop.night()
    assert counts(second) == {"new": 2, "published": 2}
    assert (second["images"]["generated"], second["images"]["reused"]) == (0, 2), "the staged images are measured again"
    assert (shop.live(), shop.outcomes(), second["retries"]["slots"]) == (["lamp", "mug"], {}, 0)


def test_a5_a_fault_that_stays_is_tried_at_a_falling_rate_and_never_given_up(shop: NightHarness) -> None:
    shop.rows, shop.failing = [MUG], frozenset({"pixels"})
    tried = []
    for night in range(1, 61):
        before = shop.measured["pixels"]
        report = shop.night()
        tried += [night] if shop.measured["pixels"] > before else []
        assert report["retries"]["slots"] == 1
        assert skus(report, "nothing_live") == ["mug"], "a SKU that waits is named too"
    assert tried == [1, 2, 3, 5, 9, 17, 33, 49]
    assert shop.outcomes()["mug"]["tries"] == 8
    shop.failing = frozenset()
    for _ in range(16):
        shop.night()
    assert shop.live() == ["mug"]


def test_a5_runs_of_the_same_day_do_not_try_again(shop: NightHarness) -> None:
    shop.failing = frozenset({"pixels"})
    shop.night(nights=0)
    for _ in range(3):
        assert counts(shop.night("partial", nights=1 / 96)) == {"waiting": 2}
    assert shop.measured["pixels"] == 2


def test_a5_a_required_scanner_that_is_installed_again_is_used_at_once(shop: NightHarness) -> None:
    """A5: while it is missing nothing is measured in vain, and the report says what the slots wait for."""
    content = built_in_policy().model_dump()
    shop.policy = Policy.model_validate(content | {"required": (*content["required"], "nudity")})
    shop.missing = frozenset({"nudity"})
    assert counts(shop.night()) == {"new": 2, "review": 2}
    for _ in range(3):
        report = shop.night()
        assert counts(report) == {"waiting": 2}
        assert report["retries"] == {"slots": 2, "reasons": {"scanner-missing.nudity": 2}, "next_try": None}
    assert shop.measured["pixels"] == 2
    shop.missing = frozenset()
    assert counts(shop.night()) == {"new": 2, "published": 2}
    assert shop.measured["nudity"] == 2


def test_a5_a_staged_image_that_was_gone_when_it_was_measured_is_made_again(shop: NightHarness) -> None:
    shop.rows = [MUG]
    measure = shop._measure

    def lose_it(request: Any, store: Any) -> Any:
        store.delete([request.raw_key])
        return measure(request, store)

    shop._measure = lose_it  # type: ignore[method-assign]
    assert shop.night()["reasons"] == {"scanner-failed.fingerprint": 1, "scanner-failed.pixels": 1}
    shop._measure = measure  # type: ignore[method-assign]
    second = shop.night()
    assert (counts(second), second["images"]["generated"]) == ({"new": 1, "published": 1}, 1)


def test_a5_an_engine_that_failed_for_three_nights_is_tried_again_and_takes_no_attempt_of_the_gates(
    shop: NightHarness,
) -> None:
    """A5: three `engine-failed` nights meant waiting for ever. The gates' three attempts are still there afterwards."""
    shop.rows, shop.broken_engine = [catalogue_row("cushion", "Grey Cushion", note="[second-try]")], True
    fates = [next(iter({"failed", "waiting"} & set(counts(shop.night())))) for _ in range(8)]
    assert fates == ["failed", "failed", "failed", "waiting", "failed", "waiting", "waiting", "waiting"]
    assert (shop.outcomes()["cushion"]["tries"], shop.outcomes()["cushion"]["attempts"]) == (4, 4)
    shop.broken_engine = False
    report = shop.night()
    assert counts(report) == {"new": 1, "published": 1}
    assert shop.outcomes() == {}


def test_an_image_that_the_gates_refuse_is_not_tried_again(shop: NightHarness) -> None:
    shop.rows = [catalogue_row("cushion", "Grey Cushion", note="[blank]")]
    assert counts(shop.night()) == {"new": 1, "blocked": 1}
    generated = shop.generated.total()
    for _ in range(40):
        report = shop.night()
        assert (counts(report), report["retries"]["slots"]) == ({"waiting": 1}, 0)
    assert shop.generated.total() == generated
    assert skus(report, "nothing_live") == ["cushion"]


# A5: collisions end with the other picture


def test_a5_a_duplicate_of_a_sku_that_leaves_is_decided_again(shop: NightHarness) -> None:
    """A5: it waited for ever for a picture that nobody sees any more."""
    ball, copy = (
        catalogue_row("ball", "Yoga Ball", note="[copycat]"),
        catalogue_row("copy", "Gym Ball", note="[copycat]"),
    )
    shop.rows = [ball]
    assert counts(shop.night()) == {"new": 1, "published": 1}
    shop.rows = [*(catalogue_row(f"plain-{number}", f"Plain Thing {number}") for number in range(25)), ball, copy]
    assert counts(shop.night())["blocked"] == 1
    assert shop.outcomes()["copy"]["reasons"] == ["duplicate-exact"]
    assert counts(shop.night()) == {"unchanged": 26, "waiting": 1}, "while the other one is live it waits"
    shop.rows.remove(ball)
    assert counts(shop.night()) == {"unchanged": 25, "waiting": 1, "retired": 1}
    report = shop.night()
    assert (counts(report), report["images"]["generated"]) == ({"new": 1, "unchanged": 25, "published": 1}, 0)
    assert "copy" in shop.live()
    assert shop.outcomes() == {}


# A13: a budget does not make us forget


def test_a13_a_review_that_a_budget_defers_keeps_its_age_its_image_and_its_state(shop: NightHarness) -> None:
    """A13: it became `deferred, attempts 0`, its image was swept, and the next night it counted as new."""
    shop.rows, shop.failing = [MUG], frozenset({"pixels"})
    shop.night(nights=40)
    asked = shop.outcomes()["mug"]
    shop.failing = frozenset()
    shop.store.delete([info.key for info in shop.store.list("staging/")])
    short = shop.night(max_hours=1e-9)
    assert counts(short) == {"waiting": 1}
    kept = shop.outcomes()["mug"]
    assert {name: kept[name] for name in ("state", "decided_at", "image_key", "attempts")} == {
        "state": "blocked", **{name: asked[name] for name in ("decided_at", "image_key", "attempts")}
    }  # fmt: skip
    assert counts(shop.night()) == {"new": 1, "published": 1}


# A14: a finish that ends in review


def test_a14_a_finish_that_ends_in_review_is_not_done_again_every_night(shop: NightHarness) -> None:
    """A14: `changed 2, review 2, rendered 2` on each of four unchanged nights, one more review index a night."""
    large = ImageRule(score="file.bytes", reason="large-file", review_above=50_000)
    shop.policy = shop.policy.model_copy(update={"image": (*shop.policy.image, large)})
    assert counts(shop.night()) == {"new": 2, "published": 2}
    shop.recipe["finish"] = {"quality": 100}
    assert counts(shop.night()) == {"changed": 2, "review": 2}
    asked = {sku: row["decided_at"] for sku, row in shop.outcomes().items()}
    for _ in range(4):
        report = shop.night()
        assert (counts(report), shop.plan(report)["slots"]["rendered"]) == ({"waiting": 2}, 0)
    assert {sku: row["decided_at"] for sku, row in shop.outcomes().items()} == asked
    assert shop.review_indexes() == 1
    shop.recipe["finish"] = {"quality": 95}
    assert counts(shop.night()) == {"changed": 2, "published": 2}
    assert shop.outcomes() == {}


# A15: rows end with their slot


def test_a15_outcomes_end_when_the_slot_is_published_or_the_sku_is_gone(shop: NightHarness) -> None:
    """A15: 31 days later `review-expired` was counted for an image that was live, and for one that was gone."""
    shop.rows = [MUG, LAMP, *(catalogue_row(f"plain-{number}", f"Plain Thing {number}") for number in range(25))]
    shop.failing = frozenset({"pixels"})
    assert counts(shop.night())["review"] == 27
    shop.failing = frozenset()
    shop.rows.remove(LAMP)
    report = shop.night(nights=31)
    assert counts(report) == {"new": 26, "published": 26}
    assert shop.outcomes() == {}
    later = shop.night()
    assert (counts(later), later["reasons"]) == ({"unchanged": 26}, {})


def test_a15_a_refused_sku_that_leaves_an_unchanged_shop_leaves_no_row_behind(shop: NightHarness) -> None:
    shop.rows = [MUG, catalogue_row("cushion", "Grey Cushion", note="[blank]")]
    shop.night()
    shop.rows = [MUG]
    assert counts(shop.night("partial")) == {"unchanged": 1}
    assert list(shop.outcomes()) == ["cushion"], "a part of the catalogue says nothing of the rest"
    assert counts(shop.night()) == {"unchanged": 1}
    assert shop.outcomes() == {}
