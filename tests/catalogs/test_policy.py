"""The policy decides from scores alone, fails closed, and never rewards a worse score."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.errors import RecipeError
from catalogs.policy import BUILT_IN, SCORES, Policy, built_in_policy, decide_image, decide_prompt, load_policy
from catalogs.rules import packaged_rules
from catalogs.verdict import PASS, Verdict

POLICY = built_in_policy()
ANSWERED = {"words": "1", "pixels": "1", "fingerprint": "1"}
GOOD = {
    "blank.range": 200.0,
    "blank.foreground": 0.4,
    "black.mean": 220.0,
    "black.deviation": 50.0,
    "blur.foreground": 12.0,
    "size.width": 1024.0,
    "size.height": 1024.0,
    "file.bytes": 90_000.0,
}


def with_rule(**rule: Any) -> Policy:
    return load_policy(
        yaml.safe_dump({"version": 1, "words": {"categories": {}}, "image": [{"reason": "r", **rule}]}), "mine.yaml"
    )


def image(scores: dict[str, float], policy: Policy = POLICY, category: str = "") -> Verdict:
    return decide_image(scores, ANSWERED, {}, policy, category)


# Images


def test_a_good_picture_passes() -> None:
    assert image(GOOD) == PASS


@pytest.mark.parametrize(
    ("score", "value", "expected"),
    [
        ("blank.range", 11.9, Verdict("BLOCK", ("blank",), again=True)),
        ("blank.foreground", 0.009, Verdict("BLOCK", ("blank",), again=True)),
        ("black.mean", 4.9, Verdict("BLOCK", ("black",), again=True)),
        ("black.deviation", 1.9, Verdict("BLOCK", ("flat",), again=True)),
        ("blur.foreground", 3.9, Verdict("BLOCK", ("blurred",), again=True)),
        ("blur.foreground", 4.0, Verdict("REVIEW", ("blurred",))),
        ("blur.foreground", 7.0, PASS),
        ("size.width", 63.0, Verdict("BLOCK", ("too-small",))),
        ("file.bytes", 399.0, Verdict("BLOCK", ("file-too-small",), again=True)),
        ("file.bytes", 10_000_001.0, Verdict("REVIEW", ("file-too-large",))),
        ("file.bytes", 16_000_001.0, Verdict("BLOCK", ("file-too-large",))),
    ],
)
def test_each_score_has_its_reason(score: str, value: float, expected: Verdict) -> None:
    assert image({**GOOD, score: value}) == expected


def test_all_reasons_of_a_black_frame_are_given_and_another_seed_is_asked_for() -> None:
    black = {**GOOD, "blank.range": 0.0, "blank.foreground": 0.0, "black.mean": 0.0, "black.deviation": 0.0}
    assert image(black) == Verdict("BLOCK", ("black", "blank", "flat"), again=True)


def test_no_other_seed_is_asked_for_where_something_else_is_blocked_too() -> None:
    assert image({**GOOD, "blur.foreground": 1.0, "size.width": 10.0}) == Verdict("BLOCK", ("blurred", "too-small"))


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_score_that_was_not_measured_is_for_a_person(value: float | None) -> None:
    scores = {name: score for name, score in GOOD.items() if name != "black.mean"}
    verdict = image(scores if value is None else {**scores, "black.mean": value})
    assert "score-missing.black.mean" in verdict.reasons
    assert verdict.word == ("BLOCK" if value == -math.inf else "REVIEW")


def test_a_silent_scanner_is_named_once_and_not_with_each_of_its_scores() -> None:
    file_only = {"file.bytes": 90_000.0}
    missing = decide_image(file_only, {"fingerprint": "1"}, {}, POLICY, "")
    assert missing == Verdict("REVIEW", ("scanner-missing.pixels",))
    failed = decide_image(file_only, {"fingerprint": "1"}, {"pixels": "timed out"}, POLICY, "")
    assert failed == Verdict("REVIEW", ("scanner-failed.pixels",))


def test_an_error_outweighs_an_answer_of_the_same_scanner() -> None:
    verdict = decide_image(GOOD, ANSWERED, {"fingerprint": "crashed"}, POLICY, "")
    assert verdict == Verdict("REVIEW", ("scanner-failed.fingerprint",))


def test_a_scanner_that_nobody_has_is_missing_for_images() -> None:
    policy = POLICY.model_copy(update={"required": ("nudity", "words")})
    assert image(GOOD, policy) == Verdict("REVIEW", ("scanner-missing.nudity",))
    assert decide_prompt({}, ANSWERED, {}, policy) == PASS


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
    assert image(three, policy, "shoes").word == "BLOCK"
    assert image(three, policy, "glass").word == "REVIEW"
    assert image(three, policy, "mist") == PASS


def test_a_policy_kept_as_json_decides_as_before() -> None:
    glass: dict[str, Any] = {"block_below": 2}
    rule = {"score": "blur.foreground", "block_below": 4, "review_below": 7}
    policy = with_rule(**rule, categories={"glass": glass})
    copy = Policy.model_validate_json(policy.model_dump_json())
    assert copy == policy
    assert copy.digest == policy.digest
    assert image({"blur.foreground": 5.0}, copy, "glass").word == "REVIEW"
    assert with_rule(**rule, categories={"glass": {**glass, "review_below": None}}).digest != policy.digest


@settings(deadline=None)
@given(
    limits=st.lists(st.integers(-50, 50), min_size=4, max_size=4).map(sorted),
    kept=st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
    good=st.floats(-100, 100),
    farther=st.floats(0, 100),
)
def test_a_worse_score_never_gets_a_better_word(
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
    assert image(less).word != "PASS"
    heard = {name: version for name, version in ANSWERED.items() if name != silent}
    assert silent == "" or decide_image(whole, heard, {}, POLICY, "").word != "PASS"


# Prompts


def test_a_prompt_without_hits_passes() -> None:
    assert decide_prompt({}, ANSWERED, {}, POLICY) == PASS
    assert decide_prompt({"weapons": []}, ANSWERED, {}, POLICY) == PASS


def test_the_category_gives_the_word_and_the_reason() -> None:
    assert decide_prompt({"weapons": ["gun"]}, ANSWERED, {}, POLICY) == Verdict("BLOCK", ("words.weapons",))
    assert decide_prompt({"nudity": ["nude"]}, ANSWERED, {}, POLICY) == Verdict("REVIEW", ("words.nudity",))
    both = decide_prompt({"nudity": ["nude"], "hate": ["nazi"]}, ANSWERED, {}, POLICY)
    assert both == Verdict("BLOCK", ("words.hate", "words.nudity"))


def test_a_category_that_the_policy_does_not_know_is_for_a_person() -> None:
    assert decide_prompt({"spells": ["hex"]}, ANSWERED, {}, POLICY) == Verdict("REVIEW", ("words.spells",))


def test_a_prompt_that_no_scanner_read_is_for_a_person() -> None:
    assert decide_prompt({}, {}, {}, POLICY) == Verdict("REVIEW", ("scanner-missing.words",))
    assert decide_prompt({}, {}, {"words": "died"}, POLICY) == Verdict("REVIEW", ("scanner-failed.words",))


# The file


def test_the_built_in_policy_is_what_was_meant() -> None:
    assert POLICY.required == ("fingerprint", "pixels", "words")
    assert (POLICY.duplicates.near_bits, POLICY.duplicates.review_bits) == (16, 31)
    assert (POLICY.duplicates.exact_other_sku, POLICY.duplicates.quality_floor) == ("BLOCK", 50)
    assert POLICY.review_days == 30
    assert sum(len(category.terms) for category in POLICY.words.categories.values()) >= 60
    assert {rule.score for rule in POLICY.image} <= SCORES.keys()
    assert all(rule.source for rule in POLICY.image)


def test_every_field_is_described() -> None:
    seen = [Policy]
    for model in seen:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
    schema = Policy.model_json_schema()
    for definition in schema["$defs"].values():
        assert all("description" in field for field in definition.get("properties", {}).values()), definition["title"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("block_below: 4\n", "block_below: 3.5\n"),
        ("[erotic, naked,", "[erotic, naked, bare,"),
        ("[bath bomb,", "[bath bomb, photo bomb,"),
        ("near_bits: 16", "near_bits: 15"),
    ],
)
def test_a_change_that_decides_moves_the_digest(old: str, new: str) -> None:
    text = packaged_rules("policy")
    assert text.count(old) == 1
    assert load_policy(text.replace(old, new), "changed").digest != POLICY.digest


def test_what_decides_over_no_picture_does_not_move_the_digest() -> None:
    text = packaged_rules("policy")
    changed = text.replace("Google Merchant takes 16 MB", "somebody said so")
    changed = changed.replace("[erotic, naked, nsfw, nude, topless]", "[topless, naked, nsfw, nude, erotic, nude]")
    changed = changed.replace("review_days: 30", "review_days: 31").replace("sample_share: 0.01", "sample_share: 0.5")
    changed = changed.replace("required: [words, pixels,", "required: [pixels, words,")
    assert changed != text
    assert load_policy(changed, "changed").digest == POLICY.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("score: blank.range", "score: blank.rnage", "image.0: score: 'blank.rnage' is none of"),
        ("block_below: 12", "blok_below: 12", "image.0.blok_below: Extra inputs are not permitted"),
        ("    block_below: 12\n", "", "image.0: the rule on 'blank.range' has no threshold"),
        ("review_below: 7", "review_below: 3", "image.4: thresholds must rise"),
        ("review_below: 7", "review_below: .nan", "image.4.review_below: Input should be a finite number"),
        ("near_bits: 16", "near_bits: 40", "duplicates: near_bits 40 must not exceed review_bits 31"),
        (
            "verdict: REVIEW\n      terms: [erotic",
            "verdict: PASS\n      terms: [erotic",
            "words.categories.nudity.verdict",
        ),
        ("[erotic, naked, nsfw, nude, topless]", "[]", "words.categories.nudity.terms: "),
        ("[erotic, naked, nsfw, nude, topless]", "[' ']", "words.categories.nudity.terms: an empty entry"),
    ],
)
def test_a_wrong_policy_is_refused_by_file_and_field(old: str, new: str, said: str) -> None:
    text = packaged_rules("policy")
    assert old in text
    with pytest.raises(RecipeError) as caught:
        load_policy(text.replace(old, new, 1), "shop.yaml")
    assert str(caught.value).startswith(f"shop.yaml: {said}")


def test_an_override_that_turns_thresholds_around_is_refused_when_the_file_is_read() -> None:
    with pytest.raises(RecipeError, match="thresholds must rise"):
        with_rule(score="blur.foreground", block_below=4, review_below=7, categories={"glass": {"block_below": 9}})


def test_a_policy_that_extends_another_says_only_what_differs() -> None:
    rule = "{score: blur.foreground, reason: blurred, block_below: 2, again: true}"
    policy = load_policy(f"extends: default\nreview_days: 7\nimage: [{rule}]", "shop.yaml")
    assert policy.review_days == 7
    assert policy.words == POLICY.words
    told = {(rule.score, rule.reason): rule for rule in policy.image}
    assert told.keys() == {(rule.score, rule.reason) for rule in POLICY.image}
    assert len(policy.image) == len(POLICY.image)
    assert (told["blur.foreground", "blurred"].block_below, told["blur.foreground", "blurred"].review_below) == (
        2,
        None,
    )
    assert told["blank.range", "blank"] in POLICY.image


def test_extending_without_a_change_is_the_same_policy() -> None:
    assert load_policy("extends: default", "shop.yaml").digest == POLICY.digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "extends: strict",
            r"shop.yaml: extends: there is no built-in policy 'strict'; choose from default",
        ),
        ("extends: [default]", r"shop.yaml: extends: there is no built-in policy \['default'\]"),
        ("extends: default\nimage: 3", "shop.yaml: image: "),
        ("extends: default\nimage: [3]", "shop.yaml: image.0: "),
        ("extends: default\nimage: [{score: blur.foreground, reason: [x]}]", "shop.yaml: image"),
        ("extends: default\nreveiw_days: 3", "shop.yaml: reveiw_days: Extra inputs"),
    ],
)
def test_a_wrong_extension_is_refused_by_file_and_field(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_policy(text, "shop.yaml")


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_policy_can_be_read(name: str) -> None:
    assert built_in_policy(name).required == POLICY.required
