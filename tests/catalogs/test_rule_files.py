"""Rule files: errors name the file and the field."""

from functools import cached_property

import pytest
from pydantic import Field, ValidationError

from catalogs.errors import RuleFileError
from catalogs.rule_files import StrictModel, first_field_error, parse_rule_file, parse_yaml_mapping, read_packaged_rules


class Limit(StrictModel):
    lowest: int = Field(ge=0)


class Limits(StrictModel):
    limits: dict[str, Limit]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limits: {a: {lowest: -1}}", "shop.yaml: limits.a.lowest: Input should be greater than or equal to 0"),
        ("limits: {a: {lowest: 1, highest: 2}}", "shop.yaml: limits.a.highest: Extra inputs are not permitted"),
        ("{}", "shop.yaml: limits: Field required"),
        ("- a\n- b", "shop.yaml: the file must hold a mapping of fields; this is a list"),
        ("", "shop.yaml: the file must hold a mapping of fields; this is a NoneType"),
        ("limits: {a: [", "shop.yaml: not YAML: "),
        ("limits:\n  a: {lowest: 1}\n  a: {lowest: 2}", "shop.yaml: not YAML: the key 'a' is written twice"),
        ("? [a, b]\n: 1", "shop.yaml: not YAML: a key must be plain text"),
        ("limits: !!python/object/apply:os.getcwd []", "shop.yaml: not YAML: could not determine a constructor"),
        ("[" * 2000, "shop.yaml: not YAML: "),
    ],
)
def test_an_error_names_the_file_and_the_field(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        parse_rule_file(text, "shop.yaml", Limits)
    assert str(caught.value).startswith(message)


def test_what_is_right_is_read() -> None:
    assert parse_rule_file("limits: {a: {lowest: 3}}", "shop.yaml", Limits).limits["a"].lowest == 3


def test_rules_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_rule_file("lowest: 3", "shop.yaml", Limit).lowest = 4  # type: ignore[misc]


@pytest.mark.parametrize("name", ["nowhere", "../errors", "", "recipes/default"])
def test_only_packaged_names_are_read(name: str) -> None:
    with pytest.raises(RuleFileError, match="no built-in rules"):
        read_packaged_rules(name)


def test_the_first_field_error_has_a_path_a_message_and_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Limits.model_validate({"limits": {"a": {"lowest": "x"}}})
    first = first_field_error(caught.value)
    assert (first.path, first.value) == (("limits", "a", "lowest"), "x")
    assert first.message.startswith("Input should be a valid integer")


class Digested(StrictModel):
    lowest: int

    @cached_property
    def digest(self) -> str:
        return f"digest of {self.lowest}"


def test_a_changed_copy_does_not_keep_the_digest_of_the_original() -> None:
    original = Digested(lowest=1)
    assert original.digest == "digest of 1"
    assert original.model_copy(update={"lowest": 2}).digest == "digest of 2"


@pytest.mark.parametrize(
    "value", ["!!timestamp x", '!!int ""', '!!float ""', "!!bool x", "!!binary é", "!!set [a]", "!!omap x"]
)
def test_a_value_that_does_not_fit_its_tag_is_a_sentence(value: str) -> None:
    with pytest.raises(RuleFileError, match=r"^rules\.yaml: not YAML: "):
        parse_yaml_mapping(f"version: {value}\n", "rules.yaml")


def nested_merges(levels: int) -> str:
    lines = ["a0: &a0 {" + ", ".join(f"k{number}: 1" for number in range(9)) + "}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}], x{level}: 1}}")
    return "\n".join(lines)


def nested_aliases(levels: int) -> str:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (nested_merges(9), "merge keys (<<) repeat more than 500,000 values"),
        (nested_aliases(9), "aliases (*name) repeat more than 500,000 values"),
        ("a: &a [*a]", "aliases (*name) repeat more than 500,000 values"),
        ("a: " + ":".join(["1"] * 100_000), "a number is too long"),
        ("a: 1" + "0" * 5_000, "a number is too long"),
        ("#" * 4_000_001, "it has 4,000,001 characters; at most 4,000,000 are read"),
    ],
)
def test_s11_a_small_file_that_grows_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        parse_yaml_mapping(text, "shop.yaml")
    assert str(caught.value).startswith("shop.yaml: ")
    assert words in str(caught.value)


def test_aliases_and_merge_keys_that_save_typing_are_read() -> None:
    assert parse_yaml_mapping(nested_merges(3), "shop.yaml")["a2"]["k8"] == 1
    assert len(parse_yaml_mapping(nested_aliases(3), "shop.yaml")["a2"]) == 9
