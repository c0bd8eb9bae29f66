"""A policy file: what its digest covers, how it extends a built-in one, and how a wrong one is refused."""

import pytest
import yaml

from catalogs.errors import RuleFileError
from catalogs.photos.photo_rules import built_in_photo_rules
from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.policy.schema import BUILT_IN_POLICIES, Policy, built_in_policy, load_policy
from catalogs.rule_files import read_packaged_rules

POLICY = built_in_policy("default")


def test_the_built_in_policy_is_what_was_meant() -> None:
    assert POLICY.required == ("fingerprint", "pixels", "words")
    assert (POLICY.duplicates.near_bits, POLICY.duplicates.review_bits) == (16, 31)
    assert (POLICY.duplicates.exact_other_sku, POLICY.duplicates.quality_floor) == ("BLOCK", 50)
    assert POLICY.review_days == 30
    assert sum(len(category.terms) for category in POLICY.words.categories.values()) >= 1000
    assert (POLICY.brands.verdict, POLICY.other_languages, POLICY.classifier) == ("REVIEW", "REVIEW", {})
    assert {rule.score for rule in POLICY.image} <= SCORE_SCANNERS.keys()
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
        ("    politics: REVIEW", "    politics: BLOCK"),
        ("    tobacco: REVIEW\n", ""),
        ("  lists:\n", "  categories: {nudity: {verdict: REVIEW, terms: [bare]}}\n  lists:\n"),
        ("  lists:\n", "  without: [erotic]\n  lists:\n"),
        ("  lists:\n", "  allow: [naked flame]\n  lists:\n"),
        ("listed: true}", "listed: false}"),
        ("listed: true}", "listed: true, without: [Nike]}"),
        ("listed: true}", "listed: true, names: {Acme: [acme]}}"),
        ("other_languages: REVIEW", "other_languages: PASS"),
        ("other_languages: REVIEW", "other_languages: REVIEW\nclassifier: {sexual: {review_above: 0.7}}"),
        ("near_bits: 16", "near_bits: 15"),
    ],
)
def test_a_change_that_decides_moves_the_digest(old: str, new: str) -> None:
    text = read_packaged_rules("policy")
    assert text.count(old) == 1
    assert load_policy(text.replace(old, new), "changed").digest != POLICY.digest


def test_what_decides_over_no_image_does_not_move_the_digest() -> None:
    text = read_packaged_rules("policy")
    changed = text.replace("Google Merchant takes 16 MB", "somebody said so")
    changed = changed.replace("    violence: BLOCK\n    sexual: BLOCK\n", "    sexual: BLOCK\n    violence: BLOCK\n")
    changed = changed.replace("review_days: 30", "review_days: 31").replace("sample_share: 0.01", "sample_share: 0.5")
    changed = changed.replace("required: [words, pixels,", "required: [pixels, words,")
    assert changed != text
    assert load_policy(changed, "changed").digest == POLICY.digest


def test_photo_rules_of_its_own_move_the_digest_and_their_remarks_do_not() -> None:
    def with_photos(limit: float, source: str) -> Policy:
        rule = {"score": "mask.area", "reason": "mask.area", "review_above": limit, "source": source}
        photos = {"version": 1, "mask": [rule], "photo": []}
        return load_policy(yaml.safe_dump({"extends": "default", "photos": photos}), "shop.yaml")

    assert len({POLICY.digest, with_photos(0.9, "a").digest, with_photos(0.8, "a").digest}) == 3
    assert with_photos(0.9, "a").digest == with_photos(0.9, "b").digest
    assert Policy.model_validate_json(with_photos(0.9, "a").model_dump_json()) == with_photos(0.9, "a")
    with pytest.raises(RuleFileError, match=r"shop\.yaml: photos\.mask"):
        load_policy("extends: default\nphotos: {version: 1, mask: 3}", "shop.yaml")


def test_what_photo_rules_of_its_own_leave_out_is_as_in_the_built_in_ones() -> None:
    alone = load_policy("extends: default\nphotos: {alone: PASS}", "shop.yaml").photos
    assert alone == built_in_photo_rules().model_copy(update={"alone": "PASS"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("score: blank.range", "score: blank.rnage", "image.0: score: 'blank.rnage' is none of"),
        ("block_below: 12", "blok_below: 12", "image.0.blok_below: Extra inputs are not permitted"),
        ("    block_below: 12\n", "", "image.0: the rule on 'blank.range' has no threshold"),
        ("review_below: 7", "review_below: 3", "image.4: thresholds must rise"),
        ("review_below: 7", "review_below: .nan", "image.4.review_below: Input should be a finite number"),
        ("near_bits: 16", "near_bits: 40", "duplicates: near_bits 40 must not exceed review_bits 31"),
        ("nudity: REVIEW", "nudity: PASS", "words.categories.nudity.verdict"),
        ("nudity: REVIEW", "nudes: REVIEW", "words: there is no word list 'nudes'; choose from adult, alcohol, arms"),
        ("words:\n", "words:\n  categories: {x: {verdict: BLOCK, terms: []}}\n", "words.categories.x.terms: "),
        (
            "words:\n",
            "words:\n  categories: {x: {verdict: BLOCK, terms: [' ']}}\n",
            "words.categories.x.terms: an empty entry",
        ),
        ("words:\n", "words:\n  categories: 3\n", "words.categories: "),
        ("words:\n", "words:\n  categories: {nudity: 3}\n", "words.categories.nudity: "),
        ("listed: true", "listed: true, names: {Acme: []}", "brands.names: a brand without a name is never found"),
        ("listed: true", "listed: true, names: 3", "brands.names: "),
    ],
)
def test_a_wrong_policy_is_refused_by_file_and_field(old: str, new: str, message: str) -> None:
    text = read_packaged_rules("policy")
    assert old in text
    with pytest.raises(RuleFileError) as caught:
        load_policy(text.replace(old, new, 1), "shop.yaml")
    assert str(caught.value).startswith(f"shop.yaml: {message}")


def test_an_override_that_turns_thresholds_around_is_refused_when_the_file_is_read() -> None:
    limits = "block_below: 4, review_below: 7, categories: {glass: {block_below: 9}}"
    rule = f"{{score: blur.foreground, reason: blurred, {limits}}}"
    with pytest.raises(RuleFileError, match="thresholds must rise"):
        load_policy(f"extends: default\nimage: [{rule}]", "shop.yaml")


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


def test_a_policy_adds_to_the_lists_and_takes_out_of_them() -> None:
    policy = load_policy(
        "extends: default\n"
        "words: {without: [topless], allow: [naked flame], lists: {tobacco: null, alcohol: BLOCK, hate: REVIEW},\n"
        "  categories: {nudity: {verdict: BLOCK, terms: [birthday suit]}, spells: {verdict: REVIEW, terms: [hex]}}}\n"
        "brands: {without: [Nike], names: {Acme: [acme anvil]}}",
        "shop.yaml",
    )
    nudity, before = policy.words.categories["nudity"], POLICY.words.categories["nudity"]
    assert set(nudity.terms) == {*before.terms, "birthday suit"} - {"topless"}
    assert (before.verdict, nudity.verdict, policy.words.categories["spells"].terms) == ("REVIEW", "BLOCK", ("hex",))
    assert {"naked flame", "glue gun"} <= set(policy.words.allow)
    assert policy.words.categories.keys() == {*POLICY.words.categories, "spells", "alcohol"} - {"tobacco"}
    assert [policy.words.categories[name].verdict for name in ("alcohol", "hate", "arms")] == [
        "BLOCK",
        "REVIEW",
        "REVIEW",
    ]
    assert policy.brands.names.keys() == {*POLICY.brands.names, "Acme"} - {"Nike"}


def test_a_kept_policy_holds_every_term_and_needs_no_list_to_be_read_again() -> None:
    kept = POLICY.model_dump_json()
    assert '"lists":{}' in kept
    assert "beheaded" in kept
    assert Policy.model_validate_json(kept).digest == POLICY.digest


def test_extending_without_a_change_is_the_same_policy() -> None:
    assert load_policy("extends: default", "shop.yaml").digest == POLICY.digest


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_a_wrong_extension_is_refused_by_file_and_field(text: str, message: str) -> None:
    with pytest.raises(RuleFileError, match=message):
        load_policy(text, "shop.yaml")


@pytest.mark.parametrize("name", BUILT_IN_POLICIES)
def test_every_built_in_policy_can_be_read(name: str) -> None:
    assert built_in_policy(name).required == POLICY.required
