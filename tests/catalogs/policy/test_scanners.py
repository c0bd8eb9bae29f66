"""A policy names its scanners by names that exist, and says what they have to know."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.policy.scanners import IMAGE_SCANNERS, PROMPT_SCANNERS
from catalogs.policy.schema import SCORE_SCANNERS, Policy, built_in_policy, load_policy

POLICY = built_in_policy()


def asking(text: str) -> Policy:
    return load_policy(f"extends: default\n{text}", "shop.yaml")


def test_every_score_is_measured_by_a_scanner_of_images() -> None:
    assert {*SCORE_SCANNERS.values()} - {""} == IMAGE_SCANNERS - {"fingerprint"}
    assert not IMAGE_SCANNERS & PROMPT_SCANNERS


def test_a_policy_says_what_its_scanners_have_to_know() -> None:
    policy = asking("optional: [text, logos]\nrequired: [words, nudity]\nlogos: {names: [Acme], library: marks}")
    assert policy.image_scanners == ("logos", "nudity", "text")
    assert policy.scanner_settings == {"logos": {"names": ["Acme"], "library": "marks"}}
    assert policy.digest != asking("optional: [text, logos]\nrequired: [words, nudity]\nlogos: {names: [Bolt]}").digest
    assert POLICY.scanner_settings == {}


def test_a_policy_that_asks_for_nothing_more_has_the_two_that_are_always_run() -> None:
    assert (POLICY.image_scanners, POLICY.optional) == (("fingerprint", "pixels"), ())
    assert asking("required: [words, nudity, nudity]").required == ("nudity", "words")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "required: [nudety]",
            "shop.yaml: required: there is no scanner 'nudety'; choose from brands, ",
        ),
        ("optional: [texts]", "shop.yaml: optional: there is no scanner 'texts'"),
        ("optional: [logos]", "shop.yaml: logos: the scanner `logos` is named, and has neither"),
        ("logos: {library: ''}", "shop.yaml: logos.library"),
    ],
)
def test_a_policy_that_asks_for_what_is_not_there_is_refused(text: str, said: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        asking(text)
    assert str(caught.value).startswith(said)
