"""Names that must be the same next year: the digests below were computed once and may not move."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.keys import (
    RequestKeyHasher,
    canonical_json,
    digest,
    hash_fraction,
    image_key,
    request_key,
    seed_from_image_key,
    sku_sha,
    slot_id,
)

PARAMETERS = {
    "prompt": "Photo of a mug", "negative": "", "width": 1024, "height": 1024, "steps": 8, "guidance": 0.0,
    "render_version": 1, "family": "z-image", "weights": "abc", "precision": "bf16",
}  # fmt: skip
KEY = "183929c9ffa0f7c388fe595a967df06b9e298b6bd83130001655e7500cb38efe"
FIRST = "5c6975c162204f8b7f71b7c8e45f9be91c99dc0d71c42ef7a3b9979c4c220f07"
SECOND = "df23398929caf112c9277c1b78cb444351ae680741db5a764cba9495cf2f258b"

TEXT = st.text(st.characters(), max_size=20)  # every code point, lone surrogates among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def test_the_canonical_text_is_sorted_tight_and_utf8() -> None:
    value = {"b": [1, 2.5, None, True], "a": "ü\n"}
    assert canonical_json(value) == '{"a":"ü\\n","b":[1,2.5,null,true]}'.encode()
    assert digest(value) == "64863a63fa20a04b68aba9cb09fc3a00c9d495ac4ac6515156a9db8860bef5bf"


def test_keys_and_seeds_stay_what_they_are() -> None:
    assert request_key(PARAMETERS) == KEY
    assert (image_key(KEY, 0), image_key(KEY, 1)) == (FIRST, SECOND)
    assert (seed_from_image_key(FIRST), seed_from_image_key(SECOND)) == (2947706699381529, 1300376806879498)
    assert slot_id("MUG-001", "front", "a", 0).hex() == "f49e50dec1ebd3c93d9ef929451d9115"
    assert sku_sha("MUG-001") == "e6fb4d5039ae"
    assert hash_fraction("MUG-001", "variant") == 0.2520293797809252


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_moves_the_request_key(name: str) -> None:
    others = {str: "another", int: 7, float: 0.5}
    moved = {**PARAMETERS, name: others[type(PARAMETERS[name])]}
    assert request_key(moved) != KEY
    assert request_key({key: value for key, value in PARAMETERS.items() if key != name}) != KEY


@given(parameters=st.dictionaries(TEXT.filter(lambda name: name != "prompt"), VALUES, max_size=5), prompt=TEXT)
def test_keys_taken_together_are_the_keys_taken_one_by_one(parameters: dict[str, object], prompt: str) -> None:
    assert RequestKeyHasher(parameters).key_for(prompt).hex() == request_key({**parameters, "prompt": prompt})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_numbers_that_json_does_not_have_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


@given(value=st.dictionaries(TEXT, VALUES, max_size=5), random=st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, object], random: object) -> None:
    names = list(value)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert canonical_json({name: value[name] for name in names}) == canonical_json(value)


@given(value=VALUES)
def test_nothing_is_lost_in_the_canonical_text(value: object) -> None:
    assert json.loads(canonical_json(value).decode("utf-8", "surrogatepass")) == value


@given(one=VALUES, other=VALUES)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert (digest(one) == digest(other)) == (canonical_json(one) == canonical_json(other))


@given(key=TEXT, attempt=st.integers(0, 100))
def test_seeds_fit_52_bits_and_differ_from_attempt_to_attempt(key: str, attempt: int) -> None:
    image, following = (image_key(digest(key), number) for number in (attempt, attempt + 1))
    assert re.fullmatch(r"[0-9a-f]{64}", image)
    assert 0 <= seed_from_image_key(image) < 2**52
    assert seed_from_image_key(image) != seed_from_image_key(following)
    assert int(float(seed_from_image_key(image))) == seed_from_image_key(image), (
        "a seed must survive a JSON reader that knows floats only"
    )


@given(parts=st.lists(st.tuples(TEXT, st.sampled_from(["a", "ab", "b"])), min_size=2, max_size=2, unique=True))
def test_a_slots_parts_cannot_run_into_one_another(parts: list[tuple[str, str]]) -> None:
    (one, one_view), (other, other_view) = parts
    assert len(slot_id(one, one_view, "a", 0)) == 16
    if "\x1f" not in one + other:  # no accepted SKU holds control characters
        assert slot_id(one, one_view, "a", 0) != slot_id(other, other_view, "a", 0)
    assert slot_id(one, "a", "ab", 1) != slot_id(one, "aa", "b", 1)
    assert slot_id(one, "a", "b", 1) != slot_id(one, "a", "b", 11)


def test_shares_are_even_and_depend_on_the_salt() -> None:
    shares = [hash_fraction(f"SKU-{number}", "variant") for number in range(4000)]
    assert all(0 <= share < 1 for share in shares)
    assert [round(sum(low / 4 <= share < (low + 1) / 4 for share in shares), -3) for low in range(4)] == [1000] * 4
    assert hash_fraction("SKU-1", "variant") != hash_fraction("SKU-1", "another")
