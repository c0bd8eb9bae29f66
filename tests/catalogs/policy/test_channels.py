"""Channel rules are data, and an image that misses one of them names the rule."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.errors import RuleFileError
from catalogs.policy.channels import (
    IMAGE_FACTS,
    NOT_ELIGIBLE,
    Channel,
    ChannelEligibility,
    ChannelRule,
    ImageFacts,
    built_in_channel,
    built_in_channels,
    evaluate_channels,
    missing_scanners,
    with_approval_answer,
)
from catalogs.policy.scanners import SCORE_SCANNERS
from tests.fixtures.sample_recipe import RECIPE, recipe_with

GOOD = {
    "background.white": 1.0, "edges.touched": 0.0, "frame.step": 2.0, "collage.halves": 0.4, "collage.line": 0.3,
    "text.count": 0.0, "file.bytes": 200_000.0,
}  # fmt: skip
ALL = built_in_channels()
OWN = {"score": "picture.width", "at_least": 900, "reason": "narrow", "source": "our app", "seen": "2026-11-23"}
MARKETPLACES = ["amazon-main", "ebay", "google-merchant", "shopify", "zalando"]


def image_facts(width: int = 2000, height: int = 2000, **changes: Any) -> ImageFacts:
    scores = GOOD | changes.pop("scores", {})
    return ImageFacts(
        width, height, {name: value for name, value in scores.items() if value is not None}, fill=0.9, **changes
    )


def test_each_marketplace_is_there_and_each_rule_says_threshold_source_and_date() -> None:
    assert set(MARKETPLACES) <= set(ALL)
    for name, rules in ALL.items():
        assert rules.title, name
        for rule in rules.rules:
            assert rule.at_least is not None or rule.at_most is not None
            assert len(rule.source) > 7, (name, rule.score)
            assert date(2026, 11, 1) <= rule.seen, (name, rule.score)


def test_an_unspoilt_square_image_is_usable_where_no_person_and_no_other_form_is_asked_for() -> None:
    eligibility = evaluate_channels({name: ALL[name] for name in MARKETPLACES}, image_facts())
    assert eligibility.channels == ("ebay", "google-merchant", "shopify")
    assert eligibility.reasons == ("amazon-main:needs-a-person", "zalando:wrong-form")


def test_amazons_main_image_is_eligible_by_approval_alone() -> None:
    requested = {"amazon-main": ALL["amazon-main"]}
    assert evaluate_channels(requested, image_facts()) == ChannelEligibility((), ("amazon-main:needs-a-person",))
    assert evaluate_channels(requested, image_facts(), approved_channels=["ebay"]) == ChannelEligibility(
        (), ("amazon-main:needs-a-person",)
    )
    assert evaluate_channels(requested, image_facts(), approved_channels=["amazon-main"]) == ChannelEligibility(
        ("amazon-main",), ()
    )


def test_an_approval_replaces_no_other_rule() -> None:
    small = evaluate_channels(
        {"amazon-main": ALL["amazon-main"]}, image_facts(400, 400), approved_channels=["amazon-main"]
    )
    assert small.reasons == ("amazon-main:too-small",)


@given(
    st.dictionaries(st.sampled_from(sorted({*SCORE_SCANNERS, *GOOD})), st.floats(-10, 1e9)),
    st.integers(1, 12_000),
    st.integers(1, 12_000),
    st.floats(0, 1) | st.none(),
)
def test_no_generated_image_is_usable_as_amazons_main_one_by_itself(
    scores: dict[str, float], width: int, height: int, fill: float | None
) -> None:
    eligibility = evaluate_channels(ALL, ImageFacts(width, height, scores, fill=fill))
    assert "amazon-main" not in eligibility.channels
    assert "amazon-main:needs-a-person" in eligibility.reasons
    refused = {reason.split(":")[0] for reason in eligibility.reasons}
    assert refused.isdisjoint(eligibility.channels)
    assert refused | set(eligibility.channels) == set(ALL)


@pytest.mark.parametrize(
    ("name", "spoilt", "reason"),
    [
        ("amazon-main", image_facts(499, 499), "too-small"),
        ("amazon-main", image_facts(10_001, 1000), "too-large"),
        ("amazon-main", image_facts(scores={"file.bytes": 10_000_001.0}), "file-too-large"),
        ("amazon-main", image_facts(scores={"background.white": 0.98}), "background-not-white"),
        ("amazon-main", image_facts(scores={"edges.touched": 1.0}), "cut-off"),
        ("amazon-main", image_facts(scores={"frame.step": 90.0}), "framed"),
        ("amazon-main", image_facts(scores={"collage.halves": 1.0}), "collage"),
        ("amazon-main", image_facts(scores={"collage.line": 1.0}), "collage"),
        ("amazon-main", image_facts(scores={"text.count": 1.0}), "text"),
        ("amazon-main", ImageFacts(2000, 2000, GOOD, fill=0.84), "small-in-frame"),
        ("google-merchant", image_facts(2000, 499), "too-small"),
        ("google-merchant", image_facts(8001, 8000), "too-large"),
        ("google-merchant", image_facts(scores={"file.bytes": 16_000_001.0}), "file-too-large"),
        ("google-merchant", image_facts(enlarged=1.01), "enlarged"),
        ("google-merchant", image_facts(has_source_mark=False), "no-mark"),
        ("google-merchant", image_facts(scores={"text.count": 2.0}), "text"),
        ("google-merchant", image_facts(scores={"frame.step": 17.0}), "framed"),
        ("ebay", image_facts(499, 300), "too-small"),
        ("ebay", image_facts(scores={"file.bytes": 12_000_001.0}), "file-too-large"),
        ("ebay", image_facts(scores={"text.count": 1.0}), "text"),
        ("ebay", image_facts(scores={"frame.step": 17.0}), "framed"),
        ("shopify", image_facts(5001, 100), "too-large"),
        ("shopify", image_facts(5000, 5001), "too-large"),
        ("shopify", image_facts(scores={"file.bytes": 20_000_001.0}), "file-too-large"),
        ("zalando", image_facts(761, 1100), "too-small"),
        ("zalando", image_facts(762, 1099), "too-small"),
        ("zalando", image_facts(1024, 1400), "wrong-form"),
        ("zalando", image_facts(1024, 1500), "wrong-form"),
        ("zalando", image_facts(1024, 1475, scores={"background.white": 0.9}), "background-not-white"),
        ("zalando", image_facts(1024, 1475, scores={"file.bytes": 20_000_001.0}), "file-too-large"),
        ("zalando", image_facts(1024, 1475, format="webp"), "wrong-format"),
        ("rehearsal", image_facts(255, 255), "too-small"),
        ("rehearsal", image_facts(512, 256), "wrong-form"),
    ],
)
def test_an_image_that_misses_one_rule_says_which(name: str, spoilt: ImageFacts, reason: str) -> None:
    eligibility = evaluate_channels({name: ALL[name]}, spoilt, approved_channels=[name])
    assert eligibility.channels == ()
    assert f"{name}:{reason}" in eligibility.reasons


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("amazon-main", ImageFacts(500, 300, GOOD | {"background.white": 0.99, "frame.step": 16.0}, fill=0.85)),
        ("google-merchant", ImageFacts(8000, 8000, GOOD | {"file.bytes": 16_000_000.0})),
        ("ebay", image_facts(500, 10)),
        ("shopify", ImageFacts(5000, 5000, GOOD | {"file.bytes": 20_000_000.0})),
        ("zalando", image_facts(768, 1104)),
        ("zalando", image_facts(1024, 1475)),
        ("rehearsal", ImageFacts(256, 256, GOOD, fill=0.6)),
    ],
)
def test_an_image_at_the_limits_is_sufficient(name: str, good: ImageFacts) -> None:
    assert evaluate_channels({name: ALL[name]}, good, approved_channels=[name]) == ChannelEligibility((name,), ())


@pytest.mark.parametrize(
    "score", sorted({rule.score for rules in ALL.values() for rule in rules.rules} - IMAGE_FACTS.keys())
)
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_an_unmeasured_score_makes_an_image_ineligible_where_it_is_required(score: str, value: float | None) -> None:
    requested = {name for name, rules in ALL.items() if score in {rule.score for rule in rules.rules}}
    eligibility = evaluate_channels(ALL, image_facts(1024, 1475, scores={score: value}), approved_channels=list(ALL))
    assert {f"{name}:not-measured.{score}" for name in requested} <= set(eligibility.reasons)
    assert requested.isdisjoint(eligibility.channels)


def test_a_product_that_was_not_found_has_no_extent_to_be_judged_by() -> None:
    eligibility = evaluate_channels({"rehearsal": ALL["rehearsal"]}, ImageFacts(256, 256, GOOD))
    assert eligibility.reasons == ("rehearsal:not-measured.picture.fill",)


def test_an_image_of_which_nothing_is_stored_is_usable_nowhere() -> None:
    eligibility = evaluate_channels({name: ALL[name] for name in ("ebay", "amazon-main")}, None)
    assert eligibility == ChannelEligibility(
        (), ("amazon-main:needs-a-person", "amazon-main:not-stored", "ebay:not-stored")
    )


def test_without_channels_there_is_no_eligibility_and_no_reason() -> None:
    assert evaluate_channels({}, image_facts()) == NOT_ELIGIBLE


def test_the_scanners_that_channels_depend_on_and_that_do_not_look_are_named() -> None:
    requested = {name: ALL[name] for name in ("ebay", "google-merchant", "shopify")}
    assert missing_scanners(requested, ["pixels", "fingerprint"]) == {"text": ["ebay", "google-merchant"]}
    assert missing_scanners(requested, ["pixels", "fingerprint", "text"]) == {}


# In a recipe


def test_a_recipe_names_channels_or_says_rules_of_its_own() -> None:
    own = {"rules": [OWN]}
    assert recipe_with({"channels": ["ebay", "shopify"]}).channels == {"ebay": ALL["ebay"], "shopify": ALL["shopify"]}
    recipe = recipe_with({"channels": {"ebay": None, "our-app": own}})
    assert recipe.channels["ebay"] == ALL["ebay"]
    assert evaluate_channels(recipe.channels, image_facts(899, 899)).reasons == ("our-app:narrow",)
    assert RECIPE.channels == {}


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        (["amazon"], "there is no channel 'amazon'; choose from amazon-main"),
        ({"ours": None}, "there is no channel 'ours'"),
        ("ebay", "give a list of names"),
        ({"A b": {}}, "'A b' must match"),
        ({"ours": {"rules": [OWN | {"score": "sharpness"}]}}, "score: 'sharpness' is none of"),
        ({"ours": {"rules": [OWN | {"at_least": None}]}}, "no threshold; give at_least or at_most"),
        ({"ours": {"rules": [OWN | {"source": ""}]}}, "source"),
        ({"ours": {"formats": ["avif"]}}, "formats"),
    ],
    ids=str,
)  # fmt: skip
def test_channels_that_cannot_be_are_refused(channels: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe_with({"channels": channels})


def test_a_frozen_recipe_keeps_the_rules_of_its_time() -> None:
    recipe = recipe_with({"channels": ["zalando"]})
    frozen = recipe.model_dump(mode="json")
    frozen["channels"]["zalando"]["rules"] = []
    again = type(recipe).model_validate(frozen)
    assert evaluate_channels(again.channels, image_facts(10, 10)) == ChannelEligibility(("zalando",), ())
    assert type(recipe).model_validate(recipe.model_dump(mode="json")) == recipe


def test_a_rules_remarks_move_no_digest_and_its_thresholds_do() -> None:
    rule = ALL["ebay"].rules[0]
    later = rule.model_copy(update={"source": "elsewhere", "seen": date(2027, 1, 1)})
    stricter = rule.model_copy(update={"at_least": 501.0})

    def with_rule(changed: ChannelRule) -> Channel:
        return ALL["ebay"].model_copy(update={"rules": (changed, *ALL["ebay"].rules[1:]), "title": "other"})

    assert with_rule(later).rules_digest == ALL["ebay"].rules_digest
    assert with_rule(stricter).rules_digest != ALL["ebay"].rules_digest
    unguarded = ALL["amazon-main"].model_copy(update={"person": ""})
    assert unguarded.rules_digest != ALL["amazon-main"].rules_digest


def test_an_unknown_name_is_refused_naming_the_existing_ones() -> None:
    assert built_in_channel("ebay") == ALL["ebay"]
    with pytest.raises(RuleFileError, match=r"no channel 'etsy'; choose from amazon-main, google-merchant"):
        built_in_channel("etsy")


# A kept product

KEPT = {"kept_mode": "white", "proven": True, "shows_article": True, "source_mark": "white"}


def test_amazons_main_image_may_be_a_proven_photo_on_white_of_the_article_sold() -> None:
    requested = {"amazon-main": ALL["amazon-main"]}
    assert evaluate_channels(requested, image_facts(**KEPT)).channels == ("amazon-main",)
    small = evaluate_channels(requested, image_facts(400, 400, **KEPT))
    assert small.reasons == ("amazon-main:too-small",), "the proof replaces no other rule"


@pytest.mark.parametrize(
    "lacking",
    [
        {"proven": False},
        {"shows_article": False},
        {"kept_mode": "backdrop"},
        {"kept_mode": "stage"},
        {"kept_mode": "scene"},
    ],
)
def test_without_proof_or_word_or_in_another_mode_a_person_is_asked(lacking: dict[str, Any]) -> None:
    eligibility = evaluate_channels({"amazon-main": ALL["amazon-main"]}, image_facts(**{**KEPT, **lacking}))
    assert eligibility.reasons == ("amazon-main:needs-a-person",)


def test_a_persons_no_stands_against_a_proof() -> None:
    proven = evaluate_channels({"amazon-main": ALL["amazon-main"]}, image_facts(**KEPT))
    assert with_approval_answer(proven, "amazon-main", approved=False).channels == ()


@pytest.mark.parametrize(
    ("mode", "mark", "usable"),
    [
        ("white", "white", True),
        ("white", "", False),
        ("stage", "compositeWithTrainedAlgorithmicMedia", True),
        ("stage", "trainedAlgorithmicMedia", False),
    ],
)
def test_the_mark_that_a_channel_takes_is_data_by_mode(mode: str, mark: str, usable: bool) -> None:
    facts = image_facts(kept_mode=mode, source_mark=mark, has_source_mark=False)
    eligibility = evaluate_channels({"google-merchant": ALL["google-merchant"]}, facts)
    assert eligibility.reasons == (() if usable else ("google-merchant:no-mark",))


@pytest.mark.parametrize("has_own_mark", [True, False])
def test_a_product_on_a_photographed_backdrop_goes_to_google_with_the_mark_of_its_mode(has_own_mark: bool) -> None:
    facts = image_facts(kept_mode="backdrop", source_mark="compositeCapture", has_source_mark=has_own_mark)
    eligibility = evaluate_channels({"google-merchant": ALL["google-merchant"]}, facts)
    assert eligibility.reasons == (() if has_own_mark else ("google-merchant:no-mark",))


def test_a_channel_that_names_no_mark_of_a_mode_takes_the_modes_own() -> None:
    plain = Channel(mark=True)
    assert evaluate_channels({"x": plain}, image_facts(kept_mode="white", source_mark="white")).channels == ("x",)
    lost = image_facts(kept_mode="white", has_source_mark=False)
    assert evaluate_channels({"x": plain}, lost).reasons == ("x:no-mark",)


def test_what_a_channel_says_of_kept_products_moves_no_digest_of_other_images() -> None:
    amazon = ALL["amazon-main"]
    silent = amazon.model_copy(update={"proof": (), "kept_marks": {}})
    assert amazon.rules_digest == silent.rules_digest
    assert amazon.kept_rules_digest != silent.kept_rules_digest
    assert amazon.rules_digest == "699dda93b886f4078249770e7d17db5ce8c5a2dc6ba3484109a78655bfc7c089"
