"""Integrity keys: a tag holds for its key, its purpose and its parts, and for nothing else."""

import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import IntegrityKeyError
from infra.integrity.keyring import IntegrityKeys, parse_keys

ONE, TWO = b"1" * 64, b"2" * 64
PARTS = st.lists(st.binary(max_size=40), max_size=4)


def _joined(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def test_a_tag_is_a_standard_hmac_under_the_keys_id() -> None:
    keys = IntegrityKeys([ONE])
    tag = keys.tag("image", "ab", b"c")
    assert tag == f"{keys.ids[0]}.{hmac.new(ONE, _joined(b'image', b'ab', b'c'), 'sha256').hexdigest()}"
    assert keys.accepts(tag, "image", b"ab", "c")


def poly1305(key: bytes, text: bytes) -> bytes:
    """Return RFC 8439's Poly1305, by its own words."""
    r, s = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF, int.from_bytes(key[16:], "little")
    value = 0
    for start in range(0, len(text), 16):
        value = (value + int.from_bytes(text[start : start + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((value + s) % 2**128).to_bytes(16, "little")


def test_a_body_enters_the_hmac_as_its_poly1305_under_a_key_of_the_other_parts() -> None:
    keys, body = IntegrityKeys([ONE]), bytes(range(100))
    body_key = hmac.new(ONE, _joined(b"image: body key", b"ab"), "sha256").digest()
    code = hmac.new(ONE, _joined(b"image", b"ab", poly1305(body_key, body)), "sha256").hexdigest()
    assert keys.tag("image", "ab", body=memoryview(body)) == f"{keys.ids[0]}.{code}"


@given(st.lists(st.binary(max_size=20), max_size=2), st.binary(max_size=40), st.binary(max_size=40))
def test_a_tag_holds_for_its_own_body_alone(parts: list[bytes], one: bytes, other: bytes) -> None:
    keys = IntegrityKeys([ONE])
    tag = keys.tag("image", *parts, body=one)
    assert keys.accepts(tag, "image", *parts, body=other) == (one == other)
    assert not keys.accepts(tag, "image", *parts)
    assert not keys.accepts(tag, "image", *parts, one)
    assert not keys.accepts(tag, "image", *parts, b"", body=one)


@given(PARTS, PARTS, st.sampled_from(["image", "scores"]), st.sampled_from(["image", "scores"]))
def test_a_tag_holds_for_its_own_purpose_and_parts_alone(
    one: list[bytes], other: list[bytes], purpose: str, another: str
) -> None:
    keys = IntegrityKeys([ONE])
    tag = keys.tag(purpose, *one)
    assert keys.accepts(tag, another, *other) == ((purpose, one) == (another, other))


@given(st.integers(0, 72), st.integers(1, 127))
def test_a_tag_with_one_character_changed_is_refused(position: int, change: int) -> None:
    keys = IntegrityKeys([ONE])
    tag = keys.tag("image", "part")
    changed = tag[:position] + chr(ord(tag[position]) ^ change) + tag[position + 1 :]
    assert not keys.accepts(changed, "image", "part")


@pytest.mark.parametrize("tag", [None, "", 7, b"tag", "x.y", [], {"a": 1}], ids=repr)
def test_what_is_no_tag_is_refused_without_an_error(tag: object) -> None:
    assert not IntegrityKeys([ONE]).accepts(tag, "image", "part")


def test_after_a_rotation_the_new_key_signs_and_both_are_accepted_until_the_old_one_is_dropped() -> None:
    old, rotated, new = IntegrityKeys([ONE]), IntegrityKeys([TWO, ONE]), IntegrityKeys([TWO])
    before, after = old.tag("image", "part"), rotated.tag("image", "part")
    assert rotated.ids == (*new.ids, *old.ids)
    assert [keys.accepts(before, "image", "part") for keys in (old, rotated, new)] == [True, True, False]
    assert [keys.accepts(after, "image", "part") for keys in (old, rotated, new)] == [False, True, True]


def test_keys_travel_to_workers_and_print_as_their_ids() -> None:
    keys = IntegrityKeys([ONE, TWO])
    copy = pickle.loads(pickle.dumps(keys))  # noqa: S301 - our own bytes
    assert copy.accepts(keys.tag("image", "part"), "image", "part")
    for text in (repr(keys), str(keys), f"{keys}"):
        assert text == f"IntegrityKeys({', '.join(keys.ids)})"
        assert "1111" not in text


def test_a_text_may_hold_several_keys_and_comments() -> None:
    text = f"# newest first\n{ONE.decode()}\n\n  # the one of last year\n{TWO.decode()} \n"
    assert parse_keys(text).ids == IntegrityKeys([ONE, TWO]).ids
    assert parse_keys(f"{ONE.decode()},{TWO.decode()}").ids == IntegrityKeys([ONE, TWO]).ids


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no integrity key"),
        ("# nothing\n", "There is no integrity key"),
        (f"{'1' * 64}\nsecret", "Integrity key 2 has 6 characters; 32 are the least"),
        ("1" * 64 + "," + "1" * 64, "given twice"),
    ],
)
def test_keys_that_cannot_be_used_are_named_by_position_and_never_shown(text: str, words: str) -> None:
    with pytest.raises(IntegrityKeyError, match=words) as refused:
        parse_keys(text)
    assert "secret" not in str(refused.value)
    assert "1111" not in str(refused.value)
