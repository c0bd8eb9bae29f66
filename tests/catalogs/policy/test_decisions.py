"""Decisions come from scores alone, fail closed, and never reward a worse score."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.policy.decisions import decide_image, decide_prompt
from catalogs.policy.prompt_rules import PromptFindings
from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.policy.schema import Policy, built_in_policy, load_policy
from catalogs.verdict import PASS, Verdict
from tests.catalogs.photos.photo_score_samples import GOOD as GOOD_PHOTO

POLICY = built_in_policy()
ANSWERED = {"words": "1", "pixels": "1", "fingerprint": "1"}
GOOD = {
    "blank.range": 200.0,
    "blank.foreground": 0.4,
    "black.mean": 220.0,
    "black.deviation": 50.0,
    "blur.foreground": 12.0,
    "noise.foreground": 0.3,
    "exposure.mean": 120.0,
    "exposure.clipped": 0.0,
    "exposure.crushed": 0.0,
    "background.white": 1.0,
    "background.cast": 0.2,
    "background.deviation": 0.5,
    "fill.side": 0.85,
    "centre.off": 0.01,
    "edges.touched": 0.0,
    "parts.count": 1.0,
    "frame.step": 0.0,
    "collage.halves": 0.2,
    "collage.line": 0.5,
    "mask.confidence": 0.99,
    "aspect.off": 0.0,
    "size.width": 1024.0,
    "size.height": 1024.0,
    "file.bytes": 90_000.0,
}


def with_rule(**rule: Any) -> Policy:
    return load_policy(
        yaml.safe_dump({"version": 1, "words": {"categories": {}}, "image": [{"reason": "r", **rule}]}), "mine.yaml"
    )


def findings(hits: dict[str, list[str]] | None = None, **other: Any) -> PromptFindings:
    return PromptFindings(hits or {}, **other)


def image(scores: dict[str, float], policy: Policy = POLICY, category: str = "") -> Verdict:
    return decide_image(scores, ANSWERED, {}, policy, category)


# Images


def test_a_good_image_passes() -> None:
    assert image(GOOD) == PASS


@pytest.mark.parametrize(
    ("score", "value", "expected"),
    [
        ("blank.range", 11.9, Verdict("BLOCK", ("blank",), retryable=True)),
        ("blank.foreground", 0.009, Verdict("BLOCK", ("blank",), retryable=True)),
        ("black.mean", 4.9, Verdict("BLOCK", ("black",), retryable=True)),
        ("black.deviation", 1.9, Verdict("BLOCK", ("flat",), retryable=True)),
        ("blur.foreground", 3.9, Verdict("BLOCK", ("blurred",), retryable=True)),
        ("blur.foreground", 4.0, Verdict("REVIEW", ("blurred",))),
        ("blur.foreground", 7.0, PASS),
        ("noise.foreground", 4.1, Verdict("REVIEW", ("noisy",))),
        ("exposure.mean", 29.0, Verdict("REVIEW", ("underexposed",))),
        ("exposure.mean", 236.0, Verdict("REVIEW", ("overexposed",))),
        ("exposure.crushed", 0.31, Verdict("REVIEW", ("underexposed",))),
        ("exposure.clipped", 0.26, Verdict("REVIEW", ("overexposed",))),
        ("background.white", 0.79, Verdict("REVIEW", ("background-not-white",))),
        ("background.cast", 3.1, Verdict("REVIEW", ("background-tinted",))),
        ("background.deviation", 4.1, Verdict("REVIEW", ("background-uneven",))),
        ("fill.side", 0.49, Verdict("BLOCK", ("small-in-frame",), retryable=True)),
        ("fill.side", 0.69, Verdict("REVIEW", ("small-in-frame",))),
        ("fill.side", 0.96, Verdict("REVIEW", ("fills-frame",))),
        ("centre.off", 0.07, Verdict("REVIEW", ("off-centre",))),
        ("edges.touched", 1.0, Verdict("REVIEW", ("cut-off",))),
        ("parts.count", 2.0, Verdict("REVIEW", ("several-products",))),
        ("frame.step", 17.0, Verdict("REVIEW", ("framed",))),
        ("collage.halves", 0.91, Verdict("REVIEW", ("collage",))),
        ("collage.line", 1.0, Verdict("REVIEW", ("collage",))),
        ("mask.confidence", 0.59, Verdict("REVIEW", ("product-unclear",))),
        ("aspect.off", 0.011, Verdict("BLOCK", ("wrong-aspect",))),
        ("size.width", 63.0, Verdict("BLOCK", ("too-small",))),
        ("file.bytes", 399.0, Verdict("BLOCK", ("file-too-small",), retryable=True)),
        ("file.bytes", 10_000_001.0, Verdict("REVIEW", ("file-too-large",))),
        ("file.bytes", 16_000_001.0, Verdict("BLOCK", ("file-too-large",))),
    ],
)
def test_each_score_has_its_reason(score: str, value: float, expected: Verdict) -> None:
    assert image({**GOOD, score: value}) == expected


def test_all_reasons_of_a_black_frame_are_given_and_another_seed_is_asked_for() -> None:
    black = {**GOOD, "blank.range": 0.0, "blank.foreground": 0.0, "black.mean": 0.0, "black.deviation": 0.0}
    assert image(black) == Verdict("BLOCK", ("black", "blank", "flat"), retryable=True)


@pytest.mark.parametrize("confidence", [0.59, math.nan, None])
def test_what_rests_on_a_product_that_was_not_found_is_for_a_person(confidence: float | None) -> None:
    lost = {**GOOD, "blank.foreground": 0.0, "blank.range": 5.0, "fill.side": 0.0, "mask.confidence": confidence}
    verdict = image({name: score for name, score in lost.items() if score is not None})
    assert verdict.decision == "REVIEW"
    assert {"blank", "small-in-frame"} <= set(verdict.reasons)
    assert image({**lost, "mask.confidence": 0.6}) == Verdict("BLOCK", ("blank", "small-in-frame"), retryable=True)
    assert image({**lost, "mask.confidence": confidence or 0.0, "black.mean": 0.0}).decision == "BLOCK"


def test_no_other_seed_is_asked_for_where_something_else_is_blocked_too() -> None:
    assert image({**GOOD, "blur.foreground": 1.0, "size.width": 10.0}) == Verdict("BLOCK", ("blurred", "too-small"))


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_score_that_was_not_measured_is_for_a_person(value: float | None) -> None:
    scores = {name: score for name, score in GOOD.items() if name != "black.mean"}
    verdict = image(scores if value is None else {**scores, "black.mean": value})
    assert "score-missing.black.mean" in verdict.reasons
    assert verdict.decision == ("BLOCK" if value == -math.inf else "REVIEW")


def test_a_silent_scanner_is_named_once_and_not_with_each_of_its_scores() -> None:
    file_only = {"file.bytes": 90_000.0}
    missing = decide_image(file_only, {"fingerprint": "1"}, {}, POLICY, "")
    assert missing == Verdict("REVIEW", ("scanner-missing.pixels",))
    failed = decide_image(file_only, {"fingerprint": "1"}, {"pixels": "timed out"}, POLICY, "")
    assert failed == Verdict("REVIEW", ("scanner-failed.pixels",))


def test_an_error_outweighs_an_answer_of_the_same_scanner() -> None:
    verdict = decide_image(GOOD, ANSWERED, {"fingerprint": "crashed"}, POLICY, "")
    assert verdict == Verdict("REVIEW", ("scanner-failed.fingerprint",))


def test_a_required_scanner_that_is_not_installed_is_missing_for_images() -> None:
    policy = POLICY.model_copy(update={"required": ("nudity", "words")})
    assert image(GOOD, policy) == Verdict("REVIEW", ("scanner-missing.nudity",))
    assert decide_prompt(findings(), ANSWERED, {}, policy) == PASS


def test_nothing_measured_at_all_is_never_a_pass() -> None:
    verdict = decide_image({}, {}, {}, POLICY, "")
    assert verdict == Verdict(
        "REVIEW", ("scanner-missing.fingerprint", "scanner-missing.pixels", "score-missing.file.bytes")
    )


def test_a_category_has_its_own_thresholds_and_null_lifts_one() -> None:
    policy = with_rule(
        score="blur.foreground",
        block_below=4,
        review_below=7,
        categories={"glass": {"block_below": 2}, "mist": {"block_below": None, "review_below": None}},
    )
    three = {"blur.foreground": 3.0}
    assert image(three, policy, "shoes").decision == "BLOCK"
    assert image(three, policy, "glass").decision == "REVIEW"
    assert image(three, policy, "mist") == PASS


def test_a_policy_kept_as_json_decides_as_before() -> None:
    glass: dict[str, Any] = {"block_below": 2}
    rule = {"score": "blur.foreground", "block_below": 4, "review_below": 7}
    policy = with_rule(**rule, categories={"glass": glass})
    copy = Policy.model_validate_json(policy.model_dump_json())
    assert copy == policy
    assert copy.digest == policy.digest
    assert image({"blur.foreground": 5.0}, copy, "glass").decision == "REVIEW"
    assert with_rule(**rule, categories={"glass": {**glass, "review_below": None}}).digest != policy.digest


@settings(deadline=None)
@given(
    limits=st.lists(st.integers(-50, 50), min_size=4, max_size=4).map(sorted),
    kept=st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
    good=st.floats(-100, 100),
    farther=st.floats(0, 100),
)
def test_a_worse_score_never_gets_a_better_decision(
    limits: list[int], kept: list[bool], good: float, farther: float
) -> None:
    names = ("block_below", "review_below", "review_above", "block_above")
    rule = {name: limit for name, limit, keep in zip(names, limits, kept, strict=True) if keep}
    policy = with_rule(score="noise.foreground", **rule)
    middle = (limits[1] + limits[2]) / 2
    worse = good + farther if good >= middle else good - farther
    before, after = (image({"noise.foreground": value}, policy) for value in (good, worse))
    assert after.severity >= before.severity
    assert set(after.reasons) >= set(before.reasons)


@settings(deadline=None)
@given(
    scores=st.dictionaries(st.sampled_from(sorted(GOOD)), st.floats(0, 300)),
    gone=st.sampled_from(sorted(GOOD)),
    silent=st.sampled_from(["", "pixels", "fingerprint"]),
)
def test_taking_a_measurement_away_never_makes_a_pass(scores: dict[str, float], gone: str, silent: str) -> None:
    whole = {**GOOD, **scores}
    less = {name: score for name, score in whole.items() if name != gone}
    assert image(less).decision != "PASS"
    answered = {name: version for name, version in ANSWERED.items() if name != silent}
    assert silent == "" or decide_image(whole, answered, {}, POLICY, "").decision != "PASS"


# Scanners that a policy has to ask for


def asking(text: str) -> Policy:
    return load_policy(f"extends: default\n{text}", "shop.yaml")


NAKED = {"nudity.genitals": 0.9, "nudity.breast": 0.0, "nudity.buttocks": 0.0, "nudity.face": 0.0}


def test_rules_on_scanners_that_are_not_requested_give_no_verdict() -> None:
    assert {SCORE_SCANNERS[rule.score] for rule in POLICY.image} >= {"explicit", "nudity", "text", "logos"}
    assert POLICY.image_scanners == ("explicit", "fingerprint", "pixels")
    assert image(GOOD) == PASS


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({}, PASS),
        ({"nudity.genitals": 0.25}, PASS),
        ({"nudity.genitals": 0.26}, Verdict("REVIEW", ("nudity",))),
        ({"nudity.genitals": 0.46}, Verdict("BLOCK", ("nudity",), retryable=True)),
        ({"nudity.breast": 0.41}, Verdict("REVIEW", ("nudity",))),
        ({"nudity.breast": 0.71}, Verdict("BLOCK", ("nudity",), retryable=True)),
        ({"nudity.buttocks": 0.57}, PASS),
        ({"nudity.buttocks": 0.74}, Verdict("REVIEW", ("nudity",))),
        ({"nudity.face": 1.0}, PASS),
        ({"text.count": 1.0}, Verdict("REVIEW", ("text",))),
        ({"logos.mark": 8.0}, PASS),
        ({"logos.mark": 9.0}, Verdict("REVIEW", ("brand-mark",))),
        ({"logos.name": 80.0}, Verdict("REVIEW", ("brand-name",))),
    ],
)
def test_the_built_in_rules_on_them_decide_where_they_have_spoken(scores: dict[str, float], expected: Verdict) -> None:
    policy = asking("optional: [nudity, text, logos]\nlogos: {names: [Acme]}")
    answered = {**ANSWERED, **dict.fromkeys(policy.optional, "1")}
    silent = {score: 0.0 for score, scanner in SCORE_SCANNERS.items() if scanner in policy.optional}
    assert decide_image({**GOOD, **silent, **scores}, answered, {}, policy, "shoes") == expected


def test_swimwear_is_never_blocked_for_what_it_leaves_bare() -> None:
    bare = {**GOOD, **NAKED, "nudity.genitals": 0.0, "nudity.breast": 0.9, "nudity.buttocks": 0.9}
    policy = asking("required: [words, pixels, fingerprint, nudity]")
    assert decide_image(bare, {**ANSWERED, "nudity": "1"}, {}, policy, "swimwear").decision == "REVIEW"
    assert decide_image(bare, {**ANSWERED, "nudity": "1"}, {}, policy, "mugs").decision == "BLOCK"


def test_a_required_scanner_must_have_spoken_and_an_optional_one_may_be_silent() -> None:
    required, optional = asking("required: [words, pixels, fingerprint, nudity]"), asking("optional: [nudity]")
    assert image(GOOD, required) == Verdict("REVIEW", ("scanner-missing.nudity",))
    assert image(GOOD, optional) == PASS
    assert decide_image(GOOD, ANSWERED, {"nudity": "crashed"}, optional, "") == PASS
    silent = decide_image(GOOD, {**ANSWERED, "nudity": "1"}, {}, optional, "")
    assert silent.reasons == (
        "score-missing.nudity.breast",
        "score-missing.nudity.buttocks",
        "score-missing.nudity.genitals",
    )


# Prompts


def test_a_prompt_without_hits_passes() -> None:
    assert decide_prompt(findings(), ANSWERED, {}, POLICY) == PASS
    assert decide_prompt(findings({"weapons": []}), ANSWERED, {}, POLICY) == PASS


def test_the_category_gives_the_verdict_and_the_reason() -> None:
    assert decide_prompt(findings({"weapons": ["gun"]}), ANSWERED, {}, POLICY) == Verdict("BLOCK", ("words.weapons",))
    assert decide_prompt(findings({"nudity": ["nude"]}), ANSWERED, {}, POLICY) == Verdict("REVIEW", ("words.nudity",))
    both = decide_prompt(findings({"nudity": ["nude"], "hate": ["nazi"]}), ANSWERED, {}, POLICY)
    assert both == Verdict("BLOCK", ("words.hate", "words.nudity"))


def test_a_category_that_the_policy_does_not_know_is_for_a_person() -> None:
    assert decide_prompt(findings({"spells": ["hex"]}), ANSWERED, {}, POLICY) == Verdict("REVIEW", ("words.spells",))


def test_a_language_that_the_recipe_does_not_name_has_the_policys_verdict() -> None:
    german = findings(languages=["de"])
    assert decide_prompt(german, ANSWERED, {}, POLICY) == Verdict("REVIEW", ("language.unexpected",))
    lax = load_policy("extends: default\nother_languages: PASS", "shop.yaml")
    assert decide_prompt(german, ANSWERED, {}, lax) == PASS


def test_a_classifiers_score_is_decided_by_the_policys_thresholds() -> None:
    policy = load_policy(
        "extends: default\nrequired: [words, classifier]\n"
        "classifier: {sexual: {review_above: 0.5, block_above: 0.9}, hate: {review_above: 0.5}}",
        "shop.yaml",
    )
    answered = {**ANSWERED, "classifier": "1"}

    def word(**scores: float) -> Verdict:
        return decide_prompt(findings(scores=scores), answered, {}, policy)

    assert word(sexual=0.5, hate=0.1) == PASS
    assert word(sexual=0.6, hate=0.1) == Verdict("REVIEW", ("classifier.sexual",))
    assert word(sexual=0.95, hate=0.6) == Verdict("BLOCK", ("classifier.hate", "classifier.sexual"))
    assert word(hate=0.1) == Verdict("REVIEW", ("score-missing.classifier.sexual",))
    assert word(sexual=math.nan, hate=0.1) == Verdict("REVIEW", ("score-missing.classifier.sexual",))
    assert "scanner-missing.classifier" in decide_prompt(findings(), ANSWERED, {}, policy).reasons
    failed = decide_prompt(findings(), ANSWERED, {"classifier": "died"}, policy)
    assert failed.decision == "REVIEW"
    assert "scanner-failed.classifier" in failed.reasons


def test_a_prompt_that_no_scanner_read_is_for_a_person() -> None:
    assert decide_prompt(findings(), {}, {}, POLICY) == Verdict("REVIEW", ("scanner-missing.words",))
    assert decide_prompt(findings(), {}, {"words": "died"}, POLICY) == Verdict("REVIEW", ("scanner-failed.words",))


KEPT = {**GOOD, **GOOD_PHOTO, "kept.broken": 0.0, "kept.loss_mean": 2.0, "kept.loss_p99": 7.0, "mask.confidence": 0.99}
WORDY = {"text.area": 0.5, "text.count": 9.0, "text.confidence": 1.0, "logos.mark": 99.0, "logos.name": 100.0}


def test_the_real_products_own_words_and_brand_are_not_held_against_it() -> None:
    policy = asking("required: [words, pixels, fingerprint, text]")
    answered = ANSWERED | {"text": "1", "logos": "1"}
    generated = decide_image({**GOOD, **WORDY}, answered, {}, policy, "")
    assert generated.decision != "PASS"
    assert decide_image({**KEPT, **WORDY}, answered, {}, policy, "") == PASS
    assert decide_image(KEPT, ANSWERED, {}, policy, "") == PASS, "so no scanner of words is missed"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mask.agreement": 0.9}, Verdict("REVIEW", ("mask.disagreement",))),
        ({"photo.product": 100.0}, Verdict("BLOCK", ("photo.too-small",))),
        ({"kept.broken": 1.0}, Verdict("BLOCK", ("kept.broken",))),
        ({"blur.foreground": 1.0, "mask.agreement": 0.9}, Verdict("BLOCK", ("blurred", "mask.disagreement"), True)),
    ],
)
def test_photo_mask_and_proof_are_judged_beside_the_look(changes: dict[str, float], expected: Verdict) -> None:
    assert image({**KEPT, **changes}) == expected


def test_other_photo_rules_decide_stored_masks_again() -> None:
    doubtful = {**KEPT, "mask.agreement": 0.9}
    lenient = POLICY.model_copy(update={"photos": built_in_photo_rules().model_copy(update={"mask": ()})})
    assert (image(doubtful).decision, image(doubtful, lenient)) == ("REVIEW", PASS)


def test_what_could_not_be_proven_is_for_another_night() -> None:
    verdict = decide_image(GOOD, ANSWERED, {"kept": "the mask is lost"}, POLICY, "")
    assert verdict == Verdict("REVIEW", ("scanner-failed.kept",))


ON_STAGE = {
    **KEPT, "kept.scene": 1.0, "mask.confidence": 1.0, "background.white": 0.0, "background.deviation": 40.0,
    "background.cast": 25.0, "fill.side": 0.3, "centre.off": 0.3, "frame.step": 90.0, "collage.halves": 0.99,
    "collage.line": 1.0,
}  # fmt: skip


def test_a_stage_is_not_judged_as_if_it_were_white() -> None:
    assert image(ON_STAGE) == PASS
    unsaid = image({name: value for name, value in ON_STAGE.items() if name != "kept.scene"})
    assert {"background-not-white", "background-uneven", "background-tinted", "small-in-frame", "off-centre"} <= set(
        unsaid.reasons
    )


@pytest.mark.parametrize(
    ("scores", "reasons"),
    [
        ({"blank.foreground": 0.008}, {"blank"}),
        ({"black.mean": 3.2, "black.deviation": 1.5, "blank.range": 9.0}, {"black", "flat", "blank"}),
    ],
    ids=["a chain on a stage", "a bottle on a black stage"],
)
def test_a_thin_product_and_a_dark_stage_are_not_blocked_for_what_the_whole_frame_shows(
    scores: dict[str, float], reasons: set[str]
) -> None:
    assert image({**ON_STAGE, **scores}) == PASS
    on_white = image({**KEPT, **scores})
    assert (on_white.decision, set(on_white.reasons)) == ("BLOCK", reasons)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"edges.touched": 1.0}, "cut-off"),
        ({"parts.count": 2.0}, "several-products"),
        ({"blur.foreground": 5.0}, "blurred"),
        ({"exposure.mean": 20.0}, "underexposed"),
        ({"mask.area": 0.001}, "mask.area"),
        ({"mask.agreement": 0.9}, "mask.disagreement"),
        ({"ground.covered": 0.5}, "photo.cropped"),
        ({"kept.broken": 1.0}, "kept.broken"),
        ({"kept.loss_p99": 20.0}, "kept.jpeg-loss"),
        ({"file.bytes": 20_000_000.0}, "file-too-large"),
    ],
)
def test_all_else_is_judged_on_a_stage_too(changes: dict[str, float], reason: str) -> None:
    verdict = image({**ON_STAGE, **changes})
    assert (verdict.decision == "PASS", reason in verdict.reasons) == (False, True)


@pytest.mark.parametrize("score", [0.0, 0.5, float("nan"), 2.0])
def test_only_a_plain_yes_lifts_the_rules_on_white(score: float) -> None:
    assert "background-not-white" in image({**ON_STAGE, "kept.scene": score}).reasons


def test_an_image_that_keeps_nothing_cannot_say_that_it_is_on_a_stage() -> None:
    made = {name: value for name, value in ON_STAGE.items() if not name.startswith("kept.")} | {"kept.scene": 1.0}
    assert "background-not-white" in image(made).reasons
