"""A policy names its scanners by names that exist, and says what they have to know."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.policy.scanners import (
    ALWAYS_MEASURED,
    IMAGE_SCANNER_DECLARATIONS,
    IMAGE_SCANNERS,
    OPT_IN_SCORES,
    PROMPT_SCANNERS,
    SCORE_MEANINGS,
    SCORE_SCANNERS,
)
from catalogs.policy.schema import Policy, built_in_policy, load_policy

POLICY = built_in_policy()


def asking(text: str) -> Policy:
    return load_policy(f"extends: default\n{text}", "shop.yaml")


def test_every_score_has_one_scanner_and_a_meaning() -> None:
    assert {*SCORE_SCANNERS.values()} - {ALWAYS_MEASURED} == IMAGE_SCANNERS - {"fingerprint"}
    assert not IMAGE_SCANNERS & PROMPT_SCANNERS
    assert SCORE_MEANINGS.keys() == SCORE_SCANNERS.keys()
    assert sum(len(scanner.scores) for scanner in IMAGE_SCANNER_DECLARATIONS) == len(SCORE_SCANNERS) - 1


def test_scanners_and_scores_keep_the_names_that_are_stored() -> None:
    assert {"pixels", "fingerprint", "explicit", "nudity", "text", "logos"} == IMAGE_SCANNERS
    assert {*OPT_IN_SCORES.values()} == {"explicit", "nudity", "text", "logos"}
    assert len(SCORE_SCANNERS) == 34


def test_a_policy_says_what_its_scanners_have_to_know() -> None:
    policy = asking("optional: [text, logos]\nrequired: [words, nudity]\nlogos: {names: [Acme], library: marks}")
    assert policy.image_scanners == ("logos", "nudity", "text")
    assert policy.scanner_settings == {"logos": {"names": ["Acme"], "library": "marks"}}
    assert policy.digest != asking("optional: [text, logos]\nrequired: [words, nudity]\nlogos: {names: [Bolt]}").digest
    assert POLICY.scanner_settings == {}


def test_the_built_in_policy_has_the_two_that_are_always_run_and_asks_for_explicit_pictures_where_it_can() -> None:
    assert (POLICY.image_scanners, POLICY.optional) == (("explicit", "fingerprint", "pixels"), ("explicit",))
    assert asking("required: [words, nudity, nudity]").required == ("nudity", "words")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "required: [nudety]",
            "shop.yaml: required: there is no scanner 'nudety'; choose from brands, ",
        ),
        ("optional: [texts]", "shop.yaml: optional: there is no scanner 'texts'"),
        ("optional: [logos]", "shop.yaml: logos: the scanner `logos` is requested without `names`"),
        ("logos: {library: ''}", "shop.yaml: logos.library"),
    ],
)
def test_a_policy_that_asks_for_what_is_not_there_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        asking(text)
    assert str(caught.value).startswith(message)
